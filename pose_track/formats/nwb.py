"""Neurodata Without Borders with ndx-pose: a file for each person, with a series of positions for each joint.

Layout: rly/ndx-pose, and the one that `movement` reads: "PoseEstimation" in the processing module "behavior". All files
of a video have all of its frames, NaN where the person is absent.
"""

from __future__ import annotations

import warnings
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from pose_track.formats.motions import Motion, Motions
from pose_track.formats.person_files import write_person_files
from pose_track.structures.sequence import FrameSource
from pose_track.utils.extras import require

SUFFIX = ".nwb"

# NWB requires the time of the recording, which a video's file does not state reliably
_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=timezone.utc)


def write_nwb(source: FrameSource, path: str | Path) -> None:
    """Write a file for each person, see `write_person_files`. Raises ImportError where pynwb or ndx-pose are not
    installed. The time of the session, which is not known, is 1970-01-01."""
    require("pynwb", "ndx_pose", purpose="the format nwb")
    write_person_files(source, path, SUFFIX, _write_person)


def _write_person(video: Motions, person: Motion, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hdmf, about cached namespaces
        import ndx_pose
        import pynwb

        name = f"person{person.track_id}"
        subject = pynwb.file.Subject(subject_id=name, species="Homo sapiens")
        file = pynwb.NWBFile(f"Poses of {video.name}", name, _UNKNOWN_TIME, subject=subject)
        edges = np.array(video.skeleton.edges, np.uint8).reshape(-1, 2)
        skeleton = ndx_pose.Skeleton(video.skeleton.name, list(video.skeleton.joint_names), edges, subject)
        estimation = ndx_pose.PoseEstimation(
            pose_estimation_series=_series(video, person),
            description="2D poses in the image",
            source_software="pose_track",
            skeleton=skeleton,
        )
        behavior = file.create_processing_module("behavior", "poses estimated from video")
        behavior.add(ndx_pose.Skeletons(skeletons=[skeleton]))
        behavior.add(estimation)
        with pynwb.NWBHDF5IO(str(path), "w") as stream:
            stream.write(file)


def _series(video: Motions, person: Motion) -> list[object]:
    import ndx_pose

    joints = np.full((len(video.seconds), video.skeleton.num_joints, 2), np.nan)
    scores = np.full(joints.shape[:2], np.nan)
    joints[person.span], scores[person.span] = person.joints, person.scores
    return [
        ndx_pose.PoseEstimationSeries(
            name=name,
            data=joints[:, k],
            reference_frame="the centre of the top-left pixel; x to the right, y down",
            confidence=scores[:, k],
            unit="pixels" if video.unit == "px" else "meters",
            timestamps=video.seconds,
        )
        for k, name in enumerate(video.skeleton.joint_names)
    ]
