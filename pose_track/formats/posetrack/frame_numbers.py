"""Which frame of which video each picture is that a file of poses lists."""

from __future__ import annotations

import re
from itertools import groupby, pairwise
from pathlib import PureWindowsPath
from typing import NamedTuple

from pose_track.structures.sequence import FrameInfo, PoseSequence

# PoseTrack18's ids of pictures: a 1, six digits of the video, four of the frame
_POSETRACK18_IDS = range(10**10, 2 * 10**10)
_PER_VIDEO = 10**4

# the number of the first picture by PoseTrack17's way of naming; elsewhere it is 0
_FIRST_NUMBER = {"posetrack17": 1}

# a number above this, as of a clock, does not count frames: 19 days at 60 a second
_MAX_NUMBER = 10**8


class Place(NamedTuple):
    """video: the same for the frames of one video, from 0; frame: its number there, from 0."""

    video: int
    frame: int


def frame_places(sequence: PoseSequence) -> list[Place]:
    """Each frame's place in time; the frames of a video follow each other, and their numbers rise.

    A file may list only some pictures of a video, or those of many videos: the pictures of one are in one folder, by
    their names, and the last number in a name says which frame it is. Where there are no names, PoseTrack18's image ids
    tell both. Where the numbers do not rise or there are none, frames are counted by their index, and what tells of no
    video is all of one.

    >>> from pose_track.structures.sequence import People
    >>> from pose_track.structures.skeleton import LSP_14
    >>> frames = [FrameInfo(i, name) for i, name in enumerate(["a/000004.jpg", "a/000008.jpg", "b/000000.jpg"])]
    >>> sequence = PoseSequence("val", LSP_14, tuple(frames), People.empty(LSP_14), People.empty(LSP_14).track_ids)
    >>> [tuple(place) for place in frame_places(sequence)]
    [(0, 4), (0, 8), (1, 0)]
    """
    first = _FIRST_NUMBER.get(sequence.layout, 0)
    videos = [list(video) for _, video in groupby(sequence.frames, key=_video)]
    return [Place(n, number) for n, video in enumerate(videos) for number in _numbers(video, first)]


def _video(frame: FrameInfo) -> str:
    """What the frames of one video have in common."""
    if frame.image_name:
        return str(PureWindowsPath(frame.image_name).parent)
    return str(_id_parts(frame)[0])


def _numbers(video: list[FrameInfo], first: int) -> list[int]:
    """Those of the frames of a video, from 0. first: the usual number of a first picture."""
    numbers = [_number(frame) for frame in video]
    if numbers[0] < 0 or any(a >= b for a, b in pairwise(numbers)):
        return [frame.index for frame in video]
    return [number - min(first, numbers[0]) for number in numbers]


def _number(frame: FrameInfo) -> int:
    """The number that a frame's picture is called by; -1 where there is none that could count frames."""
    if not frame.image_name:
        return _id_parts(frame)[1]
    digits = re.findall(r"[0-9]+", PureWindowsPath(frame.image_name).stem)
    number = int(digits[-1]) if digits and len(digits[-1]) < 20 else -1
    return number if number <= _MAX_NUMBER else -1


def _id_parts(frame: FrameInfo) -> tuple[int, int]:
    """Video and frame as an image id of PoseTrack18 tells them; -1 for any other."""
    if frame.image_id is None or frame.image_id not in _POSETRACK18_IDS:
        return -1, -1
    return divmod(frame.image_id, _PER_VIDEO)
