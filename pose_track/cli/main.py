"""The command `pose-track`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from pose_track.cli.commands import COMMANDS
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.output import run_with_output
from pose_track.cli.runner import run_command
from pose_track.utils.names import did_you_mean
from pose_track.utils.version import __version__

# pydantic reads this when the first settings class is made; without it, it searches all installed packages for plugins
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

PROG = "pose-track"
WHAT_TO_TAKE = "Start with track VIDEO. More is found with --preset balanced, accurate, feet, wholebody or crowd."


def main(arguments: Sequence[str] | None = None) -> int:
    """`pose-track COMMAND ...`; returns the exit code. arguments: those of the process where None."""
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or [""]
    if name in COMMANDS:
        return run_command(COMMANDS[name], rest, f"{PROG} {name}")
    if name in ("-h", "--help"):
        return run_with_output(lambda: _print(overview()))
    if name == "--version":
        return run_with_output(lambda: _print(f"{PROG} {__version__}"))
    error = f"unknown command {name!r}{did_you_mean(name, COMMANDS)}" if name else "no command is given"
    return run_with_output(lambda: _fail(f"error: {error}; see {PROG} --help"))


def run_script(name: str) -> int:
    """Run a command as a script of tools/, with the arguments of the process; returns the exit code."""
    return run_command(COMMANDS[name], sys.argv[1:], Path(sys.argv[0]).name)


def overview() -> str:
    """The text of `pose-track --help`."""
    lines = [f"usage: {PROG} COMMAND ...", "", "Multi-person pose tracking in videos."]
    width = max(map(len, COMMANDS)) + 2
    for group, commands in groupby(COMMANDS.values(), lambda command: command.group):
        lines += ["", f"{group}:", *(f"  {command.name:<{width}}{command.summary}" for command in commands)]
    more = f"{PROG} COMMAND --help shows the options and settings of a command."
    return "\n".join([*lines, "", WHAT_TO_TAKE, more])


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return EXIT_ERROR


def _print(text: str) -> int:
    print(text)
    return 0
