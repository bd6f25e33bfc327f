"""Running a command: logging, errors in one line, exit codes."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from inspect import getdoc
from typing import TYPE_CHECKING, Protocol, cast

from pose_track.cli.exit_codes import EXIT_ERROR, EXIT_SIGNAL
from pose_track.cli.output import run_with_output
from pose_track.cli.parser import Parser
from pose_track.cli.unexpected import error_line
from pose_track.utils.interrupts import interrupt_on_stop_signals

if TYPE_CHECKING:
    from argparse import Namespace

    from pose_track.cli.commands import Command

logger = logging.getLogger(__name__)


class CommandModule(Protocol):
    """What a module pose_track/cli/<command>.py defines. Its docstring is the description in the command's help."""

    def add_arguments(self, parser: Parser) -> None:
        """Add the options, positional arguments and settings of the command."""

    def run(self, options: Namespace, overrides: Mapping[str, str]) -> int:
        """Run the command and return its exit code. overrides: settings of the command line, {dotted key: text}."""


def run_command(command: Command, arguments: Sequence[str], prog: str) -> int:
    """Run one command with the arguments that follow its name; returns the exit code. prog: its name in messages."""
    return run_with_output(lambda: _run(command, arguments, prog))


def _run(command: Command, arguments: Sequence[str], prog: str) -> int:
    logging.basicConfig(level=command.log_level, handlers=[_log_handler()])
    with interrupt_on_stop_signals():
        return run_job(lambda: _parse_and_run(command, arguments, prog))


def _parse_and_run(command: Command, arguments: Sequence[str], prog: str) -> int:
    module = import_module(command.module)
    parser = Parser(prog, description=getdoc(module))
    defined = cast(CommandModule, module)
    defined.add_arguments(parser)
    try:
        options, overrides = parser.parse(arguments)
    except SystemExit as end:  # --help, --version, or an error that is printed already
        return int(end.code or 0)
    return defined.run(options, overrides)


def run_job(job: Callable[[], int]) -> int:
    """Run a job and return its exit code.

    An error becomes one line on stderr and exit code 2; an unexpected one names the file that has its traceback. A
    signal that stops the program becomes 128 plus its number: 130 for Ctrl-C, 143 for SIGTERM.
    """
    try:
        return job()
    except KeyboardInterrupt as stop:
        print(f"{str(stop) or 'interrupted'}; finished results are kept", file=sys.stderr)
        return EXIT_SIGNAL + getattr(stop, "number", signal.SIGINT)
    except Exception as error:
        logger.debug("traceback of the error", exc_info=True)
        print(f"error: {error_line(error)}", file=sys.stderr)
        return EXIT_ERROR


def run_jobs(jobs: Iterable[Callable[[], int]]) -> int:
    """Run jobs one after another, such as one per file, and return the highest exit code. An error ends its own job
    only; an interrupt ends all."""
    highest = 0
    for job in jobs:
        highest = max(highest, run_job(job))
        if highest > EXIT_SIGNAL:
            break
    return highest


def _log_handler() -> logging.Handler:
    """To stderr; the level is named from warnings on."""

    class Formatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            message = super().format(record)
            return f"{record.levelname}: {message}" if record.levelno >= logging.WARNING else message

    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    return handler
