"""Clips for live runs: drawn people or a video of the user, each frame stamped with its number and coded beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from pose_track.benchmarks.live.stamp import stamp
from pose_track.benchmarks.speed.long_video import walking_scene
from pose_track.datasets.synthetic.clip import FPS
from pose_track.structures.arrays import ImageArray
from pose_track.video.h264 import add_h264_stream, ticks_per_second, yuv_frame
from pose_track.video.local_files import file_url
from pose_track.video.reader import open_video
from pose_track.video.writer import VideoWriter

_LOOP_SECONDS = 4  # of people who walk there and back, at 1.6 m/s
_H264 = {"preset": "superfast", "tune": "zerolatency", "crf": "23", "x264-params": "scenecut=0"}
_JPEG_QUANTIZER = 4  # 2 to 31; about quality 85


@dataclass(frozen=True)
class Clip:
    """The same frames in two files, to be played at `fps` again and again.

    name: what is in it, for tables.
    h264: MP4 with a keyframe every second and no frame that waits for a later one; jpeg: Matroska with JPEG images.
    """

    name: str
    fps: int
    num_frames: int
    h264: Path
    jpeg: Path


def draw_people(path: Path, num_people: int, size: tuple[int, int], fps: int) -> Path:
    """Write a video of people who walk there and back, and return its path.

    path: an mp4 file; size: width and height in pixels. The people are drawn small and enlarged.
    """
    scene = walking_scene(num_people, _LOOP_SECONDS * FPS)
    with VideoWriter(path, *size, Fraction(fps)) as writer:
        for index in range(_LOOP_SECONDS * fps):
            shot, _ = scene.frame(index, fps)
            writer.write(np.asarray(cv2.resize(shot.image, size), np.uint8))
    return path


def make_clip(video: Path, name: str, fps: int, seconds: float, folder: Path) -> Clip:
    """Number and code the frames that a video shows at each 1 / `fps` of its time; a short one begins again.

    folder: for the files, which get the name of the video. Raises as `open_video`, and ValueError for an image that is
    too small for a stamp.
    """
    num_frames = round(seconds * fps)
    clip = Clip(name, fps, num_frames, folder / f"{video.stem}-{fps}.mp4", folder / f"{video.stem}-{fps}.mkv")
    images = (stamp(image, number) for number, image in enumerate(images_at(video, fps, num_frames)))
    _write(images, clip)
    return clip


def images_at(video: Path, fps: float, num_images: int) -> Iterator[ImageArray]:
    """The nearest image of a video at each multiple of 1 / `fps` seconds; after its end, it begins again."""
    number, start = 0, 0.0
    while number < num_images:
        with open_video(video) as reader:
            step = float(1 / reader.info.fps)
            for frame in reader:
                while number / fps < start + frame.pts_seconds + step / 2:
                    yield frame.image
                    number += 1
                    if number == num_images:
                        return
                end = start + frame.pts_seconds + step
            start = end


def _write(images: Iterator[ImageArray], clip: Clip) -> None:
    ticks = ticks_per_second(Fraction(clip.fps))
    with av.open(file_url(clip.h264), "w") as video, av.open(file_url(clip.jpeg), "w") as jpegs:
        streams: list[tuple[OutputContainer, VideoStream]] = []
        for number, image in enumerate(images):
            if not streams:
                height, width = image.shape[:2]
                h264 = add_h264_stream(video, width, height, Fraction(clip.fps), {**_H264, "g": str(clip.fps)})
                streams = [(video, h264), (jpegs, _add_jpeg_stream(jpegs, width, height, clip.fps))]
            for (file, stream), frame in zip(streams, (yuv_frame(image), _jpeg_frame(image)), strict=True):
                frame.time_base, frame.pts = Fraction(1, ticks), number * ticks // clip.fps
                file.mux(stream.encode(frame))
        for file, stream in streams:
            file.mux(stream.encode(None))


def _add_jpeg_stream(container: OutputContainer, width: int, height: int, fps: int) -> VideoStream:
    stream = container.add_stream("mjpeg", rate=fps)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
    codec = stream.codec_context
    codec.time_base, codec.qmin, codec.qmax = Fraction(1, ticks_per_second(Fraction(fps))), *(_JPEG_QUANTIZER,) * 2
    return stream


def _jpeg_frame(image: ImageArray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuvj420p")
