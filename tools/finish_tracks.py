#!/usr/bin/env python3
"""Finish the tracks of a whole video: tools/finish_tracks.py IN OUT [--section.name value]; see docs/finishing.md."""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pose_track.cli.parser import Parser, guarded, take_overrides
from pose_track.config.load import load_settings, setting_names
from pose_track.config.postprocessing import PostprocessingSettings
from pose_track.postprocessing.files import check_target, read_track_file, write_track_file
from pose_track.postprocessing.filters import named_filter
from pose_track.postprocessing.interpolate import FillLimits
from pose_track.postprocessing.postprocess import finish
from pose_track.postprocessing.stitch import JoinLimits
from pose_track.postprocessing.tracks import frame_times

NAMES = setting_names(PostprocessingSettings)


def run(words: Sequence[str]) -> int:
    overrides, others = take_overrides(words, lambda key: "." in key or key.replace("-", "_") in NAMES)
    options = parse(others)
    overrides |= {"smooth.method": options.smooth} if options.smooth else {}
    settings = load_settings(PostprocessingSettings, options.config, overrides)
    check_target(options.path, options.out, options.overwrite)
    file = read_track_file(options.path)
    times = frame_times(file.sequence.frames, file.fps or settings.fps)
    join, fill = JoinLimits(**settings.join.model_dump()), FillLimits(**settings.fill.model_dump())
    smooth = named_filter(**settings.smooth.model_dump())
    sequence, done = finish(file.sequence, times, join, fill, settings.min_seconds, smooth)
    write_track_file(replace(file, sequence=sequence), options.out, settings.model_dump(mode="json"))
    print(f"{options.path} -> {options.out}: {done}")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    epilog = f"Settings are given as --NAME VALUE: {', '.join(NAMES)}"
    parser = Parser(prog="finish_tracks.py", description=__doc__, epilog=epilog, allow_abbrev=False)
    parser.add_argument("path", type=Path, metavar="IN", help="a tracks.jsonl, PoseTrack or COCO results JSON")
    parser.add_argument("out", type=Path, metavar="OUT", help="the file to write, of the same kind")
    parser.add_argument("--config", type=Path, help="a file of settings")
    parser.add_argument("--smooth", metavar="METHOD", help="none, one_euro, savgol or butterworth (the default)")
    parser.add_argument("--overwrite", action="store_true", help="replace what OUT already is")
    return parser.parse_known_words(words)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
