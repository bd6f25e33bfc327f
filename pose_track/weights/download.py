"""One URL to one file: resumed where it broke off, checked by its hash, there whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

from pose_track.utils.hashing import file_sha256
from pose_track.utils.version import __version__
from pose_track.weights.partial_download import Part

Opener = Callable[[Request], HTTPResponse]
"""How a request is sent. The answer is one of HTTP; an error of the server is raised as `HTTPError`."""

TRIES = 5
PAUSE_SECONDS = 1.0  # before a connection that broke off is taken up again
TIMEOUT_SECONDS = 30.0  # without a byte
_BLOCK = 1 << 16
_KEPT = "what has come is kept, and the next try goes on from there"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

log = logging.getLogger(__name__)


class Dropped(Exception):
    """A connection ended before the file did."""


def open_https(request: Request) -> HTTPResponse:
    """Send a request by HTTPS, through the proxies that the environment names. Raises ValueError for another scheme,
    and OSError, URLError where nobody answers or where the answer leads away from HTTPS."""
    if request.type != "https":
        raise ValueError(f"{request.full_url!r} is not an https address")
    answer: HTTPResponse = build_opener(_StaysSecure).open(request, timeout=TIMEOUT_SECONDS)
    return answer


class _StaysSecure(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if not newurl.startswith("https://"):
            raise URLError(f"it leads to {newurl}, which is not an https address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, file: Path, sha256: str = "", open_url: Opener = open_https) -> None:
    """Fetch `url` into `file`, whose folder is there, behind a progress bar on stderr.

    What has come stays beside it, hidden, when the download is broken off, and the next call goes on from there if the
    server still has the same. sha256: the hash or the first digits of it; a file with another is not given the name but
    kept as `set_aside` names it, and ValueError tells so. A connection that breaks off is taken up again some times.
    Raises ConnectionError where the file is not to be had, or where a page comes in its place; OSError (ENOSPC, with
    the message as `strerror`) where the disk has no room for it.
    """
    part = Part(file, url)
    _complete(part, open_url)
    found = file_sha256(part.path)
    if found.startswith(sha256):
        part.finish()
        return
    aside = set_aside(part.path, file)
    part.forget()
    raise ValueError(
        f"what {url} gave has the SHA-256 {found[: len(sha256)]}... instead of {sha256}...: it is kept as "
        f"{str(aside)!r} and not used; fetch it again, or give its path if you know it to be what you want"
    )


def set_aside(path: Path, file: Path) -> Path:
    """Rename `path`, whose content is not what `file` should be, so that it is not used, and return its new path; what
    was set aside before under that name is replaced."""
    aside = file.with_name(f"{file.name}.mismatch")
    os.replace(path, aside)
    return aside


def is_page(start: bytes) -> bool:
    """Whether a file that starts so is a page (HTML, XML), as proxies and logins give in place of what was asked for.

    >>> is_page(b"\\n<!DOCTYPE html>"), is_page(b"PK\\x03\\x04")
    (True, False)
    """
    return start.lstrip().startswith(b"<")


def _complete(part: Part, open_url: Opener) -> None:
    """Receive until all is there, over several connections if need be."""
    for tried in range(1, TRIES + 1):
        try:
            return _receive(part, open_url)
        except Dropped as error:
            if tried == TRIES:
                raise ConnectionError(f"{part.url} broke off {TRIES} times ({error}); {_KEPT}") from None
            log.info("%s broke off (%s); going on", part.url, error)
            time.sleep(PAUSE_SECONDS)


def _receive(part: Part, open_url: Opener) -> None:
    """What is missing of the file. Raises Dropped where it is not all that comes."""
    if part.is_whole():
        return
    with _ask(part, open_url) as answer:
        block = _read(answer)
        _refuse_page(part.url, answer, block)
        if answer.status == 200:
            with _on_a_full_disk(part):
                part.begin(answer.headers)
        coming = answer.headers.get("Content-Length")
        _need_room(part, int(coming or 0))
        total = None if coming is None else part.size + int(coming)
        with _progress(part, total) as progress:
            while block:
                with _on_a_full_disk(part):
                    part.append(block)
                progress.update(len(block))
                block = _read(answer)
    if total is not None and part.size < total:
        raise Dropped(f"after {part.size} of {total} bytes")


def _progress(part: Part, total: int | None) -> tqdm[None]:
    return tqdm(total=total, initial=part.size, desc=part.file.name, unit="B", unit_scale=True, unit_divisor=1024)


def _ask(part: Part, open_url: Opener) -> HTTPResponse:
    """The answer to the request for what is missing: 206 when it is that, else 200 and the whole file."""
    wanted = part.range_headers()
    try:
        answer = open_url(Request(part.url, headers={"User-Agent": f"pose_track/{__version__}", **wanted}))
    except HTTPError as error:
        error.close()
        if not (wanted and error.code == 416):
            raise ConnectionError(f"{part.url} answers {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise ConnectionError(f"{part.url} cannot be reached ({reason})") from None
    else:
        if answer.status == 200 or (wanted and part.is_continued_by(answer)):
            return answer
        answer.close()
        if not wanted:
            raise ConnectionError(f"{part.url} answers {answer.status} {answer.reason}")
    part.forget()  # the server cannot go on from there: from the beginning
    return _ask(part, open_url)


def _refuse_page(url: str, answer: HTTPResponse, start: bytes) -> None:
    if answer.headers.get_content_type() == "text/html" or (answer.status == 200 and is_page(start)):
        raise ConnectionError(f"{url} gives a page instead of the file, as a proxy or a login does")


def _read(answer: HTTPResponse) -> bytes:
    try:
        return answer.read(_BLOCK)
    except (OSError, HTTPException) as error:
        raise Dropped(str(error) or type(error).__name__) from None


@contextmanager
def _on_a_full_disk(part: Part) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise _no_room(part, f"{error.strerror} after {_megabytes(part.size)}") from None


def _need_room(part: Part, needed: int) -> None:
    free = shutil.disk_usage(part.path.parent).free
    if free < needed:
        raise _no_room(part, f"{_megabytes(needed)} are needed, {_megabytes(free)} are free")


def _no_room(part: Part, what: str) -> OSError:
    where = f"no room for {part.file.name} in {str(part.path.parent)!r}"
    return OSError(errno.ENOSPC, f"{where}: {what}; {_KEPT}: make room")


def _megabytes(size: int) -> str:
    """In words.

    >>> _megabytes(1_234_567)
    '1.2 MB'
    """
    return f"{size / 1e6:.1f} MB"
