"""Files and playlists behind HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from make_video import make_video, numbered_image, read_number, truncated
from servers.http_servers import FileServer

from pose_track.structures.frames import Frame
from pose_track.video.reader import open_video
from pose_track.video.source import DecodeError
from pose_track.video.stream_options import StreamOptions

QUICK = StreamOptions(3.0, 3.0, max_reconnects=3, first_backoff_seconds=0.05, max_backoff_seconds=0.1)


@pytest.mark.parametrize(("suffix", "options"), [("mp4", {"bf": "2"}), ("mkv", {}), ("ts", {})])
def test_a_file_behind_http_is_read_as_the_file(suffix: str, options: dict[str, str], tmp_path: Path) -> None:
    path = make_video(tmp_path / f"clip.{suffix}", 30, options=options)
    with FileServer(tmp_path) as server, open_video(server.url(path.name), stream=QUICK) as reader:
        assert not reader.is_live
        received = list(reader)
    with open_video(path) as reader:
        expected = list(reader)
    assert [(frame.index, frame.pts_seconds) for frame in received] == [(f.index, f.pts_seconds) for f in expected]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(received, expected, strict=True))


def test_a_cut_connection_goes_on_where_it_was(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", 60, size=(640, 480))
    size = path.stat().st_size
    with FileServer(tmp_path, cut_after=size // 3) as server, open_video(server.url(path.name), stream=QUICK) as reader:
        assert [read_number(frame.image) for frame in reader] == list(range(60))
        assert server.num_clients > 2


def test_a_stalled_file_ends_where_it_stalled(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", 60, size=(640, 480))
    options = replace(QUICK, read_timeout_seconds=0.4)
    server = FileServer(tmp_path, path.stat().st_size // 2, stalls=True)
    frames: list[Frame] = []
    with (
        server,
        open_video(server.url(path.name), stream=options) as reader,
        pytest.raises(DecodeError, match="within the time limit"),
    ):
        frames.extend(reader)
    assert 0 < len(frames) < 60
    assert [read_number(frame.image) for frame in frames] == list(range(len(frames)))


def test_damage_behind_http(tmp_path: Path) -> None:
    path = truncated(make_video(tmp_path / "clip.mp4", 30))
    with FileServer(tmp_path) as server, open_video(server.url(path.name), stream=QUICK) as reader:
        frames = []
        with pytest.raises(DecodeError, match=r"is damaged"):
            frames.extend(reader)
    assert reader.faults


def test_what_is_missing_or_no_video(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("a note\n" * 500)
    with FileServer(tmp_path) as server:
        with pytest.raises(ConnectionError, match="404"):
            open_video(server.url("missing.mp4"), stream=QUICK)
        with pytest.raises(ValueError, match=r"notes\.mp4"):
            open_video(server.url("notes.mp4"), stream=QUICK)


def write_hls(folder: Path, num_frames: int = 30) -> Path:
    with av.open(
        str(folder / "live.m3u8"), "w", format="hls", options={"hls_time": "1", "hls_list_size": "0"}
    ) as target:
        stream = target.add_stream("libx264", rate=10, options={"preset": "veryfast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
        for number in range(num_frames):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(numbered_image(number), format="rgb24")))
        target.mux(stream.encode(None))
    return folder / "live.m3u8"


def test_hls_with_an_end_is_a_file(tmp_path: Path) -> None:
    write_hls(tmp_path)
    with FileServer(tmp_path) as server, open_video(server.url("live.m3u8"), stream=QUICK) as reader:
        assert not reader.is_live
        frames = list(reader)
    assert [read_number(frame.image) for frame in frames] == list(range(30))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([n / 10 for n in range(30)])


def test_hls_without_an_end_is_live(tmp_path: Path) -> None:
    playlist = write_hls(tmp_path)
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST\n", ""))
    with FileServer(tmp_path) as server, open_video(server.url("live.m3u8"), stream=QUICK) as reader:
        assert reader.is_live
        frame = next(iter(reader))
        assert frame.captured is not None


@pytest.mark.parametrize("prefix", ["file://", "", "concat:", "subfile:"])
def test_a_playlist_of_a_server_opens_no_file_here(prefix: str, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "private").mkdir()
    playlist = write_hls(tmp_path / "private")
    segment = next(playlist.parent.glob("*.ts"))
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{prefix}{segment}\n#EXT-X-ENDLIST\n"
    (tmp_path / "served" / "list.m3u8").write_text(text)
    with FileServer(tmp_path / "served") as server, pytest.raises((ValueError, OSError), match=r"list\.m3u8"):
        open_video(server.url("list.m3u8"), stream=QUICK)


def test_a_redirection_opens_no_file_here(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", 3)

    class Redirecting(FileServer):
        def serve(self, client):  # type: ignore[no-untyped-def]
            client.recv(4096)
            client.sendall(f"HTTP/1.1 302 Found\r\nLocation: file://{path}\r\nContent-Length: 0\r\n\r\n".encode())

    with Redirecting(tmp_path) as server, pytest.raises((ValueError, OSError)):
        open_video(server.url("clip.mp4"), stream=QUICK)
