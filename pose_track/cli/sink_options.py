"""The options that say where results go while a source runs; see `sinks`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from fractions import Fraction
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_track.cli.output import LastingStream
from pose_track.utils.extras import require

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from pose_track.sinks.fan_out import Sinks
    from pose_track.sinks.sink import Sink

_STDOUT = "-"
_LOCAL = "127.0.0.1"


def add_sinks(parser: argparse.ArgumentParser) -> None:
    """--show, --jsonl, --osc, --virtual-camera, --serve and --publish."""
    add = parser.add_argument_group("while it runs").add_argument
    add("--show", action="store_true", help="show the annotated frames in a window; q or Esc ends the run")
    add("--jsonl", metavar="FILE", help="write a line of JSON for each frame at once; - is the standard output")
    add("--osc", metavar="HOST:PORT", help="send each frame's people as Open Sound Control messages")
    add("--virtual-camera", action="store_true", help="be a camera with the annotated frames")
    add("--serve", metavar="[HOST:]PORT", help=f"serve a web page with the annotated frames (default host: {_LOCAL})")
    add("--publish", metavar="URL", help="send the annotated frames to a server: rtsp, rtmp, udp, tcp, srt or rtp")


def wants_stdout(options: argparse.Namespace) -> bool:
    """Whether stdout takes records, so that everything else must go to stderr."""
    return bool(options.jsonl == _STDOUT)


def check_sinks(options: argparse.Namespace) -> None:
    """Raises ImportError, OSError or ValueError, before anything takes time, for a sink that cannot work."""
    if options.show:
        from pose_track.sinks.window import check_window

        check_window()
    if options.virtual_camera:
        require("pyvirtualcam", purpose="--virtual-camera")
    if options.publish:
        from pose_track.sinks.publish import public_address

        public_address(options.publish)
    for name, default_host in (("osc", None), ("serve", _LOCAL)):
        if getattr(options, name):
            _host_and_port(name, getattr(options, name), default_host)
    if options.jsonl:
        _check_jsonl(options)


def open_sinks(options: argparse.Namespace, header: Mapping[str, Any], width: int, height: int, fps: Fraction) -> Sinks:
    """The sinks of the options; entering their context starts them.

    header: that of the records. width, height: pixels of the frames. fps: their usual rate.

    Raises OSError for a port or device that is taken or missing.
    """
    from pose_track.sinks.fan_out import Sinks

    with ExitStack() as stack:
        sinks = []
        for sink in _sinks(options, header, width, height, fps):
            stack.callback(sink.close)
            sinks.append(sink)
        stack.pop_all()
    return Sinks(sinks)


def _sinks(
    options: argparse.Namespace, header: Mapping[str, Any], width: int, height: int, fps: Fraction
) -> Iterator[Sink]:
    """Each is imported and opened only where it is asked for."""
    if options.show:
        from pose_track.sinks.window import Window

        yield Window()
    if options.jsonl:
        yield _json_sink(options, header)
    if options.osc:
        from pose_track.sinks.osc import Osc

        yield Osc(*_host_and_port("osc", options.osc, None), width, height)
    if options.virtual_camera:
        from pose_track.sinks.virtual_camera import VirtualCamera

        camera = VirtualCamera(width, height, fps)
        print(f"virtual camera: {camera.device}", file=sys.stderr)
        yield camera
    if options.serve:
        from pose_track.sinks.web_page import WebPage

        page = WebPage(*_host_and_port("serve", options.serve, _LOCAL))
        print(f"web page: {page.url}", file=sys.stderr)
        yield page
    if options.publish:
        from pose_track.sinks.publish import Publisher

        yield Publisher(options.publish, fps)


def _json_sink(options: argparse.Namespace, header: Mapping[str, Any]) -> Sink:
    """Records into a file, or into stdout, a pipe or a device, which cannot be changed afterwards."""
    from pose_track.sinks.json_lines import JsonLines, TracksFile

    if wants_stdout(options):
        return JsonLines(_Stdout(), header)
    _check_jsonl(options)
    path = Path(options.jsonl)
    return JsonLines(FileIO(path, "wb"), header) if _is_special(path) else TracksFile(path, header)


class _Stdout(FileIO):
    """Writes past Python's buffer; the command's exit code reflects an error, see `run_with_output`."""

    def __init__(self) -> None:
        sys.stdout.flush()
        super().__init__(sys.stdout.fileno(), "wb", closefd=False)

    def write(self, content: ReadableBuffer, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if isinstance(sys.stdout, LastingStream):
                sys.stdout.error = error
            raise


def _check_jsonl(options: argparse.Namespace) -> None:
    """Raises ValueError, FileNotFoundError or FileExistsError where --jsonl cannot be written."""
    if len(options.sources) > 1:
        raise ValueError("--jsonl takes the frames of one source; run the others on their own")
    path = Path(options.jsonl)
    if wants_stdout(options) or _is_special(path):
        return
    if not path.parent.is_dir():
        raise FileNotFoundError(f"folder {str(path.parent)!r} of --jsonl does not exist; create it first")
    if path.is_dir() or (path.exists() and not options.overwrite):
        raise FileExistsError(f"{str(path)!r} exists; give --overwrite or another --jsonl")


def _is_special(path: Path) -> bool:
    """Whether it is a named pipe, a device or the like."""
    return path.exists() and not (path.is_file() or path.is_dir())


def _host_and_port(option: str, text: str, default_host: str | None) -> tuple[str, int]:
    """Raises ValueError unless the text is HOST:PORT, or only PORT where there is a default host.

    >>> _host_and_port("osc", "[::1]:9000", None), _host_and_port("serve", "8080", "127.0.0.1")
    (('::1', 9000), ('127.0.0.1', 8080))
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or default_host or ""
    if not host or not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        form = "HOST:PORT" if default_host is None else "[HOST:]PORT"
        raise ValueError(f"--{option} must be {form}, such as {default_host or 'localhost'}:9000; got {text!r}")
    return host, int(port)
