"""How a container names a coding for which FFmpeg has no decoder."""

from __future__ import annotations

import re
from pathlib import Path

import av.logging

from pose_track.video.local_files import open_local

_NAMES = re.compile(r"Video: none \((?P<tag>.+?) / 0x|unsupported AVCodecID (?P<id>\S+?)\.?\s*$")


def coding_name(path: Path) -> str:
    """The four-character code or codec id of such a video; "" where FFmpeg does not name it.

    PyAV does not tell, so the file is opened again to read FFmpeg's messages, which are off otherwise.
    """
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as messages, open_local(path):
            pass
    finally:
        av.logging.set_level(level)
    found = next((match for *_, text in messages if (match := _NAMES.search(text))), None)
    return "" if found is None else found["tag"] or found["id"]
