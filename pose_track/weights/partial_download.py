"""The received part of a file that is being downloaded, hidden beside the file."""

from __future__ import annotations

import json
import os
import re
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from typing import Any


class PartialDownload:
    """The received part of a file, and what the server stated about the whole.

    file: where the whole file will be; url: its address. A part from another address is discarded.
    """

    def __init__(self, file: Path, url: str) -> None:
        self.file, self.url = file, url
        self.path = file.with_name(f".{file.name}.part")
        self._state_path = _state_path(file)
        if self._state().get("url") != url:
            self.discard()

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def is_complete(self) -> bool:
        """Whether all bytes are there, so that the file needs only its name."""
        return self.path.is_file() and self.size == self._state().get("length")

    def start(self, headers: Message) -> None:
        """Start from zero, with a response of these headers. Their validator is stored, so that the server can tell
        later whether its file is still the same."""
        length = headers.get("Content-Length")
        state = {"url": self.url, "mark": _validator(headers), "length": None if length is None else int(length)}
        self.discard()
        self.path.write_bytes(b"")
        self._state_path.write_text(json.dumps(state), encoding="utf-8")

    def append(self, block: bytes) -> None:
        """Write without a buffer, so that received bytes survive any end of the program, and a full disk shows here."""
        with open(self.path, "ab", buffering=0) as file:
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]

    def range_headers(self) -> dict[str, str]:
        """The headers that request the missing bytes, or the whole file if it has changed on the server.

        Empty if nothing was received yet, or without a validator (RFC 9110, sections 13.1.5 and 14.2).
        """
        validator = self._state().get("mark")
        return {"Range": f"bytes={self.size}-", "If-Range": validator} if validator and self.size else {}

    def is_continued_by(self, response: HTTPResponse) -> bool:
        """Whether a response holds exactly the missing bytes."""
        match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        return response.status == 206 and match is not None and int(match[1]) == self.size

    def finish(self) -> None:
        """Rename the part to the file."""
        os.replace(self.path, self.file)
        self.discard()

    def discard(self) -> None:
        """Delete the part."""
        self.path.unlink(missing_ok=True)
        self._state_path.unlink(missing_ok=True)

    def _state(self) -> dict[str, Any]:
        return _read_state(self._state_path)


def started_address(file: Path) -> str | None:
    """The address from which a part of `file` was received already; None for none."""
    url = _read_state(_state_path(file)).get("url")
    return url if isinstance(url, str) else None


def _state_path(file: Path) -> Path:
    return file.with_name(f".{file.name}.part.json")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # never started, or interrupted while it was written
        return {}
    return state if isinstance(state, dict) else {}


def _validator(headers: Message) -> str | None:
    """A strong entity tag, else the time of the last change; a weak tag does not guarantee equal bytes.

    >>> headers = Message()
    >>> headers["ETag"], headers["Last-Modified"] = 'W/"7"', "Tue, 01 Sep 2026 10:00:00 GMT"
    >>> _validator(headers)
    'Tue, 01 Sep 2026 10:00:00 GMT'
    """
    tag = headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
