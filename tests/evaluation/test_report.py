"""Tables and JSON of synthetic metrics."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from sequence_pair_files import write_case

from pose_track.evaluation.posetrack import Evaluation, Metrics
from pose_track.evaluation.report import (
    data_summary,
    evaluation_json,
    format_report,
    group_means,
    latex_table,
    text_table,
)
from pose_track.evaluation.sequence_pairs import load_pairs
from pose_track.formats.problems import Problems
from pose_track.structures.skeleton import POSETRACK_15

NAMES = [field.name for field in fields(Metrics)]
COUNTS = ("switches", "fragmentations", "misses", "false_positives", "objects")
FULL = np.append(np.arange(15.0), 7.0)


def synthetic_metrics(**replaced: np.ndarray) -> Metrics:
    """Percentages 0 to 14 by joint, total 7; counts 0 to 14, total 105."""
    counts = np.append(np.arange(15.0), 105.0)
    return replace(Metrics(*(counts if name in COUNTS else FULL for name in NAMES)), **replaced)


def without_tracks() -> Metrics:
    tracking = NAMES[NAMES.index("mota") :]
    return synthetic_metrics(**{name: np.full(16, np.nan) for name in tracking})


def lines(text: str) -> dict[str, list[str]]:
    """The cells of each row, by its name."""
    return {line[:15].strip(): line[15:].split() for line in text.splitlines()}


# the joints of each column: head_top, neck, nose; then left and right of each pair
GROUPS = {
    "Head": (14, 12, 13), "Shou": (9, 8), "Elb": (10, 7), "Wri": (11, 6), "Hip": (3, 2), "Knee": (4, 1), "Ankl": (5, 0),
}  # fmt: skip


def test_the_columns_are_those_of_papers() -> None:
    values = np.append(np.arange(15.0) ** 2, -1)
    expected = [np.mean([values[k] for k in joints]) for joints in GROUPS.values()]
    assert group_means(values).tolist() == pytest.approx([*expected, -1])
    assert [POSETRACK_15.joint_names[k] for k in GROUPS["Head"]] == ["head_top", "head_bottom", "nose"]


def test_undefined_joints_are_left_out_of_means() -> None:
    values = FULL.copy()
    values[[13, 8, 9]] = np.nan  # the nose and both shoulders
    result = group_means(values)
    assert result[0] == 13
    assert np.isnan(result[1])
    assert result[2:].tolist() == group_means(FULL)[2:].tolist()


def test_table() -> None:
    ap = FULL.copy()
    ap[[8, 9]] = np.nan
    result = lines(text_table(synthetic_metrics(ap=ap, mota=FULL - 20)))
    assert result[""] == [*GROUPS, "Total"]
    assert result["AP"] == ["13.0", "-", "8.5", "8.5", "2.5", "2.5", "2.5", "7.0"]
    assert result["MOTA"] == ["-7.0", "-11.5", "-11.5", "-11.5", "-17.5", "-17.5", "-17.5", "-13.0"]
    assert result["Id switches"] == ["39", "17", "17", "17", "5", "5", "5", "105"]
    assert list(result)[1:] == [
        "AP", "Precision", "Recall", "MOTA", "MOTP", "MOT precision", "MOT recall", "IDF1", "HOTA", "DetA", "AssA",
        "LocA", "Id switches", "Fragmentations", "Misses", "False positives", "Objects",
    ]  # fmt: skip
    assert {len(line) for line in text_table(synthetic_metrics()).splitlines()} == {15 + 8 * 8}


def test_pose_and_tracking_metrics_of_two_evaluations() -> None:
    result = lines(text_table(without_tracks(), synthetic_metrics(ap=FULL - 5, hota=FULL + 1)))
    assert (result["AP"][-1], result["HOTA"][-1]) == ("7.0", "8.0")


def test_without_tracks() -> None:
    assert list(lines(text_table(without_tracks()))) == ["", "AP", "Precision", "Recall"]
    assert "MOTA" not in latex_table(without_tracks())


def test_latex() -> None:
    ap = FULL.copy()
    ap[[8, 9]] = np.nan
    result = latex_table(synthetic_metrics(ap=ap)).splitlines()
    assert (result[0], result[-1]) == (r"\begin{tabular}{lrrrrrrrr}", r"\end{tabular}")
    assert result[2] == r" & Head & Shou & Elb & Wri & Hip & Knee & Ankl & Total \\"
    assert result[4] == r"AP & 13.0 & - & 8.5 & 8.5 & 2.5 & 2.5 & 2.5 & 7.0 \\"
    rows = [line for line in result if line.endswith(r"\\")]
    assert {line.count("&") for line in rows} == {8}
    assert [line for line in result if line == r"\hline"] == [r"\hline"] * 3
    assert "%" not in "".join(result)


def evaluation(clean: Metrics | None = None) -> Evaluation:
    poseval = synthetic_metrics(hota=np.full(16, np.nan))
    modes = {"poseval": poseval, "clean": clean or synthetic_metrics(ap=FULL + 0.25)}
    return Evaluation(modes, {"a": modes, "longer_name": modes})


def test_the_chosen_mode_comes_first() -> None:
    result = format_report(evaluation(), "clean")
    assert result.startswith("clean, in percent\n")
    assert lines(result)["AP"][-1] == "7.2"
    assert result.endswith("\n\nposeval: AP 7.0, MOTA 7.0, MOTP 7.0, IDF1 7.0, HOTA -")
    assert "tabular" not in result
    assert format_report(evaluation(), "poseval").endswith("\n\nclean: AP 7.2, MOTA 7.0, MOTP 7.0, IDF1 7.0, HOTA 7.0")


def test_latex_and_sequences_on_request() -> None:
    result = format_report(evaluation(), "poseval", latex=True, per_sequence=True)
    assert latex_table(evaluation().modes["poseval"]) in result
    assert "longer_name    7.0    7.0    7.0      -\n" in result
    assert "sequence        AP   MOTA   IDF1   HOTA\na" in result


def test_unlabelled_joints_are_listed() -> None:
    ap = FULL.copy()
    ap[[13, 0]] = np.nan
    assert "\nnot labelled: right_ankle, nose;" in format_report(evaluation(synthetic_metrics(ap=ap)), "poseval")
    assert "not labelled" not in format_report(evaluation(), "poseval")


def test_json() -> None:
    result = evaluation_json(evaluation(), per_sequence=True)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert list(result) == ["modes", "sequences"]
    assert list(result["modes"]) == ["poseval", "clean"]
    assert result["sequences"] == {"a": result["modes"], "longer_name": result["modes"]}
    assert list(result["modes"]["clean"]) == NAMES
    assert result["modes"]["clean"]["ap"] == (FULL + 0.25).tolist()
    assert result["modes"]["poseval"]["hota"] == [None] * 16
    assert evaluation_json(evaluation(), per_sequence=False) == {"modes": result["modes"], "sequences": {}}


def test_data_summary(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pairs = load_pairs(*write_case(tmp_path), Problems())
    assert data_summary(pairs) == "sequences 2, frames 6, labelled 6, people 12, predicted 12"
