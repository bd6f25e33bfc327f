"""The effect of each setting of drawing and encoding: the same observation with two values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from make_video import HEIGHT, WIDTH, make_video, numbered_image
from stub_stages import estimate_on_diagonal, stub_stages

from pose_track.config.settings import Settings
from pose_track.drawing.painter import Painter
from pose_track.pipeline.result_folder import ANNOTATED_FILE
from pose_track.pipeline.style import style_of
from pose_track.pipeline.track_file import track_file
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, TrackedPoses


def _drawn(settings: Settings) -> ImageArray:
    """The last of three frames of a moving person whose joints are unsure."""
    painter = Painter(style_of(settings))
    for frame in range(3):
        box = [20.0 + 20 * frame, 20, 60.0 + 20 * frame, 100]
        poses = estimate_on_diagonal(numbered_image(frame), Detections([box], [0.6]))  # type: ignore[arg-type]
        drawn = painter.draw(numbered_image(frame), TrackedPoses(frame, frame / 10, poses, np.array([1])))
    return drawn


def is_drawn_differently(settings: Settings, world: Any) -> bool:
    """Whether an image is not that of the default style."""
    drawn, default = _drawn(settings), _drawn(Settings())
    return drawn.shape != default.shape or bool((drawn != default).any())


def annotated_video(settings: Settings, world: Any) -> tuple[str, int, int, int]:
    """Codec, width, number of frames and of sounds of the annotated video."""
    with av.open(str(_track(settings, world))) as container:
        video = container.streams.video[0]
        codec = video.codec_context
        return codec.codec.canonical_name, codec.width, video.frames, len(container.streams.audio)


def is_small(settings: Settings, world: Any) -> bool:
    return _track(settings, world).stat().st_size < 4500


def _track(settings: Settings, world: Any) -> Path:
    video = _with_sound(make_video(world.folder / "silent.mp4"), world.folder / "sound.mp4")
    track_file(video, world.folder / "out", stub_stages(settings), settings, overwrite=True)
    return Path(world.folder / "out" / ANNOTATED_FILE)


def _with_sound(video: Path, path: Path) -> Path:
    """A copy of a video with a second of silence."""
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        audio = target.add_stream("aac", rate=48_000)
        audio.layout = "mono"
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
        for start in range(0, 48_000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            target.mux(audio.encode(frame))
        target.mux(audio.encode(None))
    return path


assert (WIDTH, HEIGHT) == (192, 128)

_ON = {"true": True, "false": False}
_OFF = {"true": False, "false": True}

DRAWING_EFFECTS: list[tuple[str, dict[str, str], Any, dict[str, Any]]] = [
    ("style.skeleton", {}, is_drawn_differently, _OFF),
    ("style.boxes", {}, is_drawn_differently, _OFF),
    ("style.ids", {}, is_drawn_differently, _OFF),
    ("style.scores", {}, is_drawn_differently, _ON),
    ("style.joint_labels", {}, is_drawn_differently, _ON),
    ("style.trail_seconds", {}, is_drawn_differently, {"0": False, "1": True}),
    ("style.line_width", {}, is_drawn_differently, {"null": False, "3": True}),
    ("style.joint_radius", {}, is_drawn_differently, {"null": False, "5": True}),
    ("style.colour_by", {}, is_drawn_differently, {"auto": False, "id": False, "side": True, "score": True}),
    ("style.colour", {}, is_drawn_differently, {"[1, 2, 3]": False}),  # needs colour_by one
    ("style.colour", {"style.colour_by": "one"}, is_drawn_differently, {"[248, 156, 32]": True}),
    ("style.palette", {}, is_drawn_differently, {"petroff": False, "okabe_ito": True, "hues": True}),
    ("style.fade_unsure", {}, is_drawn_differently, _ON),
    ("style.names", {}, is_drawn_differently, {"{}": False, "{1: Ann}": True, "{2: Ann}": False}),
    ("style.only_ids", {}, is_drawn_differently, {"[]": False, "[1]": False, "[2]": True}),
    ("style.privacy", {}, is_drawn_differently, {"none": False, "blur_heads": True, "pixelate_people": True}),
    ("style.background", {}, is_drawn_differently, {"video": False, "black": True, "dimmed": True}),
    (
        "style.background",
        {"output.render": "false"},
        is_drawn_differently,
        {"transparent": True},
    ),
    ("style.frame_number", {}, is_drawn_differently, _ON),
    ("style.time", {}, is_drawn_differently, _ON),
    ("output.codec", {}, annotated_video, {"auto": ("h264", 192, 12, 1), "hevc": ("hevc", 192, 12, 1)}),
    ("output.crf", {}, is_small, {"null": False, "50": True}),
    ("output.long_side", {}, annotated_video, {"null": ("h264", 192, 12, 1), "96": ("h264", 96, 12, 1)}),
    ("output.fps", {}, annotated_video, {"null": ("h264", 192, 12, 1), "20": ("h264", 192, 23, 1)}),
    ("output.audio", {}, annotated_video, {"true": ("h264", 192, 12, 1), "false": ("h264", 192, 12, 0)}),
]
