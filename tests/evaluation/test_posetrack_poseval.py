"""Recorded metrics of the official tool, and real gt evaluated against itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shared_data import shared

from pose_track.evaluation.posetrack import Evaluation, Metrics, evaluate_posetrack
from pose_track.formats.posetrack.reader import read_posetrack

# the official tool's files, and its names of the metrics
RECORDED = {
    "AP": {"ap": "ap", "pre": "precision", "rec": "recall"},
    "MOT": {"mota": "mota", "motp": "motp", "pre": "mot_precision", "rec": "mot_recall"},
}


def evaluate_folders(gt: Path, prediction: Path) -> Evaluation:
    names = sorted(path.name for path in gt.glob("*.json"))
    return evaluate_posetrack((read_posetrack(gt / name), read_posetrack(prediction / name)) for name in names)


def assert_recorded(folder: Path, name: str, metrics: Metrics) -> None:
    for kind, names in RECORDED.items():
        recorded = json.loads((folder / f"{name}_{kind}_metrics.json").read_text())
        for key, field in names.items():
            expected = np.array(recorded[key], float)
            np.testing.assert_allclose(getattr(metrics, field), expected, rtol=0, atol=1e-9, err_msg=f"{name} {field}")


@pytest.mark.parametrize("case", ["a17", "b17quirks", "c18", "d18quirks"])
def test_recorded_metrics(case: str) -> None:
    folder = shared(f"data/poseval_cases/{case}")
    evaluation = evaluate_folders(folder / "gt", folder / "pred")
    assert_recorded(folder / "expected", "total", evaluation.modes["poseval"])
    assert len(evaluation.sequences) == len(list((folder / "gt").glob("*.json")))
    for name, by_mode in evaluation.sequences.items():
        assert_recorded(folder / "expected", name, by_mode["poseval"])


PERCENT = ("ap", "precision", "recall", "mota", "motp", "mot_precision", "mot_recall", "idf1", "hota", "det_a", "ass_a")
NOSE = 13


def test_real_gt_against_itself() -> None:
    folder = shared("data/mpposetrack_gt")
    evaluation = evaluate_folders(folder, folder)
    for mode, metrics in evaluation.modes.items():
        for name in PERCENT:
            values = getattr(metrics, name)
            np.testing.assert_allclose(np.delete(values, [NOSE, 15]), 100, err_msg=f"{mode} {name}")
            no_nose = 0 if mode == "poseval" and name in ("ap", "precision", "recall", "motp") else np.nan
            np.testing.assert_equal(values[NOSE], no_nose)
            total = 100 if np.isnan(no_nose) else 100 * 14 / 15
            assert values[15] == pytest.approx(total), (mode, name)
        assert metrics.misses[15] == metrics.false_positives[15] == metrics.switches[15] == 0
    assert len(evaluation.sequences) == 30


def test_one_labelled_frame_with_ignore_regions_against_itself() -> None:
    folder = shared("data/posetrack18_sample/annotations/val")
    evaluation = evaluate_folders(folder, folder)
    for name in PERCENT:
        np.testing.assert_allclose(getattr(evaluation.modes["clean"], name), 100, err_msg=name)
    # the official tool does not evaluate the last frame of a sequence for tracking, here the only one
    assert np.isnan(evaluation.modes["poseval"].mota).all()
    np.testing.assert_allclose(evaluation.modes["poseval"].ap, 100)
