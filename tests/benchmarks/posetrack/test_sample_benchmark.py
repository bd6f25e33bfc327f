"""The project's own sample through the benchmark with the bundled networks, as the README shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_posetrack import ROOT, run_tool

COMMAND = "tools/run_posetrack.py --root data/sample"
# Other processors round otherwise, which moves a figure a little; a single identity moves those of the last line a lot.
TOLERANCES = {
    **dict.fromkeys(("AP", "Precision", "Recall", "MOTA", "MOTP", "MOT precision", "MOT recall", "DetA", "LocA"), 2.0),
    **dict.fromkeys(("IDF1", "HOTA", "AssA"), 12.0),
}


def tables(text: str) -> dict[str, list[float]]:
    """The rows of percentages in a text: name and eight numbers with a decimal."""
    rows = re.findall(r"^ *([A-Z][\w ]*?) {2,}((?:-?\d+\.\d *){8})$", text, re.MULTILINE)
    return {name: [float(number) for number in numbers.split()] for name, numbers in rows}


def readme_table() -> dict[str, list[float]]:
    """The table below the command in the README."""
    path = ROOT / "README.md"
    if not path.exists():
        pytest.skip("there is no README beside the tests")
    _, found, rest = path.read_text(encoding="utf-8").partition(COMMAND)
    assert found, f"the README does not show {COMMAND}"
    shown = tables(rest.partition("\n## ")[0])
    assert {"AP", "MOTA"} <= set(shown), "the README does not show the table below the command"
    return shown


def test_tables_are_found() -> None:
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


def test_the_sample_gives_the_table_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    words = ["--root", "data/sample", "--year", "2018", "--split", "val", "--config", "configs/benchmark/bundled.yaml"]
    assert run_tool("run_posetrack", *words, "--device", "cpu", "--out", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "1 sequences, 150 frames, 150 labelled frames, 326 people" in printed
    found = tables(printed)
    assert set(found) == set(TOLERANCES)
    assert found["AP"][-1] > 50  # whatever the README says
    assert found["MOTA"][-1] > 40
    for name, expected in readme_table().items():
        assert found[name] == pytest.approx(expected, abs=TOLERANCES[name]), name
