"""The sequences of a data set as tasks of workers, see `pose_track.batch.task`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_track.batch.task import Progress, Task, WorkerSetup, named_function
from pose_track.benchmarks.posetrack.dataset import EDITIONS, Clip, PoseTrackDataset, scan_clip
from pose_track.benchmarks.posetrack.saved_poses import SequenceTracker, save_poses
from pose_track.config.settings import PoseTrackSettings
from pose_track.runtime.device import device_name, resolve_device
from pose_track.structures.conversion import check_convertible
from pose_track.structures.skeleton import POSETRACK_15

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

BUILD_STAGES = "pose_track.build.stages:build_stages"


def sequence_setup(
    dataset: PoseTrackDataset, settings: PoseTrackSettings, provenance: Mapping[str, Any], build_stages: str
) -> WorkerSetup:
    """The workers that track sequences of a data set. build_stages: "module:function" from settings to stages."""
    arguments = {
        "root": str(dataset.root),
        "year": dataset.year,
        "settings": settings.model_dump(mode="json"),
        "provenance": dict(provenance),
        "build_stages": build_stages,
    }
    return WorkerSetup(f"{__name__}:SequenceHandler", arguments)


def sequence_task(clip: Clip, raw: Path, linked: Path, log: Path) -> Task:
    """The task of a sequence. raw, linked: its files, see `saved_poses`."""
    return Task(clip.name, {"annotations": str(clip.annotations), "raw": str(raw), "linked": str(linked)}, str(log))


def sequence_tracker(
    stages: Stages, settings: PoseTrackSettings, provenance: Mapping[str, Any], year: str
) -> SequenceTracker:
    """What tracks the sequences of a year. Raises ValueError for stages whose joints PoseTrack cannot hold."""
    check_convertible(stages.skeleton, POSETRACK_15, "PoseTrack")
    device = device_name(resolve_device(settings.device))
    return SequenceTracker(stages, settings, provenance, EDITIONS[year].first_number, device)


class SequenceHandler:
    """See `pose_track.batch.task.Handler`. The networks are loaded for the first sequence."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._setup = setup
        self._tracker: SequenceTracker | None = None
        self._frames = 0

    def progress(self) -> Progress:
        return Progress(self._frames)

    def run(self, task: Task) -> dict[str, Any]:
        """Track a sequence and save its poses."""
        self._frames, setup = 0, self._setup
        if self._tracker is None:
            settings = PoseTrackSettings.model_validate(setup["settings"])
            stages = named_function(setup["build_stages"])(settings)
            self._tracker = sequence_tracker(stages, settings, setup["provenance"], setup["year"])
        clip = scan_clip(Path(setup["root"]), Path(task.arguments["annotations"]), EDITIONS[setup["year"]])
        save_poses(self._tracker(clip, self._step), Path(task.arguments["raw"]), Path(task.arguments["linked"]))
        return {"frames": self._frames}

    def _step(self) -> None:
        self._frames += 1
