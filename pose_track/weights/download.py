"""The download of a file: resumed after interruptions, checked by its hash, and atomic."""

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
from pose_track.weights.partial_download import PartialDownload

Opener = Callable[[Request], HTTPResponse]
"""How a request is sent. It returns an HTTP response; an error of the server is raised as `HTTPError`."""

MAX_ATTEMPTS = 5
PAUSE_SECONDS = 1.0  # before the next attempt
TIMEOUT_SECONDS = 15.0  # without a connection, or without a byte
_BLOCK_SIZE = 1 << 16
_SHOWN_DIGITS = 8
_RESUMABLE = "the received part is kept, and the next download continues from it"
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

logger = logging.getLogger(__name__)


class ConnectionInterrupted(Exception):
    """A connection ended before the file did."""


def open_web(request: Request) -> HTTPResponse:
    """Send a request by HTTPS, or by HTTP to a mirror that has no other, through the proxies of the environment.

    Raises ValueError for another scheme; OSError or URLError if the server cannot be reached or redirects to anything
    but HTTPS.
    """
    if request.type not in ("https", "http"):
        raise ValueError(f"{request.full_url!r} is not an https address")
    response: HTTPResponse = build_opener(_HttpsOnlyRedirects).open(request, timeout=TIMEOUT_SECONDS)
    return response


class _HttpsOnlyRedirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if not newurl.startswith("https://"):
            raise URLError(f"it redirects to {newurl}, which is not an https address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, file: Path, sha256: str = "", open_url: Opener = open_web) -> None:
    """Download `url` to `file`, whose folder exists, with a progress bar on stderr.

    An interrupted download leaves a hidden part beside the file. The next call continues from it if the server's file
    is still the same. A broken connection is retried `MAX_ATTEMPTS` times.

    sha256: the hash or its first digits. A file with another hash is renamed by `set_aside`, and raises ValueError.

    Raises ConnectionError if the file cannot be downloaded, or the server sends an HTML page instead; OSError (ENOSPC,
    with the message as `strerror`) if the disk is full.
    """
    part = PartialDownload(file, url)
    _complete(part, open_url)
    try:
        check_digest(part.path, file, sha256, url)
    except ValueError:
        part.discard()
        raise
    part.finish()


def check_digest(path: Path, file: Path, sha256: str, source: str) -> None:
    """Compare the file at `path`, the content of `source` that is to become `file`, with a hash or its first digits.

    Raises ValueError for another hash; the file then has been renamed by `set_aside`.
    """
    actual = file_sha256(path)
    if actual.startswith(sha256):
        return
    aside = set_aside(path, file)
    raise ValueError(
        f"{source} has the SHA-256 {actual[:_SHOWN_DIGITS]}... instead of {sha256[:_SHOWN_DIGITS]}...; it is saved as "
        f"{str(aside)!r} and not used; download it again, or give its path if it is the file you want"
    )


def set_aside(path: Path, file: Path) -> Path:
    """Rename `path`, which is not the expected content of `file`, to a name that is never used; return its new path.
    An earlier file of that name is replaced."""
    aside = file.with_name(f"{file.name}.mismatch")
    os.replace(path, aside)
    return aside


def is_page(start: bytes) -> bool:
    """Whether a file with this start is a page (HTML, XML), which proxies and logins send in place of a file.

    >>> is_page(b"\\n<!DOCTYPE html>"), is_page(b"PK\\x03\\x04")
    (True, False)
    """
    return start.lstrip().startswith(b"<")


def _complete(part: PartialDownload, open_url: Opener) -> None:
    """Receive all missing bytes, over several connections if necessary."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return _receive(part, open_url)
        except ConnectionInterrupted as error:
            if attempt == MAX_ATTEMPTS:
                raise ConnectionError(f"{part.url} broke off {attempt} times ({error}); {_RESUMABLE}") from None
            logger.info("%s broke off (%s); retrying", part.url, error)
            time.sleep(PAUSE_SECONDS)


def _receive(part: PartialDownload, open_url: Opener) -> None:
    """Receive the missing bytes over one connection. Raises ConnectionInterrupted."""
    if part.is_complete():
        return
    with _send_request(part, open_url) as response:
        block = _read(response)
        _refuse_page(part.url, response, block)
        if response.status == 200:
            with _naming_full_disk(part):
                part.start(response.headers)
        length = response.headers.get("Content-Length")
        _check_disk_space(part, int(length or 0))
        total = None if length is None else part.size + int(length)
        with _progress_bar(part, total) as progress:
            while block:
                with _naming_full_disk(part):
                    part.append(block)
                progress.update(len(block))
                block = _read(response)
    if total is not None and part.size < total:
        raise ConnectionInterrupted(f"after {part.size} of {total} bytes")


def _progress_bar(part: PartialDownload, total: int | None) -> tqdm[None]:
    return tqdm(
        total=total, initial=part.size, desc=part.file.name.lstrip("."), unit="B", unit_scale=True, unit_divisor=1024
    )


def _send_request(part: PartialDownload, open_url: Opener) -> HTTPResponse:
    """The response to the request for the missing bytes: 206 with these, or 200 with the whole file."""
    range_headers = part.range_headers()
    try:
        response = open_url(Request(part.url, headers={"User-Agent": f"pose_track/{__version__}", **range_headers}))
    except HTTPError as error:
        error.close()
        if not (range_headers and error.code == 416):
            raise ConnectionError(f"{part.url} answers {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise ConnectionError(f"{part.url} cannot be reached ({reason})") from None
    else:
        if response.status == 200 or (range_headers and part.is_continued_by(response)):
            return response
        response.close()
        if not range_headers:
            raise ConnectionError(f"{part.url} answers {response.status} {response.reason}")
    part.discard()  # the server cannot continue there: start again
    return _send_request(part, open_url)


def _refuse_page(url: str, response: HTTPResponse, start: bytes) -> None:
    if response.headers.get_content_type() == "text/html" or (response.status == 200 and is_page(start)):
        raise ConnectionError(f"{url} sends an HTML page instead of the file, as a proxy or a login does")


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read(_BLOCK_SIZE)
    except (OSError, HTTPException) as error:
        raise ConnectionInterrupted(str(error) or type(error).__name__) from None


@contextmanager
def _naming_full_disk(part: PartialDownload) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        raise _disk_full(part, f"{error.strerror} after {_megabytes(part.size)}") from None


def _check_disk_space(part: PartialDownload, needed: int) -> None:
    free = shutil.disk_usage(part.path.parent).free
    if free < needed:
        raise _disk_full(part, f"{_megabytes(needed)} are needed, {_megabytes(free)} are free")


def _disk_full(part: PartialDownload, problem: str) -> OSError:
    where = f"no space for {part.file.name} in {str(part.path.parent)!r}"
    return OSError(errno.ENOSPC, f"{where}: {problem}; {_RESUMABLE}: free some space")


def _megabytes(size: int) -> str:
    """
    >>> _megabytes(1_234_567)
    '1.2 MB'
    """
    return f"{size / 1e6:.1f} MB"
