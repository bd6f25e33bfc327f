"""Only the newest frame counts, nothing hangs, and no thread is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest
from make_video import numbered_image, read_number

from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Frame
from pose_track.video.newest import NewestFrames
from pose_track.video.source import DecodedFrame, Fault, Selection, VideoInfo, VideoReader


class Steps(VideoReader):
    """Each `step.release()` lets it decode one more frame, up to `end`; `error` is raised then."""

    is_live = True

    def __init__(self, end: int = 100, error: Exception | None = None) -> None:
        super().__init__(Selection())
        self.info = VideoInfo("steps", 192, 128, Fraction(10), None)
        self.step = threading.Semaphore(0)
        self.num_converted = 0
        self.num_released = 0
        self._end, self._error = end, error

    def _convert(self, number: int) -> ImageArray:
        self.num_converted += 1
        return numbered_image(number)

    def _decode(self) -> Iterator[DecodedFrame]:
        for number in range(self._end):
            self.step.acquire()
            if number == 5:
                self.faults.append(Fault(5, "lost"))
            yield Fraction(number, 10), lambda number=number: self._convert(number)  # type: ignore[misc]
        if self._error is not None:
            raise self._error

    def _release(self) -> None:
        self.num_released += 1


def advance(reader: Steps, num_frames: int) -> None:
    for _ in range(num_frames):
        reader.step.release()


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_older_frames_are_skipped_and_not_converted() -> None:
    reader = Steps()
    with NewestFrames(reader) as newest:
        frames = iter(newest)
        advance(reader, 1)
        first = next(frames)
        advance(reader, 7)  # 1 to 7
        wait_until(lambda: newest.num_skipped == 6)
        last = next(frames)
        assert (first.index, last.index, read_number(last.image)) == (0, 7, 7)
        assert newest.num_skipped == 6
        assert reader.num_converted == 2
        assert newest.faults == [Fault(5, "lost")]
        assert first.captured is not None
        assert time.monotonic() - 20 < first.captured < last.captured < time.monotonic()  # type: ignore[operator]
        advance(reader, 1)  # lets the thread see that it is closed
    assert reader.num_released >= 1


def test_the_end_comes_after_the_newest_frame() -> None:
    reader = Steps(3)
    advance(reader, 3)
    with NewestFrames(reader) as newest:
        seen = [frame.index for frame in newest]
    assert seen[-1] == 2
    assert len(seen) + newest.num_skipped == 3


def test_an_error_comes_after_the_newest_frame() -> None:
    reader = Steps(3, RuntimeError("broken"))
    advance(reader, 3)
    seen: list[Frame] = []
    with NewestFrames(reader) as newest, pytest.raises(RuntimeError, match="broken"):
        seen.extend(newest)
    assert seen[-1].index == 2


def test_closing_while_the_source_stalls_returns_at_once() -> None:
    reader = Steps()
    with NewestFrames(reader) as newest:
        frames = iter(newest)
        reader.step.release()
        assert next(frames).index == 0
        started = time.monotonic()
    assert time.monotonic() - started < 3
    assert list(frames) == []
    assert reader.num_released == 0  # its thread still uses it
    reader.step.release()
    newest._thread.join(10)
    assert reader.num_released == 1


def test_it_is_read_once() -> None:
    reader = Steps(1)
    advance(reader, 1)
    with NewestFrames(reader) as newest:
        assert len(list(newest)) == 1
        with pytest.raises(ValueError, match="steps"):
            iter(newest)
    with NewestFrames(Steps()) as unused:
        pass
    with pytest.raises(ValueError, match="steps"):
        iter(unused)
