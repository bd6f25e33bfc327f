"""The files that a batch keeps, and what it shows while it runs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pose_track.batch.display import Display
from pose_track.batch.journal import JOURNAL, Row, open_journal, read_rows, read_states
from pose_track.batch.results import Figures
from pose_track.batch.state import BatchState, WorkerState
from pose_track.batch.tables import COLUMNS, write_tables
from pose_track.batch.task import Progress

FIGURES = Figures(50, 100, 3, 0, 2.0, 25.0)
DONE = Row("b/clip", "in/b/clip.mp4", "done", 10.0, FIGURES, 1)
FAILED = Row("a", "in/<a>.mp4", "failed", 11.0, None, 3, "it died", "last words")


def test_the_last_row_of_a_video_counts(tmp_path: Path) -> None:
    """Of all batches in a folder; a line that was cut is passed over, and a new batch tidies up."""
    with open_journal(tmp_path) as first, open_journal(tmp_path) as second:
        first.write(FAILED)
        second.write(DONE)
        first.write(DONE.__class__("a", "in/<a>.mp4", "done", 12.0, FIGURES, 1))
    path = tmp_path / ".batch" / "drivers" / "1" / JOURNAL
    with path.open("a") as file:
        file.write('{"video": "cut')
    assert [(row.video, row.status) for row in read_rows(tmp_path)] == [("a", "done"), ("b/clip", "done")]
    with open_journal(tmp_path):
        assert len(path.read_text().splitlines()) == 1
    assert [(row.video, row.status) for row in read_rows(tmp_path)] == [("a", "done"), ("b/clip", "done")]


def test_states_tell_which_batch_runs(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.save(BatchState(3, 3.0, workers={"1": WorkerState("a", 5.0, Progress(7, 9))}))
        ((saved, is_running),) = read_states(tmp_path)
        assert is_running
        assert saved.state.workers["1"].progress == Progress(7, 9)
    ((_, is_running),) = read_states(tmp_path)
    assert not is_running


def test_tables(tmp_path: Path) -> None:
    write_tables([FAILED, DONE], tmp_path, ("csv", "html"))
    lines = (tmp_path / "summary.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1] == "a,failed,,,,,,,3,it died,in/<a>.mp4"
    assert lines[2] == "b/clip,done,50,100,3,0,2.0,25.0,1,,in/b/clip.mp4"
    page = (tmp_path / "summary.html").read_text()
    assert "<td>in/&lt;a&gt;.mp4</td>" in page
    assert page.count("</tr>") == 3
    (failure,) = map(json.loads, (tmp_path / "failed.jsonl").read_text().splitlines())
    assert (failure["video"], failure["reason"], failure["log_tail"]) == ("a", "it died", "last words")
    parquet = pytest.importorskip("pyarrow.parquet")
    write_tables([FAILED, DONE], tmp_path, ("parquet",))
    assert parquet.read_table(tmp_path / "summary.parquet").to_pylist()[1]["frames"] == 50


def test_rates_and_the_time_that_is_left() -> None:
    state = BatchState(4, 100.0, began=0.0, updated=0.0)
    assert state.seconds_left is None
    state.settle(10.0)  # skipped: says nothing about the rate
    state.settle(30.0, FIGURES)
    state.updated = 60.0
    assert state.seconds_left == 120.0
    state.workers["1"] = WorkerState("c", 30.0, Progress(10, 0))
    assert state.fps == 1.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_display_of_a_terminal() -> None:
    """A line for the batch and one for each worker, and failures above them."""
    file, state = Terminal(), BatchState(4, 4.0, workers={"1": WorkerState("a/clip", 0.0, Progress(7, 9))})
    with Display(file) as display:
        display.moved(state)
        display.settled(FAILED, True)
    assert "0/4 videos" in file.getvalue()
    assert "worker 1: a/clip, 7 frames, 1.3 people a frame" in file.getvalue()
    assert "failed in 3 attempts: a: it died\n" in file.getvalue()


def test_the_display_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures at once, and how it stands once a minute; no control characters."""
    now = [0.0]
    monkeypatch.setattr("pose_track.batch.display.time.monotonic", lambda: now[0])
    file, state = io.StringIO(), BatchState(4, 4.0, updated=0.0, began=0.0)
    with Display(file) as display:
        for second in range(130):
            now[0] = float(second)
            display.moved(state)
        display.settled(FAILED, True)
        display.settled(DONE, True)
    assert file.getvalue() == "0/4 videos\n" * 2 + "failed in 3 attempts: a: it died\n"
