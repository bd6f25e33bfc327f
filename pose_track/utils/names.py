"""Names that can be shown, and the nearest name to a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def printable(name: str) -> str:
    r"""A file name as text of any encoding of files: bytes that are no UTF-8 become escapes.

    >>> printable("caf\udce9.mp4"), printable("café.mp4")
    ('caf\\udce9.mp4', 'café.mp4')
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.75) -> str:
    """A clause that names the nearest of the known names, or "" where none is near.

    cutoff: the least similarity of a near name, 0 to 1, see `difflib.get_close_matches`.

    >>> did_you_mean("trak", ["track", "train", "link"])
    "; did you mean 'track'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {close[0]!r}?" if close else ""
