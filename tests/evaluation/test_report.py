"""Tables and JSON of made figures."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from made_pairs import write_case

from pose_track.evaluation.pairing import load_pairs
from pose_track.evaluation.posetrack import Evaluation, Figures
from pose_track.evaluation.report import evaluation_json, extent, group_means, latex_table, report, text_table
from pose_track.formats.problems import Problems
from pose_track.structures.skeleton import POSETRACK_15

NAMES = [field.name for field in fields(Figures)]
COUNTS = ("switches", "fragmentations", "misses", "false_positives", "objects")
FULL = np.append(np.arange(15.0), 7.0)


def figures(**given: np.ndarray) -> Figures:
    """Percentages by joint 0 to 14, 7 in all; counts the same and their sum."""
    counts = np.append(np.arange(15.0), 105.0)
    return replace(Figures(*(counts if name in COUNTS else FULL for name in NAMES)), **given)


def without_tracks() -> Figures:
    tracking = NAMES[NAMES.index("mota") :]
    return figures(**{name: np.full(16, np.nan) for name in tracking})


def lines(text: str) -> dict[str, list[str]]:
    """The cells of each row."""
    return {line[:15].strip(): line[15:].split() for line in text.splitlines()}


# joints of a column, and its mean: head_top, neck, nose; then of each pair the left and the right one
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
    found = group_means(values)
    assert found[0] == 13
    assert np.isnan(found[1])
    assert found[2:].tolist() == group_means(FULL)[2:].tolist()


def test_table() -> None:
    ap = FULL.copy()
    ap[[8, 9]] = np.nan
    found = lines(text_table(figures(ap=ap, mota=FULL - 20)))
    assert found[""] == [*GROUPS, "Total"]
    assert found["AP"] == ["13.0", "-", "8.5", "8.5", "2.5", "2.5", "2.5", "7.0"]
    assert found["MOTA"] == ["-7.0", "-11.5", "-11.5", "-11.5", "-17.5", "-17.5", "-17.5", "-13.0"]
    assert found["Id switches"] == ["39", "17", "17", "17", "5", "5", "5", "105"]
    assert list(found)[1:] == [
        "AP", "Precision", "Recall", "MOTA", "MOTP", "MOT precision", "MOT recall", "IDF1", "HOTA", "DetA", "AssA",
        "LocA", "Id switches", "Fragmentations", "Misses", "False positives", "Objects",
    ]  # fmt: skip
    assert {len(line) for line in text_table(figures()).splitlines()} == {15 + 8 * 8}


def test_poses_of_one_and_tracks_of_another() -> None:
    found = lines(text_table(without_tracks(), figures(ap=FULL - 5, hota=FULL + 1)))
    assert (found["AP"][-1], found["HOTA"][-1]) == ("7.0", "8.0")


def test_without_tracks() -> None:
    assert list(lines(text_table(without_tracks()))) == ["", "AP", "Precision", "Recall"]
    assert "MOTA" not in latex_table(without_tracks())


def test_latex() -> None:
    ap = FULL.copy()
    ap[[8, 9]] = np.nan
    found = latex_table(figures(ap=ap)).splitlines()
    assert (found[0], found[-1]) == (r"\begin{tabular}{lrrrrrrrr}", r"\end{tabular}")
    assert found[2] == r" & Head & Shou & Elb & Wri & Hip & Knee & Ankl & Total \\"
    assert found[4] == r"AP & 13.0 & - & 8.5 & 8.5 & 2.5 & 2.5 & 2.5 & 7.0 \\"
    rows = [line for line in found if line.endswith(r"\\")]
    assert {line.count("&") for line in rows} == {8}
    assert [line for line in found if line == r"\hline"] == [r"\hline"] * 3
    assert "%" not in "".join(found)


def evaluation(clean: Figures | None = None) -> Evaluation:
    poseval = figures(hota=np.full(16, np.nan))
    modes = {"poseval": poseval, "clean": clean or figures(ap=FULL + 0.25)}
    return Evaluation(modes, {"a": modes, "longer_name": modes})


def test_the_chosen_mode_comes_first() -> None:
    found = report(evaluation(), "clean")
    assert found.startswith("clean, in percent\n")
    assert lines(found)["AP"][-1] == "7.2"
    assert found.endswith("\n\nposeval: AP 7.0, MOTA 7.0, MOTP 7.0, IDF1 7.0, HOTA -")
    assert "tabular" not in found
    assert report(evaluation(), "poseval").endswith("\n\nclean: AP 7.2, MOTA 7.0, MOTP 7.0, IDF1 7.0, HOTA 7.0")


def test_more_where_wanted() -> None:
    found = report(evaluation(), "poseval", latex=True, per_sequence=True)
    assert latex_table(evaluation().modes["poseval"]) in found
    assert "longer_name    7.0    7.0    7.0      -\n" in found
    assert "sequence        AP   MOTA   IDF1   HOTA\na" in found


def test_joints_without_truth_are_named() -> None:
    ap = FULL.copy()
    ap[[13, 0]] = np.nan
    assert "\nnot labelled: right_ankle, nose; left out of" in report(evaluation(figures(ap=ap)), "poseval")
    assert "not labelled" not in report(evaluation(), "poseval")


def test_json() -> None:
    found = evaluation_json(evaluation(), per_sequence=True)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == ["modes", "sequences"]
    assert list(found["modes"]) == ["poseval", "clean"]
    assert found["sequences"] == {"a": found["modes"], "longer_name": found["modes"]}
    assert list(found["modes"]["clean"]) == NAMES
    assert found["modes"]["clean"]["ap"] == (FULL + 0.25).tolist()
    assert found["modes"]["poseval"]["hota"] == [None] * 16
    assert evaluation_json(evaluation(), per_sequence=False) == {"modes": found["modes"], "sequences": {}}


def test_extent(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pairs = load_pairs(*write_case(tmp_path), Problems())
    assert extent(pairs) == "sequences 2, frames 6, labelled 6, people 12, predicted 12"
