"""The commands, and the main job: words to settings to results."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.parser import EXIT_FAULT, EXIT_INTERRUPTED, Parser, guarded, take_overrides
from pose_track.cli.weights import weights
from pose_track.utils.profiler import UNPROFILED, Profile, Profiler
from pose_track.utils.version import __version__

if TYPE_CHECKING:
    from pose_track.config.settings import Settings
    from pose_track.pipeline.stages import Stages

logger = logging.getLogger(__name__)

PROFILE = "profile.json"


def track_parser(prog: str) -> Parser:
    """The options of the main job."""
    from pose_track.config.load import setting_names  # pydantic takes its time: not for jobs without settings
    from pose_track.config.settings import Settings

    parser = Parser(
        prog=prog,
        description="Track the pose of every person in videos: joints, ids, JSON and an annotated video.",
        epilog="Any setting can be given as --section.name VALUE: " + ", ".join(setting_names(Settings)),
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("videos", nargs="+", type=Path, metavar="VIDEO", help="a video, a folder of pictures, or a picture")
    add("--out", type=Path, default=Path("runs"), help="results go to OUT/<name of the video>/")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--config", type=Path, help="a file of settings")
    chosen.add_argument("--preset", help="fast (the default), balanced, accurate or posetrack")
    add("--tracker", help="another way of linking: robust, fast or simple_baselines")
    add("--device", choices=("auto", "cpu", "cuda"), help="where the networks run")
    add("--runtime", choices=("auto", "torch", "openvino", "onnx"), help="what runs them; on a GPU torch only")
    add("--decoder", choices=("pyav", "decord"), help="what decodes the video")
    add("--start", metavar="S", help="first second")
    add("--end", metavar="S", help="the second before which to stop")
    add("--stride", metavar="N", help="only every Nth frame")
    add("--profile", action="store_true", help="print what each stage took, and write OUT/profile.json, a Chrome trace")
    add("--no-render", action="store_true", help="write no annotated video")
    add("--overwrite", action="store_true", help="replace results that are there")
    add("--version", action="version", version=__version__)
    return parser


def track_settings(options: argparse.Namespace, overrides: dict[str, str]) -> Settings:
    """The settings a command line asks for."""
    from pose_track.config.load import load_settings, preset_path
    from pose_track.config.settings import DEFAULT_PRESET, Settings

    named = {
        "device": options.device,
        "runtime": options.runtime,
        "reader.decoder": options.decoder,
        "reader.start_seconds": options.start,
        "reader.end_seconds": options.end,
        "reader.stride": options.stride,
        "output.render": "false" if options.no_render else None,
    }
    given = {key: value for key, value in named.items() if value is not None}
    path = options.config or preset_path(options.preset or DEFAULT_PRESET)
    return load_settings(Settings, path, given | overrides, options.tracker)


def result_folders(videos: Sequence[Path], out: Path) -> list[Path]:
    """OUT/<name> for each video: a file's without its suffix, a folder's whole. Raises ValueError where two would
    share one."""
    whole = [video.resolve() for video in videos]
    folders = [out / (path.name if path.is_dir() else path.stem) for path in whole]
    twice = [folder for folder, count in Counter(folders).items() if count > 1]
    if twice:
        raise ValueError(f"several videos would write into {str(twice[0])!r}; track each with an --out of its own")
    return folders


def track(arguments: Sequence[str] | None = None, prog: str = "track_video.py") -> int:
    """The main job; returns the exit code. Raises SystemExit, with its code, for --help and for unknown options."""
    words = sys.argv[1:] if arguments is None else arguments
    return guarded(lambda: _track_all(words, prog))


def _track_all(words: Sequence[str], prog: str) -> int:
    overrides, others = take_overrides(words)
    options = track_parser(prog).parse_known_words(others)
    settings = track_settings(options, overrides)
    jobs = list(zip(options.videos, result_folders(options.videos, options.out), strict=True))
    codes = [guarded(partial(_check, video, folder, options.overwrite)) for video, folder in jobs]
    possible = [job for job, code in zip(jobs, codes, strict=True) if code == 0]
    if not possible:
        return max(codes)

    from pose_track.build.stages import (
        build_stages,  # the networks take their time: not before the words are understood
    )
    from pose_track.config.settings import BUNDLED

    with _profile(options) as profile:
        stages = build_stages(settings, profile)
        if settings.pose.weights != BUNDLED:
            print(f"keypoints by {stages.weights['pose']['about']}")
        for video, folder in possible:
            codes.append(_track_one(video, folder, stages, settings, options.overwrite))
            if codes[-1] == EXIT_INTERRUPTED:
                break
    return max(codes)


@contextmanager
def _profile(options: argparse.Namespace) -> Iterator[Profiler]:
    """Notes what each stage takes, and says so at the end, where that is asked for."""
    if not options.profile:
        yield UNPROFILED
        return
    options.out.mkdir(parents=True, exist_ok=True)
    with Profile(options.out / PROFILE) as profile:
        yield profile
    print(profile.table())


def _check(video: Path, folder: Path, overwrite: bool) -> int:
    from pose_track.pipeline.track_file import NAMES, check_folder

    if not video.exists():
        raise FileNotFoundError(f"{str(video)!r} does not exist; check the path")
    if video.resolve() in [(folder / name).resolve() for name in NAMES]:
        raise ValueError(f"the results of {str(video)!r} would take its place; give another --out")
    check_folder(folder, overwrite)
    return 0


def _track_one(video: Path, folder: Path, stages: Stages, settings: Settings, overwrite: bool) -> int:
    """Track a video and say what came of it, also where an error or an interrupt ended it early."""
    from pose_track.pipeline.track_file import Summary, track_file

    done = Summary()

    def job() -> int:
        track_file(video, folder, stages, settings, overwrite, done)
        return 0

    code = guarded(job)
    if done.frames:
        print(
            f"{video}: {done.frames} frames, {done.people / done.frames:.1f} people a frame, "
            f"{len(done.track_ids)} tracks, {done.frames_per_second:.1f} fps -> {folder}"
        )
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """pose-track COMMAND ..."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"track": track, "weights": weights}
    if words and words[0] in commands:
        return commands[words[0]](words[1:], f"pose-track {words[0]}")
    if words and words[0] in ("-h", "--help"):
        print("usage: pose-track track VIDEO [VIDEO ...]; see pose-track track --help")
        print("       pose-track weights list | get NAME ... | verify [NAME ...]; see pose-track weights --help")
        return 0
    print(f"error: give a command, one of {', '.join(commands)}; see pose-track --help", file=sys.stderr)
    return EXIT_FAULT
