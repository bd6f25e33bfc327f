"""A worker that tracks parts of videos, one after another, with the same networks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_track.batch.task import Limits, Progress, Task, WorkerSetup, named_function
from pose_track.config.settings import Settings
from pose_track.parts.track_part import track_part
from pose_track.video.part_reader import VideoPart

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

BUILD_STAGES = "pose_track.build.stages:build_stages"


def part_worker(settings: Settings, limits: Limits, build_stages: str = BUILD_STAGES) -> WorkerSetup:
    """The setup of a worker. build_stages: "module:function" from settings to stages."""
    arguments = {"settings": settings.model_dump(mode="json"), "build_stages": build_stages}
    return WorkerSetup("pose_track.parts.handler:PartHandler", arguments, limits)


def part_task(name: str, video: Path, part: VideoPart, records: Path, log: Path) -> Task:
    """The task of tracking a part. records: where they go."""
    arguments = {
        "name": str(video),
        "video": os.path.abspath(video),
        "part": asdict(part),
        "records": os.path.abspath(records),
    }
    return Task(name, arguments, str(log))


class PartHandler:
    """See `Handler`. arguments: of `part_worker`."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._settings = Settings.model_validate(arguments["settings"])
        self._stages: Stages = named_function(arguments["build_stages"])(self._settings)
        self._progress = Progress()

    def run(self, task: Task) -> dict[str, Any]:
        self._progress = Progress()
        given = task.arguments
        video, part, records = Path(given["video"]), VideoPart(**given["part"]), Path(given["records"])
        tracked_frames = track_part(video, part, records, self._stages, self._settings, given["name"])
        with closing(tracked_frames) as results:  # type: ignore[type-var]
            for tracked in results:
                self._progress = Progress(self._progress.frames + 1, self._progress.people + len(tracked))
        return {"frames": self._progress.frames}

    def progress(self) -> Progress:
        return self._progress
