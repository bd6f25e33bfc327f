"""What has come of a file that is being downloaded, hidden beside the place it is meant for."""

from __future__ import annotations

import json
import os
import re
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from typing import Any


class Part:
    """The beginning of a file, and what the server told of the whole.

    file: where it is meant to be; url: where it comes from. What was begun from another address does not count.
    """

    def __init__(self, file: Path, url: str) -> None:
        self.file, self.url = file, url
        self.path = file.with_name(f".{file.name}.part")
        self._notes_path = file.with_name(f".{file.name}.part.json")
        if self._notes().get("url") != url:
            self.forget()

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def is_whole(self) -> bool:
        """Whether all has come, and only the name is missing."""
        return self.path.is_file() and self.size == self._notes().get("length")

    def begin(self, headers: Message) -> None:
        """Start from nothing, with an answer of these headers. The server's mark of the content is noted, by which it
        can tell whether it still has the same."""
        length = headers.get("Content-Length")
        notes = {"url": self.url, "mark": _mark(headers), "length": None if length is None else int(length)}
        self.forget()
        self.path.write_bytes(b"")
        self._notes_path.write_text(json.dumps(notes), encoding="utf-8")

    def append(self, block: bytes) -> None:
        """Unbuffered, so that what was written stays, however the program ends, and so that a full disk shows here."""
        with open(self.path, "ab", buffering=0) as file:
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]

    def range_headers(self) -> dict[str, str]:
        """The headers that ask for what is missing, if the server has the same as before, else for all; none where
        there is nothing to go on from, or no mark to tell it by (RFC 9110, sections 13.1.5 and 14.2)."""
        mark = self._notes().get("mark")
        return {"Range": f"bytes={self.size}-", "If-Range": mark} if mark and self.size else {}

    def is_continued_by(self, answer: HTTPResponse) -> bool:
        """Whether an answer holds just what is missing."""
        found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        return answer.status == 206 and found is not None and int(found[1]) == self.size

    def finish(self) -> None:
        """Give the file its name."""
        os.replace(self.path, self.file)
        self.forget()

    def forget(self) -> None:
        """Remove what has come."""
        self.path.unlink(missing_ok=True)
        self._notes_path.unlink(missing_ok=True)

    def _notes(self) -> dict[str, Any]:
        try:
            notes = json.loads(self._notes_path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # never begun, or broken off while they were written
            return {}
        return notes if isinstance(notes, dict) else {}


def _mark(headers: Message) -> str | None:
    """A strong entity tag, else the time of the last change; a weak tag does not tell bytes apart.

    >>> headers = Message()
    >>> headers["ETag"], headers["Last-Modified"] = 'W/"7"', "Tue, 01 Sep 2026 10:00:00 GMT"
    >>> _mark(headers)
    'Tue, 01 Sep 2026 10:00:00 GMT'
    """
    tag = headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
