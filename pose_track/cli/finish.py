"""Post-process the tracks of a whole video: stitch, interpolate and smooth; see docs/finishing.md.

People are chosen of the finished tracks: parts that were stitched have the id of the first one.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.choice_options import add_choice, chosen_people
from pose_track.cli.options import add_config, add_overwrite
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.config.postprocessing import PostprocessingSettings


def add_arguments(parser: Parser) -> None:
    parser.add_argument("path", type=Path, metavar="IN", help="a result folder, or a pose file of any format")
    parser.add_argument("out", type=Path, metavar="OUT", help="output file, in the same format")
    add_config(parser)
    parser.add_argument(
        "--smooth", metavar="METHOD", help="short for --smooth.method: none, one_euro, savgol or butterworth"
    )
    add_choice(parser)
    add_overwrite(parser)
    parser.add_settings(_settings_class)


def _settings_class() -> type[PostprocessingSettings]:
    from pose_track.config.postprocessing import PostprocessingSettings

    return PostprocessingSettings


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.config.load import load_settings
    from pose_track.config.postprocessing import PostprocessingSettings
    from pose_track.formats.chosen_people import chosen_sequence
    from pose_track.formats.speed_factor import agreed_speed
    from pose_track.postprocessing.files import check_paths, read_track_file, write_track_file
    from pose_track.postprocessing.filters import build_filter
    from pose_track.postprocessing.interpolate import InterpolateLimits
    from pose_track.postprocessing.postprocess import postprocess
    from pose_track.postprocessing.stitch import StitchLimits
    from pose_track.postprocessing.tracks import frame_times
    from pose_track.results.open_result import result_file

    named = {"smooth.method": options.smooth} if options.smooth else {}
    settings = load_settings(PostprocessingSettings, options.config, {**overrides, **named})
    choice = chosen_people(options)
    path = result_file(options.path)
    check_paths(path, options.out, options.overwrite)
    file = read_track_file(path)
    choice.check_region(file.sequence.extra.get("width"), file.sequence.extra.get("height"))
    if file.fps is not None and "fps" in settings.model_fields_set:
        raise ValueError(f"{str(path)!r} states its times, so that fps {settings.fps:g} has no effect; leave it out")
    speed_factor = agreed_speed(file.sequence.extra, settings.speed_factor, path)
    times = frame_times(file.sequence.frames, file.fps or settings.fps) * speed_factor
    stitch = StitchLimits(**settings.stitch.model_dump())
    interpolate = InterpolateLimits(**settings.interpolate.model_dump())
    smooth = build_filter(**settings.smooth.model_dump())
    sequence, summary = postprocess(
        file.sequence, times, stitch, interpolate, settings.min_seconds, smooth, settings.sides
    )
    if not choice.is_all:
        sequence = chosen_sequence(sequence, choice)
    write_track_file(replace(file, sequence=sequence), options.out, settings.model_dump(mode="json"))
    print(f"{path} -> {options.out}: {summary}")
    return 0
