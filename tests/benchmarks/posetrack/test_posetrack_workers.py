"""The sequences of a data set on the workers of an executor."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest
from stub_stages import stub_stages
from tiny_posetrack import benchmark, write_posetrack_dataset

import pose_track.build.stages
from pose_track.batch.executor import find_executor
from pose_track.batch.task import WorkerSetup
from pose_track.benchmarks.posetrack.dataset import scan_dataset
from pose_track.benchmarks.posetrack.run import LINKED, RAW, run_posetrack
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.settings import PoseTrackSettings

TESTS = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_posetrack_dataset(tmp_path / "data")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (TESTS, TESTS.parent))))
    monkeypatch.setattr(pose_track.build.stages, "build_stages", stub_stages)
    return tmp_path / "data"


def open_local(setup: WorkerSetup) -> object:
    return find_executor("local")(setup, 1, {})


def saved(out: Path) -> dict[str, list[object]]:
    """The saved poses without the times that they took."""
    files = sorted([*out.glob(f"{RAW}/*"), *out.glob(f"{LINKED}/*")])
    found: dict[str, list[object]] = {}
    for path in files:
        header, *frames = map(json.loads, path.read_text().splitlines())
        header.pop("seconds")
        found[path.relative_to(out).as_posix()] = [header, *frames]
    return found


def test_workers_save_what_one_process_does(data: Path, tmp_path: Path) -> None:
    """A sequence whose images are gone fails, and only that one."""
    settings, dataset = PoseTrackSettings(), scan_dataset(data, "2018", "val")
    run = partial(run_posetrack, dataset, settings)
    run(tmp_path / "here")
    there = run(tmp_path / "there", open_local, "stub_stages:stub_stages")
    assert len(saved(tmp_path / "here")) == 4
    assert saved(tmp_path / "there") == saved(tmp_path / "here")
    assert not there.failed
    first = dataset.clips[0]
    assert first.source is not None
    sorted(first.source.iterdir())[1].write_bytes(b"no image")
    there = run(tmp_path / "again", open_local, "stub_stages:stub_stages")
    assert list(there.failed) == [first.name]


@pytest.mark.parametrize(
    ("words", "message"), [(["--workers", "0"], "--workers is a number"), (["--executor", "locl"], "'local'")]
)
def test_wrong_options(words: list[str], message: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark(data, *words) == EXIT_ERROR
    assert message in capsys.readouterr().err
