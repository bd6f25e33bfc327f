"""Cameras and screens. FFmpeg's source of test images is opened as a camera is."""

from __future__ import annotations

import sys
from itertools import islice

import pytest

from pose_track.video import devices
from pose_track.video.devices import camera, screen
from pose_track.video.locations import Location, parse_source
from pose_track.video.newest import NewestFrames
from pose_track.video.reader import open_video
from pose_track.video.stream_options import StreamOptions

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of devices on Linux")
STAND_IN = Location("camera", "test", "test", "lavfi:testsrc=size=192x128:rate=50")


def test_frames_of_a_device() -> None:
    with open_video(STAND_IN) as reader:
        assert reader.is_live
        assert (reader.info.width, reader.info.height, reader.info.fps) == (192, 128, 50)
        frames = list(islice(reader, 20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([n / 50 for n in range(20)])
    assert all(frame.captured is not None for frame in frames)


def test_the_newest_frames_of_a_device() -> None:
    with NewestFrames(open_video(STAND_IN)) as newest:
        frames = list(islice(newest, 10))
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))


# a location, what is wanted, and what FFmpeg is asked for
@linux
@pytest.mark.parametrize(
    ("source", "wanted", "expected"),
    [
        (3, {}, ("v4l2", "/dev/video3", {})),
        ("/dev/video0", {"fps": 30.0}, ("v4l2", "/dev/video0", {"framerate": "30"})),
        ("v4l2:/dev/a", {"size": (640, 480)}, ("v4l2", "/dev/a", {"video_size": "640x480"})),
    ],
)
def test_cameras(source: int | str, wanted: dict[str, object], expected: tuple[str, str, dict[str, str]]) -> None:
    device = camera(parse_source(source), StreamOptions(**wanted))  # type: ignore[arg-type]
    assert (device.format, device.name, device.options) == expected


@linux
def test_screens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    whole = screen(parse_source("screen:"), StreamOptions(fps=10.0))
    assert (whole.format, whole.name, whole.options) == ("x11grab", ":7", {"framerate": "10"})
    part = screen(parse_source("screen:10,20,640,480"), StreamOptions())
    assert (part.name, part.options) == (":7+10,20", {"framerate": "30", "video_size": "640x480"})


@linux
def test_what_cannot_be_opened_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(ValueError, match="DISPLAY"):
        open_video("screen:")
    with pytest.raises(ConnectionError, match=r"camera 99.*connected"):
        open_video(99)
    with pytest.raises(ValueError, match="dshow"):
        open_video("dshow:Camera")
    monkeypatch.setenv("DISPLAY", ":99")
    with pytest.raises(ConnectionError, match="screen"):
        open_video("screen:")


def test_cameras_by_number_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        devices.av.device.DeviceInfo("a", "Mic", False, ["audio"]),
        devices.av.device.DeviceInfo("b", "Cam", True, ["video"]),
    ]
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(devices, "_check_format", lambda name, text: None)
    monkeypatch.setattr(devices.av.device, "enumerate_input_devices", lambda name: names)
    assert camera(parse_source(0), StreamOptions()).name == "video=Cam"
    assert camera(parse_source("dshow:Cam"), StreamOptions()).name == "video=Cam"
    with pytest.raises(ValueError, match="camera 1"):
        camera(parse_source(1), StreamOptions())
