"""Names and kinds of files that FFmpeg would take for something else."""

from __future__ import annotations

import os
import shutil
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest
from make_video import make_video, numbered_image

from pose_track.video import local_files
from pose_track.video.reader import open_video
from pose_track.video.writer import VideoWriter

NAMES = ("12:30:45.mp4", "2024-01-01T12:30:00.mp4", "concat:other.mp4", "tcp:127.0.0.1:9", "http:clip.mp4",
         "file:clip.mp4", "pipe:0", "data:video.mp4", "%03d.mp4", "-clip.mp4", "a?b#c|d.mp4")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_a_name_is_never_an_address(decoder: str, folder: Path) -> None:
    if decoder == "decord":
        pytest.importorskip("decord")
    make_video(folder / "clip.mp4", 3)
    make_video(folder / "other.mp4", 5)
    for name in NAMES:
        shutil.copy("clip.mp4", "copy")
        os.replace("copy", name)
        with open_video(name, decoder) as reader:
            assert (name, len(list(reader))) == (name, 3)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("parent", ["run:1", "tcp:127.0.0.1:9", "concat:a|b"])
def test_an_output_is_never_an_address(parent: str, folder: Path) -> None:
    (folder / parent).mkdir()
    with VideoWriter(Path(parent, "out.mp4"), 192, 128, Fraction(10)) as writer:
        writer.write(numbered_image(0))
    with open_video(folder / parent / "out.mp4") as reader:
        assert len(list(reader)) == 1


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\nclip.mp4\n#EXT-X-ENDLIST\n",
    "empty.m3u8": "",
    "renamed.mp4": "#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/clip.ts\n",
    "concat.txt": "ffconcat version 1.0\nfile clip.mp4\n",
    "manifest.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "session.mp4": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 9 RTP/AVP 96\r\n",
    "list.pls": "[playlist]\nFile1=clip.mp4\n",
}


@pytest.mark.parametrize("checked", [True, False])  # False: FFmpeg itself refuses them too
@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_are_refused(name: str, checked: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(folder / "clip.mp4", 3)
    (folder / name).write_text(PLAYLISTS[name])
    if not checked:
        monkeypatch.setattr(local_files, "_check_no_playlist", lambda path: None)
    with pytest.raises(ValueError, match=name):
        open_video(name)


def test_text_is_no_video(folder: Path) -> None:
    """FFmpeg would draw it on a terminal."""
    (folder / "notes.txt").write_text("a note\n" * 50)
    with pytest.raises(ValueError, match=r"notes\.txt"):
        open_video("notes.txt")


pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pipes
def test_a_pipe_without_a_writer_times_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "STALLED_SECONDS", 0.2)
    os.mkfifo("pipe.mp4")
    with pytest.raises(TimeoutError, match=r"pipe\.mp4"):
        open_video("pipe.mp4")


@pipes
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_pipe_is_read(share: float, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To its end, or up to where its writer stalls."""
    monkeypatch.setattr(local_files, "STALLED_SECONDS", 1.0)
    content = make_video(folder / "clip.mp4", 12).read_bytes()
    os.mkfifo("pipe.mp4")
    stalled = threading.Event()

    def write() -> None:
        with open("pipe.mp4", "wb", buffering=0) as pipe:
            pipe.write(content[: int(len(content) * share)])
            if share < 1:
                stalled.wait(20)

    writer = threading.Thread(target=write)
    writer.start()
    started = time.monotonic()
    try:
        if share == 1:
            with open_video("pipe.mp4") as reader:
                assert len(list(reader)) == 12
        else:
            with pytest.raises(TimeoutError, match=r"pipe\.mp4"), open_video("pipe.mp4") as reader:
                list(reader)
        assert time.monotonic() - started < 10
    finally:
        stalled.set()
        writer.join()
