"""Writing CVAT's annotations of a video.

    <annotations>
      <version>1.1</version>
      <meta><task><name>clip</name><size>250</size><mode>interpolation</mode>
        <labels><label><name>person</name><type>skeleton</type>...</label>
                <label><name>nose</name><type>points</type><parent>person</parent>...</label>...</labels>
        <original_size><width>1280</width><height>720</height></original_size></task></meta>
      <track id="0" label="person" source="auto">
        <skeleton frame="0" keyframe="1" z_order="0">
          <points label="nose" keyframe="1" outside="0" occluded="0" points="310.50,220.00"></points>...
        </skeleton>...
      </track>...
    </annotations>

Layout: docs.cvat.ai, "XML annotation format", for videos, version 1.1. A track ends with a skeleton whose points are
all outside.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.cvat.labels import LABEL, skeleton_svg
from pose_track.formats.person_tracks import HIDDEN, PersonTrack, person_tracks
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import FrameSource
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.atomic import atomic_text


def write_cvat(source: FrameSource, path: str | Path) -> None:
    """Write the people as tracks with skeletons; the file appears only when it is complete.

    The joints are those of the source. CVAT counts tracks from 0, so the track with the id 3 has the number 2. Each
    frame of a person is a keyframe. An occluded point is a joint with visibility 1. Scores and boxes have no place.
    """
    num_frames, tracks = person_tracks(source)
    with atomic_text(path) as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
        file.write(_text(_meta(source, num_frames)))
        for track in tracks:
            file.write(_text(_track(track, source.skeleton, num_frames)))
        file.write("</annotations>\n")


def _text(element: Element) -> str:
    return tostring(element, encoding="unicode", short_empty_elements=False) + "\n"


def _meta(source: FrameSource, num_frames: int) -> Element:
    meta = Element("meta")
    task = SubElement(meta, "task")
    for key, value in (("name", source.name), ("size", num_frames), ("mode", "interpolation"), ("start_frame", 0)):
        SubElement(task, key).text = str(value)
    SubElement(task, "stop_frame").text = str(max(num_frames - 1, 0))
    labels = SubElement(task, "labels")
    _label(labels, LABEL, "skeleton", "svg", skeleton_svg(source.skeleton))
    for name in source.skeleton.joint_names:
        _label(labels, name, "points", "parent", LABEL)
    width, height = source.extra.get("width"), source.extra.get("height")
    if isinstance(width, int) and isinstance(height, int):
        size = SubElement(task, "original_size")
        SubElement(size, "width").text, SubElement(size, "height").text = str(width), str(height)
    return meta


def _label(labels: Element, name: str, kind: str, key: str, value: str) -> None:
    label = SubElement(labels, "label")
    for tag, text in (("name", name), ("type", kind), ("attributes", ""), (key, value)):
        SubElement(label, tag).text = text


def _track(track: PersonTrack, skeleton: Skeleton, num_frames: int) -> Element:
    element = Element("track", id=str(track.track_id - 1), label=LABEL, source="auto")
    names = skeleton.joint_names
    for run in track.runs():
        for frame, joints, flags in zip(track.frames[run].tolist(), track.joints[run], track.flags[run], strict=True):
            _skeleton(element, frame, names, joints, flags)
        after = int(track.frames[run][-1]) + 1
        if after < num_frames:
            _skeleton(element, after, names, np.full_like(track.joints[0], np.nan), track.flags[0])
    return element


def _skeleton(
    track: Element, frame: int, names: tuple[str, ...], joints: Float64Array, flags: NDArray[np.int8]
) -> None:
    """Add a skeleton to a track. joints: (K, 2); one that is absent is outside, in the middle of the others."""
    skeleton = SubElement(track, "skeleton", frame=str(frame), keyframe="1", z_order="0")
    for name, place, outside, flag in zip(names, *_places(joints), flags.tolist(), strict=True):
        occluded = str(int(flag == HIDDEN and not outside))
        SubElement(
            skeleton, "points", label=name, keyframe="1", outside=str(int(outside)), occluded=occluded, points=place
        )


def _places(joints: Float64Array) -> tuple[list[str], list[bool]]:
    """The place of each joint as text, and whether it is outside."""
    absent = np.isnan(joints[:, 0])
    middle = joints[~absent].mean(axis=0) if not absent.all() else np.zeros(2)
    filled = np.where(absent[:, None], middle, joints)
    return [f"{x:.2f},{y:.2f}" for x, y in filled.tolist()], absent.tolist()
