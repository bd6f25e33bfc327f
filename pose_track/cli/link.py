"""Give track ids to the poses of any program, per file or folder; see docs/formats.md.

Reads and writes PoseTrack and COCO results JSON and tracks.jsonl. The settings are those of the tracker.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_config, add_lenient, add_overwrite, add_skeleton, chosen_skeleton, given
from pose_track.cli.parser import Parser
from pose_track.cli.runner import run_jobs

if TYPE_CHECKING:
    from pose_track.config.tracker import LinkSettings
    from pose_track.linking.frames import LinkOptions

DEFAULT_PRESET = "robust"


def add_arguments(parser: Parser) -> None:
    add, choice = parser.add_argument, parser.add_mutually_exclusive_group()
    add(
        "--pred",
        type=Path,
        required=True,
        metavar="PATH",
        help="a PoseTrack, COCO results or tracks.jsonl file, or a folder of them",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="folder for files of the same names and formats")
    choice.add_argument(
        "--preset", default=DEFAULT_PRESET, help="tracker settings: robust (the default), fast or simple_baselines"
    )
    add_config(choice, "settings with a tracker section")
    add("--frames", type=Path, metavar="DIR", help="folder of images or videos, for optical flow")
    add(
        "--fps",
        default="25",
        metavar="N",
        help="frames per second, also as 30000/1001 (default: 25); a tracks.jsonl has its own",
    )
    add(
        "--speed-factor",
        metavar="F",
        help="speed of the video over that of life, such as 0.125 (default: as a tracks.jsonl states, else 1)",
    )
    add("--min-person-score", type=float, default=0, metavar="X", help="drop people below this score before linking")
    add("--min-joint-score", type=float, default=0, metavar="X", help="drop joints below this score after linking")
    add_skeleton(parser)
    add_lenient(parser)
    add_overwrite(parser)
    parser.add_settings(_default_settings, note=f"The defaults are those of the preset {DEFAULT_PRESET}.")


def _default_settings() -> LinkSettings:
    from pose_track.config.load import load_settings, track_preset_path
    from pose_track.config.tracker import LinkSettings

    return load_settings(LinkSettings, track_preset_path(DEFAULT_PRESET))


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.config.load import load_settings, track_preset_path
    from pose_track.config.tracker import LinkSettings
    from pose_track.linking.files import link_jobs, parse_fps
    from pose_track.linking.frames import LinkOptions

    overrides = {**given({"tracker.speed_factor": options.speed_factor}), **overrides}
    tracker = load_settings(LinkSettings, options.config or track_preset_path(options.preset), overrides).tracker
    linking = LinkOptions(
        tracker,
        fps=parse_fps(options.fps),
        min_person_score=options.min_person_score,
        min_joint_score=options.min_joint_score,
        images=options.frames,
        skeleton=chosen_skeleton(options),
    )
    jobs = link_jobs(options.pred, options.out, options.overwrite)
    return run_jobs(partial(_link, path, out, linking, options.lenient) for path, out in jobs)


def _link(path: Path, out: Path, linking: LinkOptions, lenient: bool) -> int:
    from pose_track.formats.problems import Problems
    from pose_track.linking.files import link_file

    problems = Problems(lenient)
    print(f"{path} -> {out}: {link_file(path, out, linking, problems).summary()}", flush=True)
    problems.log_summary()
    return 0
