"""SLEAP's label files (.slp), through the package sleap-io; its analysis files (.h5) are read too.

People are written as predicted instances: joints with scores, a track, and the path of the video.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pose_track.formats.deeplabcut import track_ids_of
from pose_track.formats.frame_people import FramePerson, sequence_of_frames
from pose_track.formats.motions import Motions, motions, skeleton_of_markers
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseSequence
from pose_track.utils.atomic import atomic_path
from pose_track.utils.extras import require

if TYPE_CHECKING:
    import sleap_io

LAYOUT = "sleap"


def write_sleap(source: FrameSource, path: str | Path) -> None:
    """Write the people with a track id; the file appears only when it is complete.

    Raises ImportError where sleap-io is not installed, and ValueError as `motions` does.
    """
    labels = sleap_labels(source)
    with atomic_path(path) as temporary:
        named = temporary.with_suffix(".slp")  # which chooses the format
        labels.save(str(named), verbose=False)
        named.rename(temporary)


def sleap_labels(source: FrameSource) -> sleap_io.Labels:
    """The people of a source as sleap-io's labels, with the video that its `extra` names."""
    require("sleap_io", purpose="SLEAP's files")
    import sleap_io

    video = motions(source)
    edges = [(video.skeleton.joint_names[a], video.skeleton.joint_names[b]) for a, b in video.skeleton.edges]
    names = [(video.skeleton.joint_names[a], video.skeleton.joint_names[b]) for a, b in video.skeleton.twins]
    skeleton = sleap_io.Skeleton(list(video.skeleton.joint_names), edges, names, video.skeleton.name)
    footage = _video(source, len(video.seconds))
    frames: dict[int, Any] = {}
    tracks = [sleap_io.Track(f"person{person.track_id}") for person in video.people]
    for index, instance in _instances(video, skeleton, tracks):
        frame = frames.setdefault(index, sleap_io.LabeledFrame(video=footage, frame_idx=index, instances=[]))
        frame.instances.append(instance)
    labels = sleap_io.Labels(
        [frames[index] for index in sorted(frames)], videos=[footage], skeletons=[skeleton], tracks=tracks
    )
    labels.provenance["source"] = "pose_track"
    labels.provenance["fps"] = video.fps
    return labels


def _video(source: FrameSource, num_frames: int) -> sleap_io.Video:
    import sleap_io

    shape = (num_frames, source.extra.get("height") or 1, source.extra.get("width") or 1, 3)
    return sleap_io.Video(
        str(source.extra.get("source") or source.name), backend_metadata={"shape": shape}, open_backend=False
    )


def _instances(video: Motions, skeleton: sleap_io.Skeleton, tracks: list[sleap_io.Track]) -> Any:
    """Yield the frame index and the instance of each person of each frame."""
    import sleap_io

    for person, track in zip(video.people, tracks, strict=True):
        seen = np.asarray(np.isfinite(person.joints).all(axis=2))  # (T, K)
        scores = np.where(seen, np.where(np.isnan(person.scores), 1, person.scores), np.nan)
        for row in np.flatnonzero(seen.any(axis=1)).tolist():
            yield (
                person.first + row,
                sleap_io.PredictedInstance.from_numpy(
                    person.joints[row], skeleton, scores[row], float(np.nanmean(scores[row])), track
                ),
            )


def read_sleap(path: str | Path) -> PoseSequence:
    """Read a .slp or a SLEAP analysis .h5. Ids as in `read_deeplabcut`; instances without a track
    have none.

    Of a frame's instances those that a person labelled replace the predicted ones of the same track. Raises ValueError,
    with the file, for files of several videos or several skeletons, and for what sleap-io cannot read; ImportError
    where that is not installed.
    """
    require("sleap_io", purpose="SLEAP's files")
    import sleap_io

    path = Path(path)
    try:
        labels = _load(path)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read by sleap-io: {' '.join(str(error).split())[:200]}") from None
    if len(labels.skeletons) != 1 or len({id(frame.video) for frame in labels.labeled_frames}) > 1:
        raise ValueError(f"{path} must hold one video and one skeleton")
    skeleton, order = skeleton_of_markers(labels.skeletons[0].node_names, LAYOUT)
    ids = dict(zip(map(id, labels.tracks), track_ids_of([track.name for track in labels.tracks]), strict=True))
    frames = []
    for frame in labels.labeled_frames:
        labelled = {id(one.track) for one in frame.instances if not isinstance(one, sleap_io.PredictedInstance)}
        kept = [
            one
            for one in frame.instances
            if not isinstance(one, sleap_io.PredictedInstance) or one.track is None or id(one.track) not in labelled
        ]
        people = [FramePerson(_triples(one)[order], ids.get(id(one.track), -1)) for one in kept]
        frames.append((FrameInfo(int(frame.frame_idx)), people))
    return sequence_of_frames(path.stem, skeleton, _all_frames(frames), LAYOUT, {})


def _load(path: Path) -> sleap_io.Labels:
    import h5py
    import sleap_io

    with h5py.File(path) as file:
        is_analysis = "node_names" in file
    if is_analysis:
        return sleap_io.load_analysis_h5(str(path))
    return sleap_io.load_slp(str(path), open_videos=False)


def _triples(instance: sleap_io.Instance) -> Any:
    """(K, 3) x, y, score; 1 for labels."""
    points = np.asarray(instance.numpy(), np.float64)
    scores = instance.points["score"] if "score" in (instance.points.dtype.names or ()) else np.ones(len(points))
    return np.column_stack([points[:, :2], scores])


def _all_frames(frames: list[tuple[FrameInfo, list[FramePerson]]]) -> list[tuple[FrameInfo, list[FramePerson]]]:
    """With the frames that have nobody, up to the last one."""
    known = {info.index for info, _ in frames}
    return frames + [(FrameInfo(index), []) for index in range(max(known, default=-1)) if index not in known]
