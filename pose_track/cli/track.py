"""Track the pose of every person in videos: joints, track ids, tracks.jsonl and an annotated video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pose_track.cli.choice_options import add_choice_of_run, people_settings
from pose_track.cli.hints import better_preset
from pose_track.cli.options import add_config, add_device, add_mirror, add_overwrite, add_runtime, given, use_mirror
from pose_track.cli.parser import Parser
from pose_track.cli.runner import run_job
from pose_track.cli.sink_options import add_sinks, check_sinks
from pose_track.cli.track_jobs import check, is_finished, jobs_of, run_all, say
from pose_track.utils.profiler import NULL_PROFILER, Profile, Profiler

if TYPE_CHECKING:
    from pose_track.config.settings import Settings

PROFILE = "profile.json"


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add_out(parser)
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--live",
        action="store_true",
        default=None,
        help="take the newest frame next and skip those that came meanwhile; the default for cameras and streams",
    )
    pace.add_argument("--keep-all", dest="live", action="store_false", help="track every frame, however late")
    add_shared(parser, "+")
    add("--profile", action="store_true", help=f"print the time of each stage, and write DIR/{PROFILE}, a Chrome trace")
    existing = parser.add_mutually_exclusive_group()
    add_overwrite(existing)
    existing.add_argument(
        "--resume",
        action="store_true",
        help="go on with runs that were interrupted, and leave finished ones as they are",
    )
    parser.add_settings(settings_class, note="The defaults are those of the preset fast.")


def add_out(parser: Parser) -> None:
    """--out, the folder in which each video has its folder of results."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="results go to DIR/<name of the video>/ (default: runs)",
    )


def add_shared(parser: Parser, num_sources: Literal[1, "+"]) -> None:
    """The options that `track` and `live` share."""
    parser.add_argument(
        "sources",
        nargs=num_sources,
        metavar="SOURCE",
        help="a video, a folder or pattern of images, an image, the number of a camera, a URL (rtsp, http, udp, ...), "
        "screen: or - for the standard input",
    )
    add_settings_options(parser)
    add = parser.add_argument
    add("--duration", metavar="S", help="stop after so many seconds")
    add(
        "--raw",
        metavar="WxH[:FORMAT][@FPS]",
        help="frames that come without a container",
    )
    add_sinks(parser)


def add_settings_options(parser: Parser) -> None:
    """The options for settings that any kind of source has; see `track_settings`."""
    add = parser.add_argument
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--preset",
        metavar="NAME",
        help="what to find, and how well: fast (the default, comes with the program), balanced, accurate, feet, "
        "wholebody, crowd or posetrack (downloaded once)",
    )
    add_config(choice)
    add("--tracker", metavar="PRESET", help="tracker settings by name: robust, fast or simple_baselines")
    add_device(parser)
    add_runtime(parser)
    add_mirror(parser)
    add("--decoder", choices=("pyav", "decord"), help="what decodes the video")
    add("--start", metavar="S", help="first second of the video")
    add("--end", metavar="S", help="second of the video at which to stop")
    add("--stride", metavar="N", help="process only every n-th frame")
    add("--on-damage", choices=("continue", "stop"), help="what follows damage in a video: all other frames, or none")
    add("--speed-factor", metavar="F", help="speed of the video over that of life, such as 0.125 of slow motion")
    add("--max-frames", metavar="N", help="stop after so many frames")
    add("--no-render", action="store_true", help="write no annotated video")
    add_choice_of_run(parser)


def settings_class() -> type[Settings]:
    from pose_track.config.settings import Settings

    return Settings


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    check_sinks(options)
    settings = track_settings(options, overrides)
    use_mirror(options.mirror)
    jobs = jobs_of(options)
    if options.resume:
        jobs = [job for job in jobs if not is_finished(job)]
    codes = [0, *(run_job(partial(check, job, options)) for job in jobs)]
    valid = [job for job, code in zip(jobs, codes[1:], strict=True) if code == 0]
    if not valid:
        return max(codes)

    from pose_track.build.stages import build_stages  # after all arguments are checked: networks take seconds
    from pose_track.config.networks import BUNDLED

    with _profile(options) as profile:
        stages = build_stages(settings, profile)
        if settings.pose.weights != BUNDLED:
            say(options, f"keypoints: {stages.weights['pose']['about']}")
        if about := stages.weights.get("detector", {}).get("about"):
            say(options, f"detector: {about}")
        code = max(*codes, run_all(valid, stages, settings, options))
    has_chosen = options.preset or options.config or overrides
    if not has_chosen and (hint := better_preset()):
        say(options, hint)
    return code


def track_settings(options: argparse.Namespace, overrides: Mapping[str, str]) -> Settings:
    """The settings of a command line: those of the preset or file, replaced by those of options and overrides."""
    from pose_track.config.load import load_settings, preset_path
    from pose_track.config.settings import DEFAULT_PRESET, Settings

    of_options = {
        "device": options.device,
        "runtime.name": options.runtime,
        "reader.decoder": options.decoder,
        "reader.start_seconds": options.start,
        "reader.end_seconds": _end(options),
        "reader.stride": options.stride,
        "reader.max_frames": options.max_frames,
        "tracker.speed_factor": options.speed_factor,
        **people_settings(options),
        "stream.raw": options.raw,
        "reader.on_damage": options.on_damage,
        "output.render": "false" if options.no_render else None,
    }
    path = options.config or preset_path(options.preset or DEFAULT_PRESET)
    return load_settings(Settings, path, {**given(of_options), **overrides}, options.tracker)


def _end(options: argparse.Namespace) -> str | None:
    """Where to stop, from --end or --duration. Raises ValueError where both are given, or one is no number."""
    end: str | None = options.end
    if options.duration is None:
        return end
    if end is not None:
        raise ValueError("give --end or --duration, not both")
    try:
        return str(float(options.start or 0) + float(options.duration))
    except ValueError:
        raise ValueError(
            f"--duration and --start are seconds, got {options.duration!r} and {options.start!r}"
        ) from None


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
