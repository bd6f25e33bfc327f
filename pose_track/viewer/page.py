"""The page of the viewer and its static files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"


@cache
def static_names() -> frozenset[str]:
    """The files that the page loads."""
    return frozenset(path.name for path in STATIC.iterdir() if path.suffix in (".js", ".css"))


def static_file(name: str) -> bytes:
    return (STATIC / name).read_bytes()


def page() -> str:
    """The page, which loads its files from `static/`."""
    return (STATIC / "index.html").read_text(encoding="utf-8")
