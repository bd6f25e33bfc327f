"""Track the pose of every person in videos: joints, track ids, tracks.jsonl and an annotated video."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_config, add_device, add_overwrite, add_runtime, given
from pose_track.cli.parser import Parser
from pose_track.cli.runner import run_job, run_jobs
from pose_track.utils.profiler import NULL_PROFILER, Profile, Profiler

if TYPE_CHECKING:
    from pose_track.config.settings import Settings
    from pose_track.pipeline.stages import Stages
    from pose_track.pipeline.summary import Summary

PROFILE = "profile.json"


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("videos", nargs="+", type=Path, metavar="VIDEO", help="a video, a folder of images, or an image")
    add(
        "--out",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="results go to DIR/<name of the video>/ (default: runs)",
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--preset", help="settings by name: fast (the default), balanced, accurate or posetrack")
    add_config(choice)
    add("--tracker", metavar="PRESET", help="tracker settings by name: robust, fast or simple_baselines")
    add_device(parser)
    add_runtime(parser)
    add("--decoder", choices=("pyav", "decord"), help="what decodes the video")
    add("--start", metavar="S", help="first second of the video")
    add("--end", metavar="S", help="second of the video at which to stop")
    add("--stride", metavar="N", help="process only every n-th frame")
    add("--on-damage", choices=("continue", "stop"), help="what follows damage in a video: all other frames, or none")
    add("--profile", action="store_true", help=f"print the time of each stage, and write DIR/{PROFILE}, a Chrome trace")
    add("--no-render", action="store_true", help="write no annotated video")
    existing = parser.add_mutually_exclusive_group()
    add_overwrite(existing)
    existing.add_argument(
        "--resume",
        action="store_true",
        help="go on with runs that were interrupted, and leave finished ones as they are",
    )
    parser.add_settings(_settings_class, note="The defaults are those of the preset fast.")


def _settings_class() -> type[Settings]:
    from pose_track.config.settings import Settings

    return Settings


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    settings = track_settings(options, overrides)
    jobs = list(zip(options.videos, result_folders(options.videos, options.out), strict=True))
    if options.resume:
        jobs = [(video, folder) for video, folder in jobs if not _is_finished(video, folder)]
    codes = [0, *(run_job(partial(_check, video, folder, options)) for video, folder in jobs)]
    valid = [job for job, code in zip(jobs, codes[1:], strict=True) if code == 0]
    if not valid:
        return max(codes)

    from pose_track.build.stages import build_stages  # after all arguments are checked: networks take seconds
    from pose_track.config.settings import BUNDLED

    with _profile(options) as profile:
        stages = build_stages(settings, profile)
        if settings.pose.weights != BUNDLED:
            print(f"keypoints by {stages.weights['pose']['about']}")
        track = [partial(_track, video, folder, stages, settings, options) for video, folder in valid]
        return max(*codes, run_jobs(track))


def track_settings(options: argparse.Namespace, overrides: Mapping[str, str]) -> Settings:
    """The settings of a command line: those of the preset or file, replaced by those of options and overrides."""
    from pose_track.config.load import load_settings, preset_path
    from pose_track.config.settings import DEFAULT_PRESET, Settings

    of_options = {
        "device": options.device,
        "runtime.name": options.runtime,
        "reader.decoder": options.decoder,
        "reader.start_seconds": options.start,
        "reader.end_seconds": options.end,
        "reader.stride": options.stride,
        "reader.on_damage": options.on_damage,
        "output.render": "false" if options.no_render else None,
    }
    path = options.config or preset_path(options.preset or DEFAULT_PRESET)
    return load_settings(Settings, path, {**given(of_options), **overrides}, options.tracker)


def result_folders(videos: Sequence[Path], out: Path) -> list[Path]:
    """OUT/<name> for each video, see `result_name`. Raises ValueError where two videos would share a folder."""
    folders = [out / result_name(video) for video in videos]
    shared = [folder for folder, count in Counter(folders).items() if count > 1]
    if shared:
        raise ValueError(f"several videos would write into {str(shared[0])!r}; track each with an --out of its own")
    return folders


def result_name(video: Path) -> str:
    """The name of a file without its suffix, that of a folder whole; a link has its own name.

    It is one folder below another: a name whose stem is only dots stays whole. Raises ValueError for a path without a
    name, the root of the disk.

    >>> result_name(Path("videos/clip.mp4")), result_name(Path("...mp4")), result_name(Path("..mp4"))
    ('clip', '...mp4', '..mp4')
    """
    path = Path(os.path.abspath(video))  # not resolve(), which would give a link the name of its target
    if not path.name:
        raise ValueError(f"{str(video)!r} has no name for its results; give a folder with a name")
    return path.name if path.is_dir() or not path.stem.strip(".") else path.stem


@contextmanager
def _profile(options: argparse.Namespace) -> Iterator[Profiler]:
    """A profiler, whose table is printed at the end; one that measures nothing without --profile."""
    if not options.profile:
        yield NULL_PROFILER
        return
    options.out.mkdir(parents=True, exist_ok=True)
    with Profile(options.out / PROFILE) as profile:
        yield profile
    print(profile.table())


def _is_finished(video: Path, folder: Path) -> bool:
    """Whether the video is tracked already, which is said."""
    from pose_track.pipeline.result_folder import is_finished

    finished = is_finished(folder)
    if finished:
        print(f"{video}: is finished already -> {folder}")
    return finished


def _check(video: Path, folder: Path, options: argparse.Namespace) -> int:
    """Raises FileNotFoundError, FileExistsError or ValueError where a video cannot be tracked into a folder."""
    from pose_track.pipeline.result_folder import OUTPUT_FILES, check_output_folder

    if not video.exists():
        fault = "is a link to a file that does not exist" if video.is_symlink() else "does not exist"
        raise FileNotFoundError(f"{str(video)!r} {fault}; check the path")
    if os.path.realpath(video) in [os.path.realpath(folder / name) for name in OUTPUT_FILES]:
        raise ValueError(f"the results of {str(video)!r} would replace the video; give another --out")
    check_output_folder(folder, options.overwrite, options.resume)
    return 0


def _track(video: Path, folder: Path, stages: Stages, settings: Settings, options: argparse.Namespace) -> int:
    """Track a video and print a summary, also where an error or an interrupt ended it early."""
    from pose_track.pipeline.run_state import STATE_FILE
    from pose_track.pipeline.summary import Summary
    from pose_track.pipeline.track_file import track_file

    summary = Summary()

    def job() -> int:
        track_file(video, folder, stages, settings, options.overwrite, summary, options.resume)
        return 0

    code = run_job(job)
    if summary.frames:
        before = f" ({summary.num_resumed} of them before)" if summary.num_resumed else ""
        more = "; --resume goes on from there" if code and (folder / STATE_FILE).exists() else ""
        print(f"{video}: {summary.frames} frames{before}, {_found(summary, settings, folder)}{more}")
    return code


def _found(summary: Summary, settings: Settings, folder: Path) -> str:
    """What a run found, how fast, and where it is; the likeliest reason where it found nobody."""
    speed = f"{summary.frames_per_second:.1f} fps -> {folder}"
    if not summary.people:
        return f"no people in any frame, {speed}; {summary.evidence.reason(settings)}"
    return f"{summary.people / summary.frames:.1f} people a frame, {len(summary.track_ids)} tracks, {speed}"
