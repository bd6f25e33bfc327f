"""Sequences of other programs as a `tracks.jsonl`; see `tracks_jsonl` for its layout."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.motions import frame_rate
from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.formats.speed_factor import SPEED_KEY
from pose_track.formats.tracks_jsonl import HEADER_KEYS
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import FrameSource
from pose_track.structures.skeleton_record import header_fields
from pose_track.utils.atomic import atomic_path
from pose_track.utils.version import __version__

logger = logging.getLogger(__name__)


def write_tracks(source: FrameSource, path: str | Path) -> None:
    """Write the people of a source; the file appears only when it is complete.

    Header fields that the source lacks are those of a video of this name without known size, see `frame_rate`. A frame
    without a time has that of its index. People without a track id are left out, with a warning; ids that count from 0
    become one higher. Raises ValueError where nobody has an id.
    """
    fps = frame_rate(source)
    frames = list(source)
    ids = np.concatenate([np.zeros(0, np.int64), *(people.track_ids for _, people in frames)])
    if len(ids) and (ids < 0).all():
        raise ValueError(f"nobody in {source.name} has a track id; run pose-track link first")
    if (ids < 0).any():
        logger.warning("%s: left out %d people without a track id", source.name, np.count_nonzero(ids < 0))
    with atomic_path(path) as unfinished, TracksWriter(unfinished, _header(source, fps)) as writer:
        for info, people in frames:
            seconds = info.index / fps if info.pts_seconds is None else info.pts_seconds
            people = people[people.track_ids >= 0]
            poses = annotations_to_poses(people, source.skeleton)
            track_ids = people.track_ids + int((ids == 0).any())
            writer.write(TrackedPoses(info.index, seconds, poses, track_ids, info.image_name))


def _header(source: FrameSource, fps: float) -> dict[str, Any]:
    own = {key: value for key, value in source.extra.items() if key in (*HEADER_KEYS, SPEED_KEY, "names", "finishing")}
    known = {"source": source.name, "fps": fps, "width": None, "height": None, "settings": {}, "weights": {}}
    return {"version": __version__, **known, **own, **header_fields(source.skeleton)}
