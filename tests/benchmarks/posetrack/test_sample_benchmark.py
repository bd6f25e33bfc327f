"""The PoseTrack benchmark on the sample with the bundled networks, as in the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import run_command
from tiny_posetrack import ROOT

from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.utils.folder_lock import LOCK_FILES, locked_folder

COMMAND = re.compile(r"(pose-track posetrack|tools/run_posetrack\.py) --root data/sample")
# Processors round differently, which changes a metric a little. A single id changes those of the last line a lot.
TOLERANCES = {
    **dict.fromkeys(("AP", "Precision", "Recall", "MOTA", "MOTP", "MOT precision", "MOT recall", "DetA", "LocA"), 2.0),
    **dict.fromkeys(("IDF1", "HOTA", "AssA"), 12.0),
}


def tables(text: str) -> dict[str, list[float]]:
    """The rows of percentages in a text: a name and eight numbers with one decimal."""
    rows = re.findall(r"^ *([A-Z][\w ]*?) {2,}((?:-?\d+\.\d *){8})$", text, re.MULTILINE)
    return {name: [float(number) for number in numbers.split()] for name, numbers in rows}


def readme_table() -> dict[str, list[float]]:
    """The table below the command in the README."""
    path = ROOT / "README.md"
    if not path.exists():
        pytest.skip("there is no README beside the tests")
    text = path.read_text(encoding="utf-8")
    command = COMMAND.search(text)
    assert command, f"the README does not show {COMMAND.pattern}"
    rows = tables(text[command.end() :].partition("\n## ")[0])
    assert {"AP", "MOTA"} <= set(rows), "the README does not show the table below the command"
    return rows


def test_table_parser() -> None:
    rows = [
        "       Head   Shou",
        "AP     89.0 88.8 75.2 69.7 89.8 63.9 61.1  77.6",
        "MOT recall  1.0 -2.5 3.0 4.0 5.0 6.0 7.0 100.0",
        "Misses   1 2 3 4 5 6 7 8",
    ]
    assert tables("\n".join(rows)) == {
        "AP": [89.0, 88.8, 75.2, 69.7, 89.8, 63.9, 61.1, 77.6],
        "MOT recall": [1, -2.5, 3, 4, 5, 6, 7, 100],
    }


def test_sample_has_the_metrics_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    words = ["--root", "data/sample", "--year", "2018", "--split", "val", "--config", "configs/benchmark/bundled.yaml"]
    assert run_command("posetrack", *words, "--device", "cpu", "--out", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "1 sequences, 150 frames, 150 labelled frames, 326 people" in printed
    measured = tables(printed)
    assert set(measured) == set(TOLERANCES)
    assert measured["AP"][-1] > 50  # whatever the README says
    assert measured["MOTA"][-1] > 40
    for name, expected in readme_table().items():
        assert measured[name] == pytest.approx(expected, abs=TOLERANCES[name]), name


def test_one_run_at_a_time_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    with locked_folder(tmp_path):
        words = ["--root", "data/sample", "--year", "2018", "--device", "cpu"]
        assert run_command("posetrack", *words, "--out", tmp_path) == EXIT_ERROR
        assert {path.name for path in tmp_path.iterdir()} == set(LOCK_FILES)
    assert str(tmp_path) in capsys.readouterr().err
