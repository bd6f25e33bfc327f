"""Where a video is split, and how far its parts overlap.

A part begins before its predecessor ends. In the overlap both are tracked, and at its end, the seam, the result goes
on with the later part. The overlap is longer than the track buffer: whoever was lost before it is not continued in one
go either, and within it both trackers meet the same people in the same frames. The earlier part goes on for some frames
after the seam, so that its last tracks are confirmed as they are in one go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """A part of a video, in frame indices.

    start, stop: of the first frame that is tracked, and of the one after the last.
    seam: index of the first frame whose result is this part's; 0 in the first part.
    """

    start: int
    seam: int
    stop: int


@dataclass(frozen=True)
class Overlap:
    """How parts overlap.

    seconds: from the start of a part to its seam.
    confirm_frames: that the part before goes on after the seam.
    align: each part starts at a multiple of so many frames, so that the networks take the same batches as in one go.
    """

    seconds: float
    confirm_frames: int
    align: int


def split_video(seconds: Sequence[float], num_parts: int, overlap: Overlap) -> list[Split]:
    """Parts of about the same length.

    seconds: of each frame, increasing.

    Raises ValueError for less than 1 part, or where a part would be no longer than its overlap.
    """
    if num_parts < 1:
        raise ValueError(f"a video has 1 part or more, got {num_parts}")
    num_frames = len(seconds)
    starts = [n * num_frames // num_parts // overlap.align * overlap.align for n in range(num_parts)]
    seams = [0, *(bisect_left(seconds, seconds[start] + overlap.seconds) for start in starts[1:])]
    ends = [*(min(seam + overlap.confirm_frames, num_frames) for seam in seams[1:]), num_frames]
    lengths = [stop - start for start, stop in zip(starts, [*starts[1:], num_frames], strict=True)]
    longest = max((seam - start for seam, start in zip(seams, starts, strict=True)), default=0)
    if min(lengths) <= longest:
        raise ValueError(
            f"{num_parts} parts of {num_frames} frames would each be no longer than their overlap of {longest} frames; "
            "choose fewer"
        )
    return [Split(*split) for split in zip(starts, seams, ends, strict=True)]
