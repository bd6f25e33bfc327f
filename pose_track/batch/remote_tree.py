"""Results of a batch in an object store, through fsspec: each file is copied whole, and the marker last."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from pose_track.batch.results import MARKER, Marker, ResultTree
from pose_track.batch.stores import open_store


def open_tree(out: Path, url: str | None) -> ResultTree | RemoteTree:
    """Where results are: below `out`, or at a URL."""
    return ResultTree(out) if url is None else RemoteTree(url)


class RemoteTree:
    """As `ResultTree`, in a store. url: of the folder of all results."""

    def __init__(self, url: str) -> None:
        self._store, self._root = open_store(url)
        self._url = url.rstrip("/")

    def _path(self, *parts: str) -> str:
        return "/".join([self._root.rstrip("/"), *parts])

    def marker(self, name: str) -> Marker | None:
        """The marker of a result; None where there is none."""
        try:
            return msgspec.json.decode(self._store.cat_file(self._path(name, MARKER)), type=Marker)
        except FileNotFoundError:
            return None
        except ValueError as error:
            path = f"{self._url}/{name}"
            raise ValueError(f"{path} has a marker of another program or version ({error}); remove it") from error

    def check_free(self, name: str, overwrite: bool) -> None:
        """Raises FileExistsError where results may not be put. Those without a marker were not finished."""
        if not overwrite and self._store.exists(self._path(name, MARKER)):
            place = f"{self._url}/{name}"
            raise FileExistsError(f"{place} exists already; give --overwrite to replace it, or other --results")

    def publish(self, folder: Path, name: str, marker: Marker, overwrite: bool) -> None:
        """Copy a folder of complete results to its place: its marker is removed first and written last, so that a
        result with a marker is whole. Raises as `check_free`."""
        self.check_free(name, overwrite)
        if self._store.exists(self._path(name, MARKER)):
            self._store.rm_file(self._path(name, MARKER))
        for file in marker.files:
            self._store.put_file(str(folder / file), self._path(name, file))
        content = msgspec.json.format(msgspec.json.encode(marker), indent=1)
        self._store.pipe_file(self._path(name, MARKER), content)
        shutil.rmtree(folder)
