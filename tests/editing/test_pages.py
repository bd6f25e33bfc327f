"""The Python examples of the pages run as they stand."""

from pathlib import Path

import pytest
from editing.walkers import ids_by_frame, write_walkers

from pose_track.formats.tracks_jsonl import read_tracks

DOCS = Path(__file__).resolve().parents[2] / "docs"


def example(page):
    """The indented block of a page that begins with an import, as a program."""
    lines = (DOCS / page).read_text(encoding="utf-8").split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("    from "))
    block = []
    for line in lines[start:]:
        if line and not line.startswith("    "):
            break
        block.append(line[4:])
    return "\n".join(block)


def test_editing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_walkers(tmp_path / "out/tracks.jsonl", lambda n: (1, 2, 3 if n < 20 else 5))
    exec(compile(example("editing.md"), "editing.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["1  0 39 40", "2  0 39 40", "3  0 19 20", "5  20 39 20"]
    mended = ids_by_frame(read_tracks(tmp_path / "mended/tracks.jsonl")[1])
    assert mended == [[1, 2, 3]] * 20 + [[1, 2, 5]] * 10 + [[2, 1, 5]] * 10  # the merge was taken back


def test_plots(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    monkeypatch.chdir(tmp_path)
    write_walkers(tmp_path / "runs/clip/tracks.jsonl", lambda n: (1, 2, 3))
    exec(compile(example("plots.md"), "plots.md", "exec"), {})
    assert (tmp_path / "knee.pdf").read_bytes().startswith(b"%PDF")
