"""BVH, the motion files of animation programs: one person each, as a tree of bones that turn in the plane of the image.

The motion is flat: bones turn about the axis towards the camera alone, have the constant length that is the median of
those seen, and so do not shorten where a limb points to the camera. Where a bone is not seen its last angle is kept.
y points up, and a unit is a pixel, or a centimetre for positions in metres.

Each person stands upright with hanging arms at rest. "pelvis" is midway between the hips, "chest" between the
shoulders; joints of other names are left out. Where several bones begin at one joint, each has a joint of its own
there, so that each may turn by itself.

Layout: Biovision's BVH, as M. Meredith and S. Maddock describe it ("Motion Capture File Formats Explained", 2001).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pose_track.formats.motions import Motion, Motions
from pose_track.formats.person_files import write_person_files
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import FrameSource

SUFFIX = ".bvh"
_CENTIMETRES = 100.0


@dataclass(frozen=True)
class Bone:
    """A bone from one point to another, which points along `rest`, (x, y) with y up, when its person is at rest.

    parent: the bone at whose end it begins, None for the pelvis.
    """

    start: str
    end: str
    rest: tuple[float, float]
    parent: str | None = None

    @property
    def name(self) -> str:
        return f"{self.start}_to_{self.end}"


def _limb(side: str, outwards: float, root: str, joints: Sequence[str], parent: str | None) -> tuple[Bone, ...]:
    """The bones from a point of the trunk outwards to a first joint, and down from there."""
    names = [root, *(f"{side}_{joint}" for joint in joints)]
    bones = [Bone(names[0], names[1], (outwards, 0.0), parent)]
    for start, end in pairwise(names[1:]):
        bones.append(Bone(start, end, (0.0, -1.0), bones[-1].name))
    return tuple(bones)


_TRUNK = Bone("pelvis", "chest", (0.0, 1.0))
_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
# somebody who faces the camera has their left side at the right of the image
BONES = (
    _TRUNK,
    Bone("chest", "head", (0.0, 1.0), _TRUNK.name),
    *_limb("left", 1.0, "chest", _ARM, _TRUNK.name),
    *_limb("right", -1.0, "chest", _ARM, _TRUNK.name),
    *_limb("left", 1.0, "pelvis", _LEG, None),
    *_limb("right", -1.0, "pelvis", _LEG, None),
)
_MIDDLES = {"pelvis": ("left_hip", "right_hip"), "chest": ("left_shoulder", "right_shoulder")}
_HEADS = ("head_top", "nose")


def write_bvh(source: FrameSource, path: str | Path) -> None:
    """Write a file for each person, see `write_person_files`; somebody of whom pelvis and chest are never seen together
    is left out, with a warning. Raises ValueError for a skeleton without hips and shoulders."""
    if not source.skeleton.has_sides("hip", "shoulder"):
        raise ValueError(f"BVH needs hips and shoulders, which {source.skeleton} lacks; write c3d or trc")
    write_person_files(source, path, SUFFIX, write_person_bvh)


def write_person_bvh(video: Motions, person: Motion, path: Path) -> None:
    """Write one person of a video, whose skeleton has hips and shoulders. Raises ValueError for somebody of whom pelvis
    and chest are never seen together."""
    names = video.skeleton.joint_names
    factor = np.array([1.0, -1.0]) * (1 if video.unit == "px" else _CENTIMETRES)
    points = _points({name: person.joints[:, k] * factor for k, name in enumerate(names)})
    bones = _seen_bones(points)
    if not bones or not np.isfinite(points["pelvis"]).any():
        raise ValueError(
            f"person {person.track_id} of {video.name} is never seen with pelvis and chest; leave them out"
        )
    lengths = {bone.name: float(np.nanmedian(_length(points, bone))) for bone in bones}
    root = _held(points["pelvis"])
    columns = [root, *(_turn(points, bone, bones)[:, None] for bone in bones)]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("HIERARCHY\n" + "\n".join(_hierarchy(bones, lengths)) + "\n")
        file.write(f"MOTION\nFrames: {len(root)}\nFrame Time: {1 / video.fps:.8f}\n")
        for row in np.concatenate(columns, axis=1).tolist():
            x, y, *turns = row
            cells = [f"{x:.4f} {y:.4f} 0 0 0 0", *(f"{turn:.4f} 0 0" for turn in turns)]
            file.write(" ".join(cells) + "\n")


def _points(joints: Mapping[str, Float64Array]) -> dict[str, Float64Array]:
    """(T, 2) by name, with those that bones need besides joints."""
    points = dict(joints)
    points |= {name: (joints[left] + joints[right]) / 2 for name, (left, right) in _MIDDLES.items()}
    head = next((joints[name] for name in _HEADS if name in joints and np.isfinite(joints[name]).any()), None)
    return points if head is None else points | {"head": head}


def _length(points: Mapping[str, Float64Array], bone: Bone) -> Float64Array:
    return np.asarray(np.hypot(*(points[bone.end] - points[bone.start]).T))


def _seen_bones(points: Mapping[str, Float64Array]) -> list[Bone]:
    """In the order of the file, which is depth first. A bone that is never seen ends its limb."""
    seen: list[Bone] = []
    for bone in BONES:
        is_held = bone.parent is None or any(other.name == bone.parent for other in seen)
        if is_held and {bone.start, bone.end} <= points.keys() and np.isfinite(_length(points, bone)).any():
            seen.append(bone)
    return seen


def _held(values: Float64Array) -> Float64Array:
    """(T, ...) with the last known value where one is missing, and the first one before that."""
    known = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.asarray(values[np.where(last < 0, int(known.argmax()), last)])


def _angle(points: Mapping[str, Float64Array], bone: Bone) -> Float64Array:
    """(T,) degrees by which a bone has turned from rest, anticlockwise."""
    direction = points[bone.end] - points[bone.start]
    turned = np.degrees(np.arctan2(direction[:, 1], direction[:, 0]) - np.arctan2(bone.rest[1], bone.rest[0]))
    return _held(turned)


def _turn(points: Mapping[str, Float64Array], bone: Bone, bones: Sequence[Bone]) -> Float64Array:
    """(T,) degrees from the bone before it, continuous."""
    before = next((_angle(points, other) for other in bones if other.name == bone.parent), 0.0)
    return np.degrees(np.unwrap(np.radians(_angle(points, bone) - before)))


def _hierarchy(bones: Sequence[Bone], lengths: Mapping[str, float]) -> Iterator[str]:
    yield from ("ROOT pelvis", "{", "\tOFFSET 0 0 0")
    yield "\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    for bone in bones:
        if bone.parent is None:
            yield from _joint(bone, bones, lengths, (0.0, 0.0), "\t")
    yield "}"


def _joint(
    bone: Bone, bones: Sequence[Bone], lengths: Mapping[str, float], offset: tuple[float, float], indent: str
) -> Iterator[str]:
    yield from (f"{indent}JOINT {bone.name}", f"{indent}{{", f"{indent}\tOFFSET {offset[0]:.4f} {offset[1]:.4f} 0")
    yield f"{indent}\tCHANNELS 3 Zrotation Xrotation Yrotation"
    end = (bone.rest[0] * lengths[bone.name], bone.rest[1] * lengths[bone.name])
    followers = [other for other in bones if other.parent == bone.name]
    for other in followers:
        yield from _joint(other, bones, lengths, end, indent + "\t")
    if not followers:
        yield from (f"{indent}\tEnd Site", f"{indent}\t{{", f"{indent}\t\tOFFSET {end[0]:.4f} {end[1]:.4f} 0")
        yield f"{indent}\t}}"
    yield f"{indent}}}"
