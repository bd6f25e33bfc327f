"""Track people from a camera, a stream or the screen as it happens: results go to a window, a program or the network.

Nothing is written without --out. A file is played at its own speed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pose_track.cli import track
from pose_track.cli.options import add_overwrite
from pose_track.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="write results to DIR/<name of the source>/ too")
    track.add_shared(parser, 1)
    add_overwrite(parser)
    parser.add_settings(track.settings_class, note="The defaults are those of the preset fast.")
    parser.set_defaults(live=True, resume=False, profile=False)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    return track.run(options, overrides)
