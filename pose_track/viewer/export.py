"""A viewer in one file, without a server: page, people and images inside; the video inside or beside it."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np

from pose_track.structures.arrays import ImageArray
from pose_track.utils.atomic import atomic_path
from pose_track.video.writer import VideoWriter
from pose_track.viewer.content import Content
from pose_track.viewer.images import FrameImages, MissingFrameError
from pose_track.viewer.page import page, static_file, static_names

_STYLE_LINK = '<link rel="stylesheet" href="static/style.css">'
_SCRIPT = '<script type="module" src="static/app.js"></script>'
_IMPORT = re.compile(r'from "\./([a-z]+\.js)"')


def export_page(content: Content, out: Path, video_beside: bool = False, long_side: int = 1280) -> None:
    """Write the page to a file that opens in a browser without a server and without network.

    The video is written anew as H.264, which browsers play, with the frames of the records and their times.

    video_beside: write it to `out` with the suffix .mp4 instead of into the page; the two belong together.
    long_side: larger videos are scaled down to so many pixels.

    Raises OSError where a file cannot be written.
    """
    address = None
    if content.images is not None and video_beside:
        beside = out.with_suffix(".mp4")
        _write_video(content, content.images, beside, long_side)
        address = quote(beside.name)
    elif content.images is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "video.mp4"
            _write_video(content, content.images, path, long_side)
            address = _data_url("video/mp4", path.read_bytes())
    values = _values(content, address)
    with atomic_path(out) as partial:
        partial.write_text(_page(values), encoding="utf-8")


def _write_video(content: Content, images: FrameImages, path: Path, long_side: int) -> None:
    description = content.description()
    scale = min(1.0, long_side / max(description["width"], description["height"]))
    width, height = (max(2, 2 * round(description[side] * scale / 2)) for side in ("width", "height"))
    fps = Fraction(description["fps"]).limit_denominator(1001)
    image: ImageArray | None = None
    with VideoWriter(path, width, height, fps) as writer:
        for position, seconds in enumerate(content.axis.seconds.tolist()):
            try:
                scaled = cv2.resize(images.image(position), (width, height), interpolation=cv2.INTER_AREA)
                image = np.asarray(scaled, np.uint8)
            except MissingFrameError:  # the last image stays, so that the others keep their place
                if image is None:
                    raise
            writer.write(image, seconds)


def _values(content: Content, video: str | None) -> dict[str, Any]:
    """What `EmbeddedSource` reads."""
    description = content.description()
    description["edits"] |= {"allowed": False}
    numbers = range(len(content.results))
    people = [content.people(number) for number in numbers]
    for number in numbers if content.images is not None else ():
        for person in people[number]["people"]:
            person["thumbnail"] = _data_url("image/jpeg", content.thumbnail(number, person["id"]))
    measures = [{one["id"]: content.measures(n, one["id"]) for one in people[n]["people"]} for n in numbers]
    blocks = [[_base64(content.block(n, block)) for block in range(content.axis.num_blocks)] for n in numbers]
    return {
        "content": description,
        "people": people,
        "blocks": blocks,
        "measures": measures,
        "differences": content.differences(content.joint_distance()),
        "marks": content.marks(),
        "video": video,
    }


def _page(values: dict[str, Any]) -> str:
    """The page with its style, its scripts and its values inside. Scripts import each other by an import map."""
    scripts = {
        f"viewer/{name}": _data_url("text/javascript", _IMPORT.sub(r'from "viewer/\1"', _text(name)).encode())
        for name in sorted(static_names())
        if name.endswith(".js")
    }
    data = json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")  # no end tag within
    inside = [
        f'<script type="importmap">{json.dumps({"imports": scripts})}</script>',
        f'<script type="application/json" id="embedded">{data}</script>',
        '<script type="module">import "viewer/app.js"</script>',
    ]
    html = page().replace(_STYLE_LINK, f"<style>\n{_text('style.css')}</style>").replace(_SCRIPT, "")
    return html.replace("</body>", "\n".join([*inside, "</body>"]))


def _text(name: str) -> str:
    return static_file(name).decode()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{_base64(content)}"
