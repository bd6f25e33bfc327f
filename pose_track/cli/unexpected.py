"""Errors as one line, and the tracebacks of unexpected ones in a file."""

from __future__ import annotations

import platform
import tempfile
import traceback

from pose_track.utils.version import __version__

_MAX_LENGTH = 500
"""Characters of a message; networks report whole pages."""


def error_line(error: Exception) -> str:
    """What went wrong, and how to mend it, in one line.

    An error that this program does not raise itself also has its class, and the name of a file that holds the
    traceback.
    """
    text = " ".join(_text(error).split())
    if isinstance(error, MemoryError):
        return text or "there is not enough memory; close other programs, or give a smaller input"
    if isinstance(error, _expected()) and text:
        return text
    if len(text) > _MAX_LENGTH:
        text = f"{text[:_MAX_LENGTH]}..."
    return f"{type(error).__name__}{': ' if text else ''}{text}{_traceback_clause(error)}"


def _text(error: Exception) -> str:
    """The text of an error; one of the system, which has no remedy, in the form of this program's own."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{str(error.filename)!r} cannot be used: {error.strerror}; check the path, or give another"
    return str(error)


def _expected() -> tuple[type[Exception], ...]:
    from pose_track.video.source import DecodeError

    return ValueError, OSError, ImportError, DecodeError


def _traceback_clause(error: Exception) -> str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="pose-track-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(f"pose_track {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
            file.writelines(traceback.format_exception(error))
    except OSError:  # a full disk: the line above has to do
        return ""
    return f"; the traceback is in {file.name}"
