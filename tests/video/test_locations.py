"""What a text that names a video is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest
from make_video import make_video

from pose_track.video.locations import parse_source, redacted
from pose_track.video.reader import open_video

# source, kind, text in messages, name of the results, whether its address tells that it is live
SOURCES: list[tuple[int | str | Path, str, str, str, bool]] = [
    (0, "camera", "camera 0", "camera0", True),
    ("1", "camera", "camera 1", "camera1", True),
    ("/dev/video2", "camera", "/dev/video2", "camera2", True),
    (Path("/dev/video2"), "camera", "/dev/video2", "camera2", True),
    ("v4l2:/dev/video3", "camera", "v4l2:/dev/video3", "dev_video3", True),
    ("avfoundation:FaceTime HD", "camera", "avfoundation:FaceTime HD", "FaceTime_HD", True),
    ("dshow:Integrated Camera", "camera", "dshow:Integrated Camera", "Integrated_Camera", True),
    ("rtsp://cam1/stream1", "stream", "rtsp://cam1/stream1", "cam1_stream1", True),
    ("RTSP://cam1:554/a/b", "stream", "RTSP://cam1:554/a/b", "cam1_a_b", True),
    ("rtsps://cam1:8322", "stream", "rtsps://cam1:8322", "cam1_8322", True),
    ("rtmp://host/app/key", "stream", "rtmp://host/app/key", "host_app_key", True),
    ("udp://@239.0.0.1:1234", "stream", "udp://239.0.0.1:1234", "239.0.0.1_1234", True),
    ("srt://host:9000?passphrase=secret", "stream", "srt://host:9000?***", "host_9000", True),
    ("https://host/clip.mp4", "stream", "https://host/clip.mp4", "host_clip.mp4", False),
    ("-", "pipe", "standard input", "stdin", False),
    ("screen:", "screen", "screen:", "screen", True),
    ("screen:10,20,640,480", "screen", "screen:10,20,640,480", "screen", True),
    ("shots/*.png", "images", "shots/*.png", "shots", False),
    ("clip.mp4", "file", "clip.mp4", "clip", False),
    ("ftp://host/clip.mp4", "file", "ftp://host/clip.mp4", "clip", False),  # no protocol of ours
    (Path("*.png"), "file", "*.png", "video", False),  # a path is one
    ("tcp:127.0.0.1:9", "file", "tcp:127.0.0.1:9", "tcp_127.0.0", False),
]  # fmt: skip


@pytest.mark.parametrize(("source", "kind", "text", "name", "is_live"), SOURCES)
def test_kinds(source: int | str | Path, kind: str, text: str, name: str, is_live: bool) -> None:
    location = parse_source(source)
    assert (location.kind, location.text, location.name, location.is_live) == (kind, text, name, is_live)


# what is refused, and what its error names
@pytest.mark.parametrize(("source", "said"), [(-1, "-1"), ("screen:1,2", "WIDTH"), ("screen:0,0,0,9", "WIDTH")])
def test_refused(source: int | str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_source(source)


@pytest.mark.parametrize("name", ["0", "screen:", "rtsp:/cam", "a*.mp4", "v4l2:x", "-x"])
def test_what_exists_is_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / name
    target.parent.mkdir(exist_ok=True)
    make_video(tmp_path / "clip.mp4", 2).rename(target)
    given = name.replace("rtsp:/", "rtsp://")
    assert parse_source(given).kind == "file"
    with open_video(given) as reader:
        assert len(list(reader)) == 2


# a URL with secrets, and what is shown
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://user:secret@cam/a", "rtsp://cam/a"),
        ("rtsp://secret@cam/a", "rtsp://cam/a"),
        ("rtsp://user:se/cr@e?t@cam:554/a?b=secret#secret", "rtsp://cam:554/a?***"),
        ("rtsp://cam/user=secret&password=secret&channel=1", "rtsp://cam/user=***&password=***&channel=1"),
        ("https://host/@name/clip.mp4", "https://host/@name/clip.mp4"),
        ("http://[::1]:80/clip", "http://[::1]:80/clip"),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown
    assert "secret" not in repr(parse_source(url))
