"""What all commands share: their words, errors in one line, exit codes."""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

logger = logging.getLogger(__name__)

EXIT_FAULT = 2
EXIT_INTERRUPTED = 130
EXIT_UNREAD = 141  # as a shell tells of a program whose output nobody reads any more


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_FAULT, f"error: {message}; see {self.prog} --help\n")

    def parse_known_words(self, words: Sequence[str]) -> argparse.Namespace:
        """Options and positional words in any order; for a word that is none of them, the likeliest option."""
        options, rest = self.parse_known_intermixed_args(list(words))
        if rest:
            known = [option for action in self._actions for option in action.option_strings]
            close = difflib.get_close_matches(rest[0].partition("=")[0], known, n=1, cutoff=0.75)
            self.error(f"unknown option {rest[0]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return options


def take_overrides(
    words: Sequence[str], is_setting: Callable[[str], bool] = lambda key: "." in key
) -> tuple[dict[str, str], list[str]]:
    """Settings among the words of a command line, and the other words in their order.

    A setting is given as --tracker.buffer_seconds 2 or --tracker.buffer_seconds=2; dashes in its name count as
    underscores. Raises ValueError for one without a value.

    >>> take_overrides(["--tracker.buffer-seconds", "2", "clip.mp4", "--pose.flip_test=true"])
    ({'tracker.buffer_seconds': '2', 'pose.flip_test': 'true'}, ['clip.mp4'])
    """
    values: dict[str, str] = {}
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        name, has_value, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not is_setting(name):
            others.append(word)
            continue
        given = value if has_value else next(rest, None)
        if given is None or (given.startswith("--") and not has_value):
            raise ValueError(f"--{name} needs a value")
        values[name.replace("-", "_")] = given
    return values, others


def split_overrides(words: Sequence[str]) -> dict[str, str]:
    """The same where all words are to be settings. Raises ValueError for any other word.

    >>> split_overrides(["--loop.seed", "2", "--threads=1"])
    {'loop.seed': '2', 'threads': '1'}
    """
    values, others = take_overrides(words, lambda key: True)
    if others:
        raise ValueError(f"{others[0]!r} is neither an option nor a --section.setting")
    return values


def guarded(job: Callable[[], int]) -> int:
    """Run a job; what the user can mend becomes one line on stderr and exit code 2, an interrupt 130. Where what it
    prints goes to a program that has ended, such as `head`, it ends without a word."""
    try:
        code = job()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted; what was done so far is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        return EXIT_UNREAD
    except _mendable() as error:  # Python asks only where there is an error
        logger.debug("where the error came from", exc_info=True)
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_FAULT


def _mendable() -> tuple[type[Exception], ...]:
    from pose_track.video.source import DecodeError

    return ValueError, OSError, ImportError, MemoryError, DecodeError
