"""Plot a result for a paper: who is there when, joints, angles and speeds over time, places, scores; see
docs/plots.md."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_overwrite, add_skeleton, chosen_skeleton
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pose_track.plots.person_series import PersonSeries

PLOTS = ("timeline", "joint", "angle", "speed", "heatmap", "scores")
_NEED_JOINTS = ("joint", "angle", "speed")


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="RESULT", help="a result folder, a tracks.jsonl, or another file that link reads")
    add("--what", choices=PLOTS, required=True, help="what to plot")
    add("--out", type=Path, required=True, metavar="FILE", help="file to write: .pdf, .svg or .png")
    add("--ids", type=_numbers, metavar="A,B", help="only these people (default: all)")
    add("--joints", type=_names, default=[], metavar="A,B", help="joints, which joint, angle and speed need")
    add("--size", type=_size, default=(7.0, 2.8), metavar="WxH", help="size in inches (default: 7x2.8)")
    add_skeleton(parser)
    add_overwrite(parser)


def _numbers(text: str) -> list[int]:
    if not all(word.isdecimal() for word in text.split(",")):
        raise argparse.ArgumentTypeError(f"must be ids such as 1,2, got {text!r}")
    return [int(word) for word in text.split(",")]


def _names(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _size(text: str) -> tuple[float, float]:
    try:
        width, height = (float(word) for word in text.split("x"))
    except ValueError:
        width = height = 0
    if not (0.5 <= width <= 100 and 0.5 <= height <= 100):
        raise argparse.ArgumentTypeError(f"must be inches such as 3.5x2.5, from 0.5 to 100, got {text!r}")
    return width, height


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.plots.figure import saved_axes
    from pose_track.plots.person_series import person_series
    from pose_track.results.open_result import open_result
    from pose_track.utils.overwrite import check_output_file

    if bool(options.joints) != (options.what in _NEED_JOINTS) and options.what not in ("heatmap", "scores"):
        need = "needs --joints, such as left_knee" if not options.joints else "takes no --joints"
        raise ValueError(f"--what {options.what} {need}")
    result = open_result(options.path, skeleton=chosen_skeleton(options))
    check_output_file(options.out, options.overwrite, [result.path])
    people = person_series(result, result.names, options.ids, result.speed_factor)
    for joint in options.joints:
        result.skeleton.index(joint)
    with saved_axes(options.out, *options.size) as axes:
        _draw(axes, people, options, (result.width, result.height))
    print(f"{options.path} -> {options.out}: {options.what} of {len(people)} people")
    return 0


def _draw(
    axes: Axes, people: list[PersonSeries], options: argparse.Namespace, size: tuple[int | None, int | None]
) -> None:
    from pose_track.plots import curves, distributions
    from pose_track.plots.timeline import plot_timeline

    if options.what == "timeline":
        plot_timeline(axes, people)
    elif options.what == "heatmap":
        distributions.plot_heatmap(axes, people, options.joints, size)
    elif options.what == "scores":
        distributions.plot_scores(axes, people, options.joints)
    else:
        draw = {"joint": curves.plot_joint, "angle": curves.plot_angle, "speed": curves.plot_speed}[options.what]
        draw(axes, people, options.joints)
