"""A video tracked in parts, by workers that die, has the result of one that is tracked in one go."""

from __future__ import annotations

import json
import re
from pathlib import Path

import part_stages
import pytest
from make_video import make_video

from pose_track.batch.local import LocalExecutor
from pose_track.batch.task import Outcome, Report, Task, WorkerSetup, make_handler
from pose_track.cli.main import main
from pose_track.config.output import OutputSettings
from pose_track.config.people import PeopleSettings
from pose_track.config.settings import Settings
from pose_track.config.sources import ReaderSettings
from pose_track.config.tracker import FlowSettings, TrackerSettings
from pose_track.parts.run import OpenExecutor, PartError, track_in_parts
from pose_track.pipeline.result_folder import OUTPUT_FILES
from pose_track.pipeline.track_file import track_file

SHORT = TrackerSettings(buffer_seconds=1.5, reactivation_seconds=0, flow=FlowSettings(method="none"))
"""With short overlaps, and without cuts between the images of the video."""
NO_VIDEO = Settings(output=OutputSettings(render=False), tracker=SHORT)
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "long.mp4", 120)


@pytest.fixture(autouse=True)
def _workers_find_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS / 'parts'}")


def two_workers(setup: WorkerSetup) -> LocalExecutor:
    return LocalExecutor(setup, 2)


class InThisProcess:
    """An `Executor` with one worker, which is this process."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._handler, self._tasks = make_handler(setup), list[Task]()

    def room(self) -> int:
        return 1 - len(self._tasks)

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def poll(self, timeout_seconds: float) -> list[Report]:
        task = self._tasks.pop()
        return [Report("1", task.name, outcome=Outcome("done", result=self._handler.run(task)))]

    def stop(self) -> None:
        self._tasks.clear()


def in_parts(
    video: Path, folder: Path, settings: Settings = NO_VIDEO, open_executor: OpenExecutor = InThisProcess
) -> list[Report]:
    """What was reported."""
    reports: list[Report] = []
    track_in_parts(video, folder, settings, 3, open_executor, report=reports.append, build_stages=part_stages.STAGES)
    return reports


@pytest.mark.parametrize("settings", [NO_VIDEO, Settings(tracker=SHORT)], ids=["records", "annotated"])
def test_the_result_is_that_of_one_go(tmp_path: Path, video: Path, settings: Settings) -> None:
    track_file(video, tmp_path / "whole", part_stages.make_stages(settings), settings)
    in_parts(video, tmp_path / "joined", settings)
    assert sorted(p.name for p in (tmp_path / "joined").iterdir()) == sorted(
        p.name for p in (tmp_path / "whole").iterdir()
    )
    for name in OUTPUT_FILES:
        if (tmp_path / "whole" / name).exists():
            assert (tmp_path / "joined" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_worker_that_dies_loses_its_part_only(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "die").touch()
    monkeypatch.setenv(part_stages.DIE_ONCE, str(tmp_path / "die"))
    reports = in_parts(video, tmp_path / "joined", open_executor=two_workers)
    outcomes = [report.outcome.status for report in reports if report.outcome is not None]
    assert sorted(outcomes) == ["done", "done", "done", "failed"]
    track_file(video, tmp_path / "whole", part_stages.make_stages(NO_VIDEO), NO_VIDEO)
    assert (tmp_path / "joined/tracks.jsonl").read_bytes() == (tmp_path / "whole/tracks.jsonl").read_bytes()


def test_an_interrupted_run_goes_on_with_the_missing_parts(tmp_path: Path, video: Path) -> None:
    def interrupted(report: Report) -> None:
        if report.outcome is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        track_in_parts(
            *(video, tmp_path / "joined", NO_VIDEO, 3, InThisProcess),
            report=interrupted,
            build_stages=part_stages.STAGES,
        )
    done = len(list((tmp_path / "joined").glob(".parts-*/*.jsonl")))
    assert done == 1
    reports = in_parts(video, tmp_path / "joined")
    assert sum(report.outcome is not None for report in reports) == 2


def test_a_part_that_cannot_be_tracked_ends_the_run(tmp_path: Path, video: Path) -> None:
    with pytest.raises(PartError, match=r"frames \d+-.*no function.*see .*\.log"):
        track_in_parts(*(video, tmp_path / "joined", NO_VIDEO, 2, two_workers), build_stages="part_stages:missing")


def test_settings_of_a_part_of_the_video_are_refused(tmp_path: Path, video: Path) -> None:
    with pytest.raises(ValueError, match=r"reader\.stride has no effect on a video in parts"):
        in_parts(video, tmp_path / "joined", Settings(reader=ReaderSettings(stride=2), tracker=SHORT))
    with pytest.raises(ValueError, match="has everybody; choose people from it"):
        in_parts(video, tmp_path / "joined", Settings(people=PeopleSettings(max_people=1), tracker=SHORT))
    assert not (tmp_path / "joined").exists()


def test_the_command(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(video.parent)
    settings = ["--no-render", "--tracker.buffer_seconds", "1.5", "--tracker.reactivation_seconds", "0"]
    settings += ["--tracker.flow.method", "none"]
    arguments = [video.name, "--parts", "2", "--workers", "1", "--out", str(tmp_path), "--stages", part_stages.STAGES]
    assert main(["track-parts", *arguments, *settings]) == 0
    assert re.search(r"120 frames, 2\.\d people a frame, [3-5] tracks, ", capsys.readouterr().out)
    assert json.loads((tmp_path / video.stem / "tracks.jsonl").open().readline())["source"] == video.name
    assert main(["track-parts", *arguments, *settings]) != 0
    assert "--overwrite to replace its results" in capsys.readouterr().err
