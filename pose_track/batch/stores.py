"""Videos in object stores and on web servers, through fsspec: s3://, gs://, az://, http(s)://. A video is copied to the
machine that tracks it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from pose_track.utils.extras import require

_SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "http", "https", "memory")
_VERSION_KEYS = ("ETag", "etag", "md5Hash", "content_md5", "Last-Modified", "LastModified", "mtime", "created")
_PACKAGES = {
    **{"s3": ("s3fs",), "gs": ("gcsfs",), "gcs": ("gcsfs",), "az": ("adlfs",), "abfs": ("adlfs",)},
    **{"http": ("aiohttp",), "https": ("aiohttp",)},
}


def is_remote(text: str) -> bool:
    """Whether a source or folder is in a store that fsspec reads.

    >>> [is_remote(text) for text in ("s3://bucket/clip.mp4", "clip.mp4", "rtsp://camera/1", "C:/clip.mp4")]
    [True, False, False, False]
    """
    return _scheme(text) in _SCHEMES


def _scheme(text: str) -> str:
    match = re.match(r"([a-z0-9]+)://", text)
    return match[1] if match else ""


def open_store(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it. Raises ImportError where a package is missing."""
    scheme = _scheme(url)
    require("fsspec", *_PACKAGES.get(scheme, ()), purpose=f"{scheme}://")
    from fsspec.core import url_to_fs

    return url_to_fs(url, use_listings_cache=False)  # type: ignore[no-any-return]


def find_remote(source: str, suffixes: Sequence[str]) -> Iterator[tuple[str, PurePosixPath]]:
    """URL and place of each video of a URL: a file, a folder that is searched, or a pattern. Web servers have files
    only.

    suffixes: of videos in a folder.
    """
    store, path = open_store(source)
    if _scheme(source).startswith("http"):
        yield source, PurePosixPath(PurePosixPath(path.partition("?")[0]).name)
        return
    if "*" in source:
        root = re.split(r"[^/]*\*", path)[0].rstrip("/")
        files = store.glob(path)
    else:
        root = path.rstrip("/")
        files = [path] if store.isfile(path) else store.find(path)
        root = str(PurePosixPath(root).parent) if files == [path] else root
    for file in sorted(files):
        place = PurePosixPath(file).relative_to(root) if root else PurePosixPath(file)
        is_hidden = any(part.startswith(".") for part in place.parts)
        if files == [path] or (PurePosixPath(file).suffix.lower() in suffixes and not is_hidden):
            yield store.unstrip_protocol(file), place


def version_of(source: str) -> tuple[int, str]:
    """The size in bytes of a remote file, and a digest of it and the version that the store states. The file is not
    read. Raises FileNotFoundError where it is not there."""
    store, path = open_store(source)
    info = store.info(path)
    version = next((str(info[key]) for key in _VERSION_KEYS if info.get(key)), "")
    size = int(info.get("size") or 0)
    return size, hashlib.sha256(f"{size}\0{version}".encode()).hexdigest()
