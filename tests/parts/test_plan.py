"""Where parts begin, overlap and end."""

from __future__ import annotations

import pytest

from pose_track.parts.plan import Overlap, Split, split_video

SECONDS = [n / 10 for n in range(1000)]


def test_parts_cover_the_video_and_overlap() -> None:
    assert split_video(SECONDS, 3, Overlap(5.0, 7, 4)) == [
        Split(0, 0, 389),
        Split(332, 382, 721),
        Split(664, 714, 1000),
    ]


def test_one_part_is_the_video() -> None:
    assert split_video(SECONDS, 1, Overlap(5.0, 7, 4)) == [Split(0, 0, 1000)]


def test_the_overlap_has_its_length_in_seconds_also_at_a_variable_rate() -> None:
    seconds = [*(n / 10 for n in range(500)), *(50 + n for n in range(500))]
    _, second = split_video(seconds, 2, Overlap(5.0, 0, 1))
    assert (second.start, second.seam) == (500, 505)


@pytest.mark.parametrize("num_parts", [21, 2000])
def test_parts_no_longer_than_their_overlap_are_refused(num_parts: int) -> None:
    with pytest.raises(ValueError, match="choose fewer"):
        split_video(SECONDS, num_parts, Overlap(5.0, 7, 1))


def test_no_part_is_refused() -> None:
    with pytest.raises(ValueError, match="1 part or more, got 0"):
        split_video(SECONDS, 0, Overlap(5.0, 7, 1))
