#!/usr/bin/env python3
"""Give identities to poses that any program wrote: tools/link_poses.py --pred DIR --out DIR; see docs/formats.md."""

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pose_track.cli.parser import Parser, guarded, take_overrides
from pose_track.config.load import load_settings, setting_names, track_preset_path
from pose_track.config.tracker import LinkSettings
from pose_track.formats.problems import Problems
from pose_track.linking.files import link_file, link_jobs, parse_fps
from pose_track.linking.frames import Linking
from pose_track.structures.skeleton import SKELETONS


def run(words: Sequence[str]) -> int:
    overrides, others = take_overrides(words)
    given = parse(others)
    tracker = load_settings(LinkSettings, given.config or track_preset_path(given.preset), overrides).tracker
    scores, skeleton = (given.min_person_score, given.min_joint_score), SKELETONS.get(given.skeleton)
    linking = Linking(tracker, parse_fps(given.fps), *scores, given.frames, skeleton)
    jobs = link_jobs(given.pred, given.out, given.overwrite)
    return max([guarded(partial(link, *job, linking, Problems(given.lenient))) for job in jobs])


def link(path: Path, out: Path, linking: Linking, problems: Problems) -> int:
    print(f"{path} -> {out}: {link_file(path, out, linking, problems).summary()}", flush=True)
    problems.summarise()
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    epilog = f"Any setting can be given as --section.name VALUE: {', '.join(setting_names(LinkSettings))}"
    parser = Parser(prog="link_poses.py", description=__doc__, epilog=epilog, allow_abbrev=False)
    add, chosen = parser.add_argument, parser.add_mutually_exclusive_group()
    add("--pred", type=Path, required=True, help="a folder of PoseTrack, COCO results or tracks.jsonl files, or a file")
    add("--out", type=Path, required=True, help="the folder for files of the same names and layouts")
    chosen.add_argument("--preset", default="robust", help="robust (the default), fast or simple_baselines")
    chosen.add_argument("--config", type=Path, help="a file of settings, with a tracker section")
    add("--frames", type=Path, help="the folder of pictures or videos, for a tracker that looks at them")
    add("--fps", default="25", help="frames per second, also as 30000/1001; a tracks.jsonl has its own")
    add("--min-person-score", type=float, default=0, metavar="S", help="leave out people below it, before linking")
    add("--min-joint-score", type=float, default=0, metavar="S", help="leave out joints below it, afterwards")
    add("--skeleton", choices=SKELETONS, help="the order of joints in COCO results, if not COCO's own")
    add("--lenient", action="store_true", help="leave out what is wrong in a file, and count it")
    add("--overwrite", action="store_true", help="replace what OUT already has")
    return parser.parse_known_words(words)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
