"""Look at a result in the browser, and mend it; see docs/viewer.md.

Serves a page to browsers of this machine until Ctrl-C. Edits are saved in a file beside RESULT, which itself is never
changed.
"""

from __future__ import annotations

import argparse
import signal
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_overwrite
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.viewer.content import Content


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="RESULT", help="a result folder, a tracks.jsonl, or another file that link reads")
    add("other", type=Path, nargs="?", metavar="RESULT2", help="another result of the same video, to compare them")
    add("--gt", type=Path, metavar="FILE", help="ground truth of the video, a PoseTrack file, to show the errors")
    add("--video", type=Path, metavar="SOURCE", help="the video or folder of images (default: that of the result)")
    add("--edits", type=Path, metavar="FILE", help="edits file (default: edits.jsonl beside the result)")
    add("--port", type=int, default=0, metavar="N", help="port to listen at (default: a free one)")
    add("--no-browser", action="store_true", help="print the address only")
    add("--export", type=Path, metavar="FILE", help="write an HTML file that needs no server, instead of serving")
    add("--video-beside", action="store_true", help="with --export: write the video beside the file, not into it")
    add(
        "--long-side",
        type=int,
        default=1280,
        metavar="N",
        help="with --export: pixels of a video's longer side, at most",
    )
    add_overwrite(parser)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.viewer.open_content import open_content

    content = open_content(options.path, options.other, options.gt, options.video, options.edits)
    if options.export is not None:
        return _export(content, options)
    from pose_track.viewer.server import ViewerServer

    try:
        with ViewerServer(content, options.port) as server:
            print(f"{server.url}\nCtrl-C ends it", flush=True)
            if not options.no_browser:
                webbrowser.open(server.url)
            server.wait()
    except KeyboardInterrupt as stop:
        if getattr(stop, "number", signal.SIGINT) != signal.SIGINT:
            raise
    return 0


def _export(content: Content, options: argparse.Namespace) -> int:
    from pose_track.utils.overwrite import check_overwrite
    from pose_track.viewer.export import export_page

    out: Path = options.export
    written = [out, out.with_suffix(".mp4")] if options.video_beside else [out]
    check_overwrite(written, options.overwrite)
    export_page(content, out, options.video_beside, options.long_side)
    print(f"{options.path} -> {', '.join(map(str, written))}")
    return 0
