"""`pose-track batch` and `status`: trees, keys, failures, and what a folder holds afterwards."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from batch_runs import STUBS, batch, contents, failures, make_videos, serial, summary
from command_line import run_command
from make_video import make_video, truncated

from pose_track.batch.results import MARKER
from pose_track.cli.exit_codes import EXIT_ERROR


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_results_are_those_of_single_runs(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In a tree like that of the videos; names that are equal without their suffix keep it."""
    make_videos(Path("in"), "clip.mp4", "clip.avi", "sub/clip.mp4", "sub/deep/b.mp4")
    names = {
        "clip.mp4": "clip.mp4", "clip.avi": "clip.avi", "sub/clip.mp4": "sub/clip", "sub/deep/b.mp4": "sub/deep/b",
    }  # fmt: skip
    assert batch("in", "--out", "out") == 0
    assert contents(Path("out")) == serial(Path("in"), Path("serial"), names)
    assert capfd.readouterr().out.startswith("4/4 videos, 30 frames, 0.8 people a frame, ")
    rows = summary(Path("out"))
    assert sorted(rows) == sorted(names.values())
    row = rows["sub/deep/b"]
    assert (row["status"], row["frames"], row["people"], row["tracks"]) == ("done", "9", "7", "1")
    assert not failures(Path("out"))
    assert not (Path("out") / ".batch" / "work").exists()


def test_done_videos_are_skipped(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By what they hold and how they were tracked; what has changed is told, and done again when asked."""
    make_videos(Path("in"), "a.mp4", "b.mp4")
    assert batch("in", "--out", "out") == 0
    times = {name: (Path("out") / name / MARKER).stat().st_mtime_ns for name in "ab"}
    os.utime("in/a.mp4", (1, 1))
    capfd.readouterr()
    assert batch("in", "--out", "out") == 0
    assert "2/2 videos, 2 skipped" in capfd.readouterr().out
    assert times == {name: (Path("out") / name / MARKER).stat().st_mtime_ns for name in "ab"}

    before = contents(Path("out"))
    make_video(Path("in/b.mp4"), 4)
    assert batch("in", "--out", "out", "--stride", 2) == 0
    out, err = capfd.readouterr()
    assert "2 changed" in out
    assert "2 videos were tracked before, and left as before: reader.stride was 1, and is 2; --overwrite" in err
    assert contents(Path("out")) == before
    assert batch("in", "--out", "out") == 0
    assert "1 video was tracked before, and left as before: the video has changed;" in capfd.readouterr().err

    assert batch("in", "--out", "out", "--overwrite") == 0
    assert "2/2 videos, 1 skipped, 4 frames" in capfd.readouterr().out
    assert summary(Path("out"))["b"]["frames"] == "4"


def test_the_marker_says_what_a_result_is(folder: Path) -> None:
    make_videos(Path("in"), "a.mp4")
    assert batch("in", "--out", "out", "--no-render") == 0
    marker = json.loads((Path("out") / "a" / MARKER).read_text())
    assert set(marker["files"]) == {"tracks.jsonl", "tracks.posetrack17.json", "tracks.posetrack18.json"}
    assert marker["files"]["tracks.jsonl"]["bytes"] == (Path("out") / "a" / "tracks.jsonl").stat().st_size
    assert marker["source"]["text"] == "in/a.mp4"
    assert marker["recipe"]["weights"]["stages"]["file"] == STUBS
    assert marker["figures"]["frames"] == 6


def test_failures_are_listed_and_the_rest_is_done(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_videos(Path("in"), "a.mp4", "long.mp4", "z.mp4")
    Path("in/bad.mp4").write_text("no video")
    truncated(make_video(Path("in/long.mkv"), 30))
    Path("in/long.mkv").unlink()
    assert batch("in", "--out", "out", "--summary", "csv", "html", "--prometheus", "figures.prom") == EXIT_ERROR
    out, err = capfd.readouterr()
    assert "5/5 videos, 1 failed, 1 damaged" in out
    assert err.startswith("failed: bad: 'in/bad.mp4' cannot be opened as a video")
    (failure,) = failures(Path("out")).values()
    assert (failure["video"], failure["attempts"]) == ("bad", 1)
    assert failure["log_tail"].startswith("ERROR: 'in/bad.mp4' cannot be opened")
    rows = summary(Path("out"))
    assert {name: row["status"] for name, row in rows.items()} == {
        "a": "done", "bad": "failed", "long": "done", "long_cut": "done", "z": "done",
    }  # fmt: skip
    assert int(rows["long_cut"]["faults"]) > 0
    assert '<tr class="failed"><td>bad</td>' in (Path("out") / "summary.html").read_text()
    assert 'pose_track_batch_videos{status="failed"} 1' in Path("figures.prom").read_text()

    assert run_command("status", "out") == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].endswith(f"ended: {out.splitlines()[0].removesuffix(' -> out')}")
    assert lines[1:2] == ["results of 5 videos: 4 done, 1 failed"]
    assert lines[2].startswith("  failed: bad: ")

    make_video(Path("in/bad.mp4"), 5)  # mended
    assert batch("in", "--out", "out") == 0
    assert not failures(Path("out"))


def test_results_of_others_stay(folder: Path) -> None:
    """A folder without a marker is not the batch's, and one with other folders in it is never replaced."""
    make_videos(Path("in"), "a.mp4", "b.mp4")
    (Path("out") / "a").mkdir(parents=True)
    (Path("out") / "a" / "tracks.jsonl").write_text("precious")
    assert batch("in", "--out", "out") == EXIT_ERROR
    assert "--overwrite" in failures(Path("out"))["a"]["reason"]
    assert (Path("out") / "a" / "tracks.jsonl").read_text() == "precious"
    (Path("out") / "a" / "inner").mkdir()
    assert batch("in", "--out", "out", "--overwrite") == EXIT_ERROR
    assert "no folder of results alone" in failures(Path("out"))["a"]["reason"]
    shutil.rmtree(Path("out") / "a" / "inner")
    assert batch("in", "--out", "out", "--overwrite") == 0
    assert summary(Path("out"))["a"]["frames"] == "6"


def test_a_manifest_has_settings_of_single_videos(folder: Path) -> None:
    make_videos(Path("in"), "x/a.mp4", "y/a.mp4")
    Path("list.csv").write_text("path,subject,reader.stride\nin/x/a.mp4,Ann,2\nin/y/a.mp4,Ben,\n")
    assert batch("list.csv", "--out", "out", "--max-frames", 4) == 0
    rows = summary(Path("out"))
    assert {name: row["frames"] for name, row in rows.items()} == {"x/a": "3", "y/a": "4"}


def test_shards_share_the_work(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_videos(Path("in"), "a.mp4", "b.mp4", "c.mp4")
    assert batch("in", "--out", "out", "--shard", "0/2") == 0
    assert capfd.readouterr().out.startswith("2/2 videos")
    assert batch("in", "--out", "out", "--shard", "1/2") == 0
    assert capfd.readouterr().out.startswith("1/1 videos")
    assert sorted(summary(Path("out"))) == ["a", "b", "c"]


def test_workers_are_measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is worth it; the videos that are tried leave nothing."""
    make_videos(Path("in"), "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    monkeypatch.setattr("pose_track.batch.measure_workers.usable_cores", lambda: 2)
    assert run_command("batch", "in", "--out", "out", "--stages", STUBS) == 0
    assert sorted(path.name for path in Path("out").iterdir() if path.is_dir()) == [".batch", "a", "b", "c", "d"]
    assert sorted(path.name for path in (Path("out") / ".batch").iterdir()) == ["drivers", "logs"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.mp4"], "'none.mp4' does not exist"),
        (["empty"], "there is no video in 'empty'"),
        (["in", "--shard", "2/2"], "--shard is i/n"),
        (["in", "--executor", "locla"], "did you mean 'local'"),
        (["in", "--executor-option", "gpus"], "KEY=VALUE"),
        (["in", "--workers", "0"], "--workers is auto or a number"),
        (["in", "--attempts", "0"], "--attempts must be above 0"),
        (["in", "--stages", "no_such_module:f"], "no module 'no_such_module'"),
        (["in", "--tracker.mathing", "greedy"], "did you mean 'tracker.matching'"),
        (["bad.csv"], "'bad.csv', line 2: needs a 'path'"),
        (["wrong.csv"], "reader.stride"),
    ],
)
def test_wrong_arguments(arguments: list[str], words: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_videos(Path("in"), "a.mp4")
    Path("empty").mkdir()
    Path("bad.csv").write_text("path,reader.stride\n,2\n")
    Path("wrong.csv").write_text("path,reader.stride\nin/a.mp4,two\n")
    assert run_command("batch", *arguments, "--out", "out") == EXIT_ERROR
    err = capfd.readouterr().err
    assert err.startswith("error: ")
    assert words in err
    assert err.count("\n") == 1


def test_the_status_of_what_is_no_batch(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command("status", "in") == EXIT_ERROR
    assert "holds no results of a batch" in capfd.readouterr().err
