"""A stream of the annotated frames, sent to a server by FFmpeg."""

from __future__ import annotations

from fractions import Fraction
from urllib.parse import urlsplit

from pose_track.pipeline.live_result import LiveResult
from pose_track.sinks.image_process import ImageProcess

FORMATS = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "rtmp": "flv",
    "rtmps": "flv",
    "udp": "mpegts",
    "tcp": "mpegts",
    "srt": "mpegts",
    "rtp": "rtp_mpegts",
}
"""The container of each protocol."""

_MODULE = "pose_track.sinks.publish_process"


class Publisher:
    """A sink that encodes H.264 and sends it to a URL, in a process of its own, since FFmpeg may hang there.

    url: of a server that takes streams, such as rtsp://host/name or rtmp://host/app/key, or of a receiver, udp://,
        tcp://, srt:// or rtp://. Messages name the host only, not names, passwords and keys.
    fps: the usual rate of the frames; each keeps its own time.
    limit_seconds: a server that takes nothing for so long is given up.

    Raises ValueError for another protocol or without a host.
    """

    poses_only = False

    def __init__(self, url: str, fps: Fraction, limit_seconds: float = 10.0) -> None:
        self._address = public_address(url)
        self._arguments = {"url": url, "fps": str(fps)}
        self._limit_seconds = limit_seconds
        self._process: ImageProcess | None = None
        self.name = f"publish {self._address}"

    def send(self, result: LiveResult) -> None:
        try:
            if self._process is None:
                self._process = ImageProcess(_MODULE, self._arguments, self._limit_seconds)
            self._process.send(result.annotated(), result.frame.pts_seconds)
        except BrokenPipeError:
            self._finish()
            raise OSError("the stream ended early") from None

    def close(self) -> None:
        if self._process is not None:
            self._finish()

    def _finish(self) -> None:
        """End the process. Raises OSError unless it sent everything."""
        assert self._process is not None
        process, self._process = self._process, None
        code, lines = process.close()
        if process.hung:
            raise OSError("takes no more frames")
        if code:
            raise OSError(lines[-1] if lines else f"its process ended with {code}")


def public_address(url: str) -> str:
    """Protocol, host and port of a URL, without what may be secret.

    >>> public_address("rtmp://me:secret@example.org:1935/live/stream_key?token=1")
    'rtmp://example.org:1935'

    Raises ValueError as `Publisher` does.
    """
    parts = urlsplit(url)
    if parts.scheme not in FORMATS:
        raise ValueError(f"a stream is sent to {', '.join(f'{name}://' for name in FORMATS)}; got {parts.scheme!r}")
    if not parts.hostname:
        raise ValueError(f"the URL of a stream needs a host, such as {parts.scheme}://localhost/name")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
