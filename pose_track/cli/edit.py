"""Mend a result by hand: swapped ids, broken tracks, wrong joints; see docs/editing.md.

Edits are applied in the order in which they are given. With --out they are written as a new result. Without it they
are added to the edits file beside the result, as in the viewer; --undo, --redo and --list are for that file. RESULT
itself is never changed.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_track.cli.options import add_overwrite
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.editing.session import EditSession

_SPAN = r"(?:@(?P<from>\d+)(?:-(?P<to>\d+)?)?)?"
_NUMBER = r"-?\d+(?:\.\d*)?"
_PATTERNS = {
    "swap": rf"(?P<ids>\d+,\d+){_SPAN}",
    "merge": r"(?P<ids>\d+,\d+)",
    "split": r"(?P<id>\d+)@(?P<frame>\d+)",
    "delete": rf"(?P<id>\d+){_SPAN}",
    "rename": r"(?P<id>\d+)=(?P<name>.*)",
    "move_joint": rf"(?P<id>\d+)@(?P<frame>\d+):(?P<joint>.+)=(?P<x>{_NUMBER}),(?P<y>{_NUMBER})",
    "hide_joint": r"(?P<id>\d+)@(?P<frame>\d+):(?P<joint>.+)",
}
_OPTIONS = {
    "swap": ("A,B[@FROM[-TO]]", "exchange two ids, from a frame on or up to another"),
    "merge": ("A,B", "give the person B the id A"),
    "split": ("ID@FRAME", "give a person a new id from a frame on"),
    "delete": ("ID[@FROM[-TO]]", "remove a person, or a span of frames of one"),
    "rename": ("ID=NAME", "name a person"),
    "move_joint": ("ID@FRAME:JOINT=X,Y", "put a joint of a person in one frame somewhere else"),
    "hide_joint": ("ID@FRAME:JOINT", "mark a joint of a person in one frame as absent"),
}


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="RESULT", help="a result folder, a tracks.jsonl, or another file that link reads")
    for op, (form, text) in _OPTIONS.items():
        add(f"--{op.replace('_', '-')}", dest="steps", action="append", type=_edit_parser(op), metavar=form, help=text)
    add(
        "--apply",
        dest="steps",
        action="append",
        type=Path,
        metavar="FILE",
        help="apply an edits file, or the edits of an edited tracks.jsonl; those of another result of the video by "
        "time and place",
    )
    for name, text in (("undo", "take back the last edit"), ("redo", "restore the last edit taken back")):
        add(f"--{name}", dest="steps", action="append_const", const=name, help=f"{text} of the edits file")
    add("--list", action="store_true", help="print the edits of the edits file")
    add("--edits", type=Path, metavar="FILE", help="edits file (default: edits.jsonl beside the result)")
    add("--out", type=Path, metavar="DIR", help="folder for the edited tracks.jsonl; the edits file is left alone")
    add_overwrite(parser)


def _edit_parser(op: str) -> Callable[[str], Any]:
    """Parses the value of the option of an edit."""

    def parse(text: str) -> Any:
        from pose_track.editing.edits import parse_edit

        match = re.fullmatch(_PATTERNS[op], text)
        if match is None:
            raise argparse.ArgumentTypeError(f"must be {_OPTIONS[op][0]}, got {text!r}")
        values = {key: _value(key, value) for key, value in match.groupdict().items()}
        try:
            return parse_edit({"op": op, **values})
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def _value(key: str, text: str | None) -> Any:
    if text is None or key in ("name", "joint"):
        return text
    if key == "ids":
        return [int(one) for one in text.split(",")]
    return float(text) if key in ("x", "y") else int(text)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.editing.session import EditSession, default_edits_path
    from pose_track.editing.write import write_edited
    from pose_track.pipeline.result_folder import TRACKS_FILE
    from pose_track.utils.overwrite import check_output_file

    steps = options.steps or []
    if not steps and not options.list:
        raise ValueError("nothing to do; give an edit such as --swap 1,2@100, --apply FILE or --list")
    if options.out is None:
        session = EditSession(options.path, options.edits or default_edits_path(options.path))
        _take(session, steps)
        if options.list:
            _print_edits(session)
        return 0
    if options.edits or options.list or any(isinstance(step, str) for step in steps):
        raise ValueError("--out writes the edits of this command only; give the others without it, or --apply FILE")
    session = EditSession(options.path, None)
    out = options.out / TRACKS_FILE
    check_output_file(out, options.overwrite, [session.result.path])
    _take(session, steps)
    write_edited(session, out)
    print(f"{options.path} -> {out}: {len(session.edits)} edits, {len(session.people())} people")
    return 0


def _take(session: EditSession, steps: list[Any]) -> None:
    """Take the steps in order and print what each did, and which edits of a file do not fit."""
    from pose_track.editing.edits import describe

    for step in steps:
        if isinstance(step, Path):
            applied, rejected = session.replay(step)
            for one in applied:
                print(f"{describe(one.edit)}: {one.effect}")
            for other in rejected:
                print(f"{describe(other.edit)} of {step} does not fit: {other.reason}")
        elif isinstance(step, str):
            edit = session.undo() if step == "undo" else session.redo()
            print(f"{step}: {describe(edit)}")
        else:
            done = session.apply(step)
            print(f"{describe(done.edit)}: {done.effect}")


def _print_edits(session: EditSession) -> None:
    from pose_track.editing.edits import describe

    for number, edit in enumerate(session.edits, start=1):
        print(f"{number}: {describe(edit)}")
    print(f"{len(session.edits)} edits, {len(session.undone)} taken back")
