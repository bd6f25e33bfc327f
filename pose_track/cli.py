"""The command line: words to settings, errors to one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from pose_track import __version__
from pose_track.settings import Settings, load_settings, preset_path, setting_names
from pose_track.video.source import DecodeError

EXIT_FAULT = 2
EXIT_INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_FAULT, f"error: {message}; see {self.prog} --help\n")


def split_overrides(words: Sequence[str]) -> dict[str, str]:
    """Dotted settings among words: --tracker.buffer_seconds 2 or --tracker.buffer_seconds=2; dashes in names count as
    underscores. Raises ValueError for any other word, and for a key without a value.

    >>> split_overrides(["--tracker.buffer-seconds", "2", "--pose.flip_test=true"])
    {'tracker.buffer_seconds': '2', 'pose.flip_test': 'true'}
    """
    values: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        key, has_value, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            raise ValueError(f"{word!r} is neither a video before the options nor a --section.setting")
        given = value if has_value else next(rest, None)
        if given is None:
            raise ValueError(f"--{key} needs a value")
        values[key.replace("-", "_")] = given
    return values


def track_parser(prog: str) -> Parser:
    """The options of the main job."""
    parser = Parser(
        prog=prog,
        description="Track the pose of every person in videos: joints, ids, JSON and an annotated video.",
        epilog="Any setting can be given as --section.name VALUE: " + ", ".join(setting_names(Settings)),
        allow_abbrev=False,
    )
    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEO", help="a video, a folder of pictures, or a picture")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="results go to OUT/<name of the video>/")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--config", type=Path, help="a file of settings")
    chosen.add_argument("--preset", default="fast", help="fast (the default), balanced or accurate")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where the networks run")
    parser.add_argument("--decoder", choices=("pyav", "decord"), help="what decodes the video")
    parser.add_argument("--start", metavar="S", help="first second")
    parser.add_argument("--end", metavar="S", help="the second before which to stop")
    parser.add_argument("--stride", metavar="N", help="only every Nth frame")
    parser.add_argument("--no-render", action="store_true", help="write no annotated video")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def track_settings(options: argparse.Namespace, words: Sequence[str]) -> Settings:
    """The settings a command line asks for."""
    named = {
        "device": options.device,
        "reader.decoder": options.decoder,
        "reader.start_seconds": options.start,
        "reader.end_seconds": options.end,
        "reader.stride": options.stride,
        "output.render": "false" if options.no_render else None,
    }
    overrides = {key: value for key, value in named.items() if value is not None} | split_overrides(words)
    return load_settings(Settings, options.config or preset_path(options.preset), overrides)


def result_folders(videos: Sequence[Path], out: Path) -> list[Path]:
    """OUT/<stem> for each video. Raises ValueError where two would share one."""
    stems = [video.resolve().stem for video in videos]
    twice = [stem for stem, count in Counter(stems).items() if count > 1]
    if twice:
        raise ValueError(f"several videos would write to {out / twice[0]}; track them one at a time with different --out")
    return [out / stem for stem in stems]


def track(arguments: Sequence[str] | None = None, prog: str = "track_video.py") -> int:
    """The main job; returns the exit code."""
    options, words = track_parser(prog).parse_known_args(arguments)
    return guarded(lambda: _track_all(options, words))


def _track_all(options: argparse.Namespace, words: Sequence[str]) -> int:
    settings = track_settings(options, words)
    folders = result_folders(options.videos, options.out)
    from pose_track.build import build_stages  # torch is slow to import: not before the words are understood
    from pose_track.results import check_folder, track_file

    for video, folder in zip(options.videos, folders, strict=True):
        if not video.exists():
            raise FileNotFoundError(f"{str(video)!r} does not exist; check the path")
        check_folder(folder, options.overwrite)
    stages = build_stages(settings)
    codes = []
    for video, folder in zip(options.videos, folders, strict=True):

        def one(video: Path = video, folder: Path = folder) -> int:
            done = track_file(video, folder, stages, settings, options.overwrite)
            print(
                f"{video}: {done.frames} frames, {done.people} people, {len(done.track_ids)} tracks, "
                f"{done.frames_per_second:.1f} fps -> {folder}"
            )
            return 0

        codes.append(guarded(one))
        if codes[-1] == EXIT_INTERRUPTED:
            break
    return max(codes)


def guarded(job: Callable[[], int]) -> int:
    """Run a job; what the user can mend becomes one line on stderr and exit code 2."""
    try:
        return job()
    except (ValueError, OSError, ImportError, DecodeError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_FAULT
    except KeyboardInterrupt:
        print("interrupted; what was done so far is kept", file=sys.stderr)
        return EXIT_INTERRUPTED


def main(arguments: Sequence[str] | None = None) -> int:
    """pose-track COMMAND ..."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"track": track}
    if not words or words[0] not in commands:
        if words and words[0] in ("-h", "--help"):
            print("usage: pose-track track VIDEO [VIDEO ...]; see pose-track track --help")
            return 0
        print(f"error: give a command, one of {', '.join(commands)}; see pose-track --help", file=sys.stderr)
        return EXIT_FAULT
    return commands[words[0]](words[1:], f"pose-track {words[0]}")
