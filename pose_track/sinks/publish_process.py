"""The child process of `publish`: encodes the images of its stdin and sends them to a URL until it ends."""

from __future__ import annotations

import sys
from fractions import Fraction
from urllib.parse import urlsplit

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from pose_track.sinks.image_process import read_arguments, read_images
from pose_track.sinks.publish import FORMATS
from pose_track.structures.arrays import ImageArray
from pose_track.video.h264 import add_h264_stream, yuv_frame

# zerolatency: no frame waits in the encoder for later ones
_CODEC_OPTIONS = {"crf": "23", "preset": "superfast", "tune": "zerolatency"}
_KEY_FRAME_SECONDS = 1  # a viewer sees nothing before the next key frame
_FORMAT_OPTIONS = {
    "rtsp": {"rtsp_transport": "tcp"},
    "flv": {"flvflags": "no_duration_filesize", "flush_packets": "1"},
    "mpegts": {"flush_packets": "1", "max_delay": "0"},
    "rtp_mpegts": {"flush_packets": "1"},
}


def main() -> int:
    arguments = read_arguments()
    try:
        _publish(arguments["url"], Fraction(arguments["fps"]))
    except av.FFmpegError as error:
        print(error.strerror, file=sys.stderr)  # its text has the URL, with what is secret in it
        return 1
    return 0


def _publish(url: str, fps: Fraction) -> None:
    name = FORMATS[urlsplit(url).scheme]
    stream: VideoStream | None = None
    last_tick = -1
    with av.open(url, "w", format=name, options=_FORMAT_OPTIONS[name]) as container:
        for pts_seconds, image in read_images():
            stream = stream or _add_stream(container, image, fps)
            last_tick = max(last_tick + 1, round(pts_seconds / stream.codec_context.time_base))
            frame = yuv_frame(image)
            frame.pts, frame.time_base = last_tick, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))


def _add_stream(container: OutputContainer, image: ImageArray, fps: Fraction) -> VideoStream:
    height, width = image.shape[:2]
    options = {**_CODEC_OPTIONS, "g": str(max(1, round(_KEY_FRAME_SECONDS * fps)))}
    return add_h264_stream(container, width, height, fps, options)


if __name__ == "__main__":
    sys.exit(main())
