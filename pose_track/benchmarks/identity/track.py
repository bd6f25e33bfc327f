"""The detector, the estimator and the tracker of the settings on the clips; boxes for other trackers are stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose_track.benchmarks.identity.clips import LabelledClip
from pose_track.benchmarks.identity.stored_networks import (
    StoredDetector,
    StoredEstimator,
    StoredNetworks,
    networks_digest,
)
from pose_track.build.stages import build_stages
from pose_track.config.settings import Settings
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.steps import BatchDetector, as_batch_detector, as_batch_estimator
from pose_track.structures.arrays import FloatingArray
from pose_track.structures.frames import Detections, Frame
from pose_track.utils.atomic import atomic_text
from pose_track.video.reader import open_video

DETECTIONS, NETWORKS, RESULTS = "detections", "networks", "results"


def track_clips(
    clips: Sequence[LabelledClip], settings: Settings, out: Path, name: str, min_detection_score: float
) -> Path:
    """Track the clips, and write one file a clip in MOTChallenge's layout: `out`/results/`name` has boxes with ids,
    and `out`/detections the boxes of the detector. What the networks find is kept in `out`/networks, and taken from
    there where the same ones have run before.

    min_detection_score: lowest score of the stored boxes, or that of the settings if it is lower. The tracker gets
        those of its settings.

    Returns the folder of results. Raises as `build_stages` and `open_video`.
    """
    least = min(min_detection_score, settings.detector.min_score)
    detector = settings.detector.model_copy(update={"min_score": least})
    recorded = settings.model_copy(update={"detector": detector})
    stages = build_stages(recorded)
    results, detections = out / RESULTS / name, out / DETECTIONS
    networks = out / NETWORKS / networks_digest(recorded, stages.weights)
    for folder in (results, detections, networks):
        folder.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        stored = StoredNetworks.load(networks / f"{clip.name}.npz")
        recorder = _Recorder(StoredDetector(as_batch_detector(stages.detect), stored), settings.detector.min_score)
        estimate = StoredEstimator(as_batch_estimator(stages.estimate), stored, stages.skeleton)
        _track_clip(clip, replace(stages, detect=recorder, estimate=estimate), settings, results / f"{clip.name}.txt")
        with atomic_text(detections / f"{clip.name}.txt") as file:
            file.writelines(recorder.lines)
        stored.save(networks / f"{clip.name}.npz")
    return results


def _track_clip(clip: LabelledClip, stages: Stages, settings: Settings, path: Path) -> None:
    decoder = settings.reader.decoder
    with open_video(clip.video, decoder, fps=clip.fps) as reader, atomic_text(path) as file:
        frames = stages.track(iter(reader), stages.make_tracker(reader.info.fps))
        with closing(frames) as results:  # type: ignore[type-var]
            for _, tracked in results:
                poses = tracked.poses
                file.writelines(mot_lines(tracked.frame_index, tracked.track_ids.tolist(), poses.boxes, poses.scores))


def mot_lines(index: int, ids: Iterable[int], boxes: FloatingArray, scores: FloatingArray) -> list[str]:
    """A line of MOTChallenge's layout for each box of frame `index`, from 0.

    >>> mot_lines(0, [7], np.array([[1.0, 2.0, 11.0, 22.0]]), np.array([0.5]))
    ['1,7,1.00,2.00,10.00,20.00,0.5000,-1,-1,-1\\n']
    """
    rows = zip(ids, boxes.tolist(), scores.tolist(), strict=True)
    return [
        f"{index + 1},{track_id},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f},-1,-1,-1\n"
        for track_id, (x1, y1, x2, y2), score in rows
    ]


class _Recorder:
    """A detector that keeps all its boxes, as lines in the order of the frames, and passes on those with a score of at
    least `min_score`."""

    def __init__(self, detect: BatchDetector, min_score: float) -> None:
        self._detect, self._min_score = detect, min_score
        self.lines: list[str] = []

    def __call__(self, frame: Frame) -> Detections:
        return self.run_batch([frame])[0]

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        found = self._detect.run_batch(frames)
        for frame, one in zip(frames, found, strict=True):
            self.lines += mot_lines(frame.index, [-1] * len(one), one.boxes, one.scores)
        return [one[np.flatnonzero(one.scores >= self._min_score)] for one in found]
