import errno
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from make_video import HEIGHT, WIDTH, is_upright, make_video, numbered_image, read_number

from pose_track.structures.frames import Frame
from pose_track.video.h264 import ticks_per_second
from pose_track.video.reader import open_video
from pose_track.video.writer import VideoWriter

VARYING_TIMES = [0.0, 0.04, 0.08, 0.2, 0.24, 0.25, 0.5, 1.0, 1.04, 1.08]
TICK_SECONDS = 1 / 90_000


def write_video(path: Path, num_frames: int, fps: Fraction, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    with VideoWriter(path, *size, fps) as writer:
        for number in range(num_frames):
            writer.write(numbered_image(number, *size))
    return path


def read_all(path: Path) -> list[Frame]:
    with open_video(path) as reader:
        return list(reader)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are chosen on Linux only")
def test_the_bytes_do_not_depend_on_the_number_of_cores(tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        one = write_video(tmp_path / "one.mp4", 20, Fraction(25), (320, 240)).read_bytes()
    finally:
        os.sched_setaffinity(0, cores)
    assert write_video(tmp_path / "all.mp4", 20, Fraction(25), (320, 240)).read_bytes() == one


# frames, frames per second
@pytest.mark.parametrize(
    ("num_frames", "fps"),
    [
        (1, Fraction(25)),  # one frame
        (30, Fraction(10)),
        (30, Fraction(24000, 1001)),
        (30, Fraction(30000, 1001)),
        (12, Fraction(1, 2)),  # a frame every two seconds
        (12, Fraction(1234567890, 98765432)),  # a rate that no time base divides
    ],
)
def test_frames_and_rate_are_read_back(tmp_path: Path, num_frames: int, fps: Fraction) -> None:
    path = write_video(tmp_path / "out.mp4", num_frames, fps)
    with open_video(path) as reader:
        frames = list(reader)
    assert [read_number(f.image) for f in frames] == list(range(num_frames))
    assert float(reader.info.fps) == pytest.approx(float(fps), rel=1e-5)
    assert reader.info.num_frames_from_header == num_frames
    expected = [i / float(fps) for i in range(num_frames)]
    assert [f.pts_seconds for f in frames] == pytest.approx(expected, rel=1e-5, abs=TICK_SECONDS)


def test_times_of_a_variable_frame_rate_are_kept(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", WIDTH, HEIGHT, Fraction(10)) as writer:
        for number, seconds in enumerate(VARYING_TIMES):
            writer.write(numbered_image(number), seconds)
    frames = read_all(tmp_path / "out.mp4")
    assert [f.pts_seconds for f in frames] == pytest.approx(VARYING_TIMES, abs=TICK_SECONDS)
    assert [read_number(f.image) for f in frames] == list(range(len(VARYING_TIMES)))


def test_copy_has_the_times_and_rate_of_its_source(tmp_path: Path) -> None:
    times = [Fraction(t).limit_denominator(1000) for t in VARYING_TIMES]
    source = make_video(tmp_path / "source.mp4", len(times), times=times)
    with open_video(source) as reader, VideoWriter(tmp_path / "out.mp4", WIDTH, HEIGHT, reader.info.fps) as writer:
        times_read = [(frame, writer.write(frame.image, frame.pts_seconds))[0].pts_seconds for frame in reader]
    with open_video(tmp_path / "out.mp4") as copy:
        assert [f.pts_seconds for f in copy] == pytest.approx(times_read, abs=TICK_SECONDS)
    assert float(copy.info.fps) == pytest.approx(
        float(reader.info.fps), rel=0.1
    )  # the end of the last frame is unknown


def test_times_start_at_the_first_frame(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", WIDTH, HEIGHT, Fraction(10)) as writer:
        for number in range(3):
            writer.write(numbered_image(number), 7.0 + number / 10)
    assert [f.pts_seconds for f in read_all(tmp_path / "out.mp4")] == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("size", [(191, 128), (192, 127), (191, 127)])
def test_odd_sizes_repeat_their_last_row_or_column(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = read_all(write_video(tmp_path / "out.mp4", 3, Fraction(10), size))
    assert frames[0].image.shape == (HEIGHT, WIDTH, 3)
    assert [read_number(f.image) for f in frames] == [0, 1, 2]
    assert np.abs(frames[0].image[: size[1], : size[0]].astype(int) - numbered_image(0, *size)).mean() < 3


def test_format_that_browsers_can_play(tmp_path: Path) -> None:
    path = write_video(tmp_path / "out.mp4", 5, Fraction(10))
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt, codec.color_range, codec.colorspace) == ("h264", "yuv420p", 1, 1)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # the index is first, so it plays while it loads


def test_colours_are_kept(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for i, color in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
        image[:, i * WIDTH // 4 : (i + 1) * WIDTH // 4] = color
    with VideoWriter(tmp_path / "out.mp4", WIDTH, HEIGHT, Fraction(10)) as writer:
        writer.write(image)
    (frame,) = read_all(tmp_path / "out.mp4")
    assert is_upright(numbered_image(0))
    assert np.abs(frame.image[:, 24::48].astype(int) - image[:, 24::48]).max() <= 6


def test_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with VideoWriter(path, WIDTH, HEIGHT, Fraction(10)) as writer:
        writer.write(numbered_image(0))
        assert path.read_bytes() == b"old"
    assert len(read_all(path)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_error_leaves_a_valid_file_of_the_frames_before_it(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(error), VideoWriter(path, WIDTH, HEIGHT, Fraction(10)) as writer:  # noqa: PT012
        for number in range(7):
            writer.write(numbered_image(number))
        raise error
    assert [read_number(f.image) for f in read_all(path)] == list(range(7))


def test_error_before_the_first_frame_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "out.mp4", WIDTH, HEIGHT, Fraction(10)):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", [10, 30])
def test_killed_run_leaves_a_video_up_to_its_last_second(tmp_path: Path, fps: int) -> None:
    program = (
        "import os, numpy as np; from fractions import Fraction; from pose_track.video.writer import VideoWriter\n"
        f"writer = VideoWriter({str(tmp_path / 'out.mp4')!r}, 64, 48, Fraction({fps}))\n"
        f"for _ in range({4 * fps}): writer.write(np.zeros((48, 64, 3), np.uint8))\n"
        "os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).resolve().parents[2])
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4.partial"]
    assert len(read_all(tmp_path / "out.mp4.partial")) >= 3 * fps


def test_without_space_for_the_index_the_fragments_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pose_track.video.writer._copy_packets", full)
    path = write_video(tmp_path / "out.mp4", 12, Fraction(10))
    assert [read_number(frame.image) for frame in read_all(path)] == list(range(12))
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    assert str(path) in caplog.text


def test_no_frame_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frame was written"), VideoWriter(tmp_path / "o.mp4", 64, 48, Fraction(10)):
        pass
    assert list(tmp_path.iterdir()) == []


# name, width, frames per second, error, part of its message
@pytest.mark.parametrize(
    ("name", "width", "fps", "error", "message"),
    [
        ("out.avi", 64, 10, ValueError, r"must end in one of \.mp4"),
        ("out.mp4", 0, 10, ValueError, "got 0x48"),
        ("out.mp4", 64, 0, ValueError, "fps must be above 0"),
        ("missing/out.mp4", 64, 10, FileNotFoundError, "create it first"),
    ],
)
def test_bad_arguments(tmp_path: Path, name: str, width: int, fps: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        VideoWriter(tmp_path / name, width, 48, Fraction(fps))


def test_bad_frames(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", WIDTH, HEIGHT, Fraction(10)) as writer:
        writer.write(numbered_image(0), 1.0)
        with pytest.raises(ValueError, match=r"\(128, 192, 3\), got uint8 of shape \(48, 64, 3\)"):
            writer.write(np.zeros((48, 64, 3), np.uint8))
        with pytest.raises(ValueError, match="got float32"):
            writer.write(numbered_image(0).astype(np.float32))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"must increase, got 1\.0 after 1\.0"):
            writer.write(numbered_image(1), 1.0)
    with pytest.raises(ValueError, match="is closed"):
        writer.write(numbered_image(1))


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(24000, 1001), Fraction(1, 3), Fraction(120)])
def test_frame_lasts_a_whole_number_of_ticks(fps: Fraction) -> None:
    assert ticks_per_second(fps) >= 90_000
    assert (ticks_per_second(fps) / fps).denominator == 1
