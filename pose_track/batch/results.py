"""The results of a batch on disk: each video's folder appears whole, with a marker that says what it is made from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pose_track.batch.naming import CONTROL
from pose_track.batch.recipe import Recipe, key_of
from pose_track.batch.stores import is_remote, version_of
from pose_track.pipeline.run_state import source_digest
from pose_track.utils.hashing import fresh_sha256

MARKER = "_DONE.json"


@dataclass(frozen=True)
class SourceIdentity:
    """A video as it was when it was tracked. digest: see `source_digest`; mtime_ns: spares reading an unchanged one."""

    text: str
    size: int
    mtime_ns: int
    digest: str


@dataclass(frozen=True)
class Figures:
    """What a video came to. people: summed over the frames. faults: of a damaged video. seconds: wall-clock time."""

    frames: int
    people: int
    tracks: int
    faults: int
    seconds: float
    fps: float


@dataclass(frozen=True)
class ResultFile:
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Marker:
    """The file that ends a result.

    key: see `key_of`. recipe, source: what it was made from. files: all others of the folder.
    """

    key: str
    source: SourceIdentity
    recipe: Recipe
    figures: Figures
    files: dict[str, ResultFile]


def identify(source: str) -> SourceIdentity:
    """The identity of a video file or a folder of images as it is now. Raises FileNotFoundError, or ValueError for what
    can be read only once."""
    if is_remote(source):
        size, version = version_of(source)
        return SourceIdentity(source, size, 0, version)
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{source!r} does not exist; check the path")
    digest, status = source_digest(path), path.stat()
    if digest is None:
        raise ValueError(f"{source!r} is no file, and can be read only once; give it to track instead")
    return SourceIdentity(source, status.st_size, status.st_mtime_ns, digest)


def make_marker(folder: Path, source: SourceIdentity, recipe: Recipe, figures: Figures) -> Marker:
    """The marker of the results in a folder."""
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")}
    hashes = {name: ResultFile(fresh_sha256(path), path.stat().st_size) for name, path in files.items()}
    return Marker(key_of(source.digest, recipe.digest), source, recipe, figures, hashes)


def what_changed(marker: Marker, source: str, recipe: Recipe) -> str:
    """What has changed since a result was made, in words; "" where it is that of this video and recipe. The video is
    read only where its time or size has changed. Raises as `identify`."""
    if difference := recipe.difference(marker.recipe):
        return difference
    path = Path(source)
    if path.is_file():
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) == (marker.source.size, marker.source.mtime_ns):
            return ""
    return "" if identify(source).digest == marker.source.digest else "the video has changed"


class ResultTree:
    """The folders of results below `out`."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def marker(self, name: str) -> Marker | None:
        """The marker of a result; None where there is none."""
        try:
            return msgspec.json.decode((self._out / name / MARKER).read_bytes(), type=Marker)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            path = str(self._out / name)
            raise ValueError(f"{path!r} has a marker of another program or version ({error}); remove it") from error

    def check_free(self, name: str, overwrite: bool) -> None:
        """Raises FileExistsError where results may not be put."""
        target = self._out / name
        if not target.exists():
            return
        if not overwrite:
            raise FileExistsError(f"{str(target)!r} exists already; give --overwrite to replace it, or another --out")
        if not target.is_dir() or any(path.is_dir() for path in target.iterdir()):
            raise FileExistsError(f"{str(target)!r} is no folder of results alone, and is not replaced; move it away")

    def publish(self, folder: Path, name: str, marker: Marker, overwrite: bool) -> None:
        """Move a folder of complete results, of the same disk, to its place. Raises as `check_free`."""
        target = self._out / name
        (folder / MARKER).write_bytes(msgspec.json.format(msgspec.json.encode(marker), indent=1))
        self.check_free(name, overwrite)
        replaced = folder.with_name("replaced")
        if target.exists():
            target.rename(replaced)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)


def control_folder(out: Path) -> Path:
    """The folder of a batch's own files."""
    return out / CONTROL
