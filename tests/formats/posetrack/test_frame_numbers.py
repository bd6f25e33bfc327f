"""Which frames of which videos the images of a file are."""

from __future__ import annotations

import pytest

from pose_track.formats.posetrack.frame_numbers import frame_places
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17


def places(layout: str, *frames: str | int | None) -> list[tuple[int, int]]:
    """The places of frames with these image names or ids and the indices 10, 12, 14, ..."""
    infos = tuple(
        FrameInfo(10 + 2 * n, image_name=f) if isinstance(f, str) else FrameInfo(10 + 2 * n, image_id=f)
        for n, f in enumerate(frames)
    )
    people = PoseAnnotations.empty(COCO_17)
    return [tuple(place) for place in frame_places(PoseSequence("a", COCO_17, infos, people, people.track_ids, layout))]


NAMED: dict[str, tuple[tuple[str, ...], list[tuple[int, int]]]] = {
    "none": ((), []),
    "all": (("images/a/000000.jpg", "images/a/000001.jpg"), [(0, 0), (0, 1)]),
    "every fourth frame": (("images/a/000004.jpg", "images/a/000008.jpg"), [(0, 4), (0, 8)]),
    "the last number is the frame's": (("a/2021_take2_07.png", "a/2021_take2_09.png"), [(0, 7), (0, 9)]),
    "one video after another": (("a/1.jpg", "a/3.jpg", "b/0.jpg"), [(0, 1), (0, 3), (1, 0)]),
    "of another operating system": ((r"a\1.jpg", r"b\1.jpg"), [(0, 1), (1, 1)]),
    "descending": (("a/2.jpg", "a/1.jpg"), [(0, 10), (0, 12)]),
    "repeated": (("a/2.jpg", "a/2.jpg"), [(0, 10), (0, 12)]),
    "without numbers": (("a/x.jpg", "a/y.jpg"), [(0, 10), (0, 12)]),
    "one without a number": (("a/1.jpg", "a/y.jpg", "a/3.jpg"), [(0, 10), (0, 12), (0, 14)]),
    "no names": (("", ""), [(0, 10), (0, 12)]),
    "timestamps": (("a/1305031102175304.jpg", "a/1305031102211214.jpg"), [(0, 10), (0, 12)]),
    "a number too long": ((f"a/{'9' * 5000}.jpg",), [(0, 10)]),
    "descending in one video": (("a/2.jpg", "a/1.jpg", "b/7.jpg"), [(0, 10), (0, 12), (1, 7)]),
}


@pytest.mark.parametrize("case", NAMED)
def test_image_names(case: str) -> None:
    names, expected = NAMED[case]
    assert places("posetrack18", *names) == expected


# PoseTrack17 numbers images from 1
@pytest.mark.parametrize(
    ("names", "expected"),
    [(("a/1.jpg", "a/5.jpg"), [(0, 0), (0, 4)]), (("a/0.jpg", "a/5.jpg"), [(0, 0), (0, 5)])],
)
def test_image_names_numbered_from_1(names: tuple[str, ...], expected: list[tuple[int, int]]) -> None:
    assert places("posetrack17", *names) == expected


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ((10003420000, 10003420004), [(0, 0), (0, 4)]),
        ((10003420000, 10003420004, 10008530002), [(0, 0), (0, 4), (1, 2)]),
        ((5, 139), [(0, 10), (0, 12)]),  # COCO's ids: the reader's indices are these ids
        ((None, None), [(0, 10), (0, 12)]),
    ],
)
def test_image_ids(ids: tuple[int | None, ...], expected: list[tuple[int, int]]) -> None:
    assert places("coco", *ids) == expected
