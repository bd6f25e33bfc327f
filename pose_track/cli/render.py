"""Draw a result again, in any style, on its video or without it; see docs/rendering.md.

RESULT is a result folder, a tracks.jsonl, PoseTrack JSON, COCO results or MOTChallenge text.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.choice_options import add_choice, chosen_people
from pose_track.cli.options import add_config, add_overwrite, add_skeleton, chosen_skeleton
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.config.settings import RenderSettings
    from pose_track.results.result import Result


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="RESULT", help="a result folder or file")
    add("--video", type=Path, metavar="SOURCE", help="its video or folder of images (default: as the result names it)")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="a .mp4, .mov or .webm; without a suffix a folder of PNG images; with --crops a folder",
    )
    add("--crops", action="store_true", help="write a video of each person, centred in it, into the folder OUT")
    add_choice(parser)
    add_config(parser)
    add_skeleton(parser)
    add_overwrite(parser)
    parser.add_settings(_settings_class)


def _settings_class() -> type[RenderSettings]:
    from pose_track.config.settings import RenderSettings

    return RenderSettings


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.config.load import load_settings
    from pose_track.config.settings import RenderSettings
    from pose_track.results.choose import choose
    from pose_track.results.open_result import open_result

    choice = chosen_people(options)
    result = choose(open_result(options.path, options.video, chosen_skeleton(options)), choice)
    recorded = {} if options.config else _recorded(result)
    settings = load_settings(RenderSettings, options.config, {**recorded, **overrides})
    settings = _with_names(settings, result)
    if settings.style.privacy != "none" and not choice.is_all:
        raise ValueError(
            f"--style.privacy {settings.style.privacy} would leave people recognisable who are not chosen; give "
            "--style.only_ids to draw some and obscure all"
        )
    if options.crops:
        return _crops(result, options, settings)
    _check(options, result)
    print(f"{options.path} -> {options.out}: {_render(result, options.out, settings)} frames")
    return 0


def _recorded(result: Result) -> dict[str, str]:
    """The score from which joints were drawn: it depends on the networks that found them."""
    output = (result.header.get("settings") or {}).get("output")
    score = output.get("min_joint_score") if isinstance(output, dict) else None
    return {} if score is None else {"output.min_joint_score": str(score)}


def _with_names(settings: RenderSettings, result: Result) -> RenderSettings:
    """The settings with the names in the result, where they do not give others."""
    names = {**result.names, **settings.style.names}
    return settings.model_copy(update={"style": settings.style.model_copy(update={"names": names})})


def _check(options: argparse.Namespace, result: Result) -> None:
    """Raises FileExistsError or ValueError where the output would replace something."""
    from pose_track.utils.overwrite import check_not_input, check_overwrite

    check_not_input(options.out, [path for path in (result.path, result.source) if path is not None])
    check_overwrite(options.out, options.overwrite)


def _render(result: Result, out: Path, settings: RenderSettings) -> int:
    """Draw a result; returns the number of frames."""
    from fractions import Fraction

    from pose_track.pipeline.render_file import needs_video, open_result_video, render_file, render_without_video
    from pose_track.pipeline.style import style_of

    if result.source is None and not needs_video(style_of(settings)) and result.width and result.height:
        fps = Fraction(result.fps).limit_denominator(1001)
        return render_without_video(result, (result.width, result.height), fps, out, settings)
    with open_result_video(result.video(), settings.reader, (result.width, result.height), result.fps) as reader:
        return render_file(result, reader, out, settings)


def _crops(result: Result, options: argparse.Namespace, settings: RenderSettings) -> int:
    from pose_track.pipeline.render_crops import render_crops
    from pose_track.pipeline.render_file import open_result_video

    if options.out.is_file() or (options.out.is_dir() and any(options.out.iterdir())):
        _check(options, result)
    with open_result_video(result.video(), settings.reader, (result.width, result.height), result.fps) as reader:
        for path in render_crops(result, reader, options.out, settings):
            print(path)
    return 0
