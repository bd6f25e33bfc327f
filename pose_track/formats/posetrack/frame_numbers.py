"""Which frame of which video an image of a pose file is."""

from __future__ import annotations

import re
from itertools import groupby, pairwise
from pathlib import PureWindowsPath
from typing import NamedTuple

from pose_track.structures.sequence import FrameInfo, PoseSequence

# PoseTrack18's image ids: a 1, six digits of the video, four of the frame
_POSETRACK18_IDS = range(10**10, 2 * 10**10)
_IDS_PER_VIDEO = 10**4

_FIRST_NUMBER = {"posetrack17": 1}  # number of a video's first image in its name; 0 in other layouts

_MAX_NUMBER = 10**8  # 19 days at 60 frames per second; a larger number is something else, such as a time


class FramePlace(NamedTuple):
    """A frame's place.

    video: number of the video within the file, from 0.
    frame: frame number within the video, from 0.
    """

    video: int
    frame: int


def frame_places(sequence: PoseSequence) -> list[FramePlace]:
    """The place of each frame. The frames of a video are consecutive, and their numbers ascend.

    A file may list only some images of a video, or images of many videos. The images of a video share a folder, and
    the last number in an image's name is its frame number. Without names, PoseTrack18's image ids state both. Where
    there are no numbers, or they do not ascend, frames are numbered by their index. Frames without any sign of a video
    belong to one.

    >>> from pose_track.structures.sequence import PoseAnnotations
    >>> from pose_track.structures.skeleton import LSP_14
    >>> frames = [FrameInfo(i, name) for i, name in enumerate(["a/000004.jpg", "a/000008.jpg", "b/000000.jpg"])]
    >>> people = PoseAnnotations.empty(LSP_14)
    >>> sequence = PoseSequence("val", LSP_14, tuple(frames), people, people.track_ids)
    >>> [tuple(place) for place in frame_places(sequence)]
    [(0, 4), (0, 8), (1, 0)]
    """
    first = _FIRST_NUMBER.get(sequence.layout, 0)
    videos = [list(frames) for _, frames in groupby(sequence.frames, key=_video_key)]
    return [FramePlace(n, number) for n, frames in enumerate(videos) for number in _frame_numbers(frames, first)]


def split_image_id(image_id: int | None) -> tuple[int, int] | None:
    """Video and frame of a PoseTrack18 image id; None for any other id.

    >>> split_image_id(10003420017), split_image_id(17)
    ((1000342, 17), None)
    """
    return divmod(image_id, _IDS_PER_VIDEO) if image_id is not None and image_id in _POSETRACK18_IDS else None


def written_image_id(info: FrameInfo, name: str) -> int:
    """The id of an image in files that are written: its own, or else one that is the same in all files of one source.

    That is the frame's index. Where the source's name begins with six digits, as PoseTrack's do, and the index has up
    to four, it is PoseTrack18's: a 1, these digits, and the index as four digits.

    >>> written_image_id(FrameInfo(17), "000342_mpii"), written_image_id(FrameInfo(17), "clip")
    (10003420017, 17)
    """
    if info.image_id is not None:
        return info.image_id
    digits = re.match(r"[0-9]{6}", name)
    is_posetrack = digits is not None and info.index < _IDS_PER_VIDEO
    return int(f"1{digits[0]}{info.index:04d}") if digits is not None and is_posetrack else info.index


def _video_key(frame: FrameInfo) -> str:
    """A value that the frames of a video share."""
    if frame.image_name:
        return str(PureWindowsPath(frame.image_name).parent)
    video, _ = split_image_id(frame.image_id) or (-1, -1)
    return str(video)


def _frame_numbers(frames: list[FrameInfo], first: int) -> list[int]:
    """Numbers, from 0, of the frames of a video. first: the layout's number of a first image."""
    numbers = [_image_number(frame) for frame in frames]
    if numbers[0] < 0 or any(a >= b for a, b in pairwise(numbers)):
        return [frame.index for frame in frames]
    return [number - min(first, numbers[0]) for number in numbers]


def _image_number(frame: FrameInfo) -> int:
    """The number in the image's name or id; -1 where there is none that may be a frame number."""
    if not frame.image_name:
        _, number = split_image_id(frame.image_id) or (-1, -1)
        return number
    digits = re.findall(r"[0-9]+", PureWindowsPath(frame.image_name).stem)
    number = int(digits[-1]) if digits and len(digits[-1]) < 20 else -1
    return number if number <= _MAX_NUMBER else -1
