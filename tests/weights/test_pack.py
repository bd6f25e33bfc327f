"""Weights that are carried in a folder."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from urllib.request import Request

import pytest

from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights.pack import SUMS, add_to_pack, unpack
from pose_track.weights.pins import expected_digest, pin, pin_path
from pose_track.weights.sources import Mirror
from pose_track.weights.store import fetch_weights, stored_path
from pose_track.weights.zoo import ZOO

CONTENT, OTHER = b"PK" + bytes(range(256)), b"PK" + bytes(range(255))
ENTRIES = [ZOO[name] for name in ("rtmo_m", "rtmo_l")]  # without a published digest


def refuse(request: Request) -> None:
    raise AssertionError(f"{request.full_url} was requested")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Path:
    """A pack of two files, whose originals are gone."""
    for entry, content in zip(ENTRIES, (CONTENT, OTHER), strict=True):
        path = stored_path(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        assert add_to_pack(tmp_path / "some" / "pack", entry) == tmp_path / "some" / "pack" / entry.file
    shutil.rmtree(cache)
    return tmp_path / "some" / "pack"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_pack_lists_its_files_as_sha256sum_does(folder: Path) -> None:
    lines = sorted(f"{digest(c)}  {e.file}" for e, c in zip(ENTRIES, (CONTENT, OTHER), strict=True))
    assert sorted((folder / SUMS).read_text().splitlines()) == lines
    assert {path.name for path in folder.iterdir()} == {SUMS, *(entry.file for entry in ENTRIES)}


def test_what_is_unpacked_is_used_and_pinned(folder: Path) -> None:
    assert sorted(unpack(folder)) == sorted(stored_path(entry) for entry in ENTRIES)
    assert fetch_weights(ENTRIES[0], refuse).read_bytes() == CONTENT  # type: ignore[arg-type]
    assert expected_digest(stored_path(ENTRIES[1]), ENTRIES[1]) == digest(OTHER)
    assert unpack(folder)  # again


def test_a_pack_is_a_mirror(folder: Path) -> None:
    path = fetch_weights(ENTRIES[0], refuse, Mirror(str(folder)))  # type: ignore[arg-type]
    assert path.read_bytes() == CONTENT


def test_a_changed_file_is_packed_again(folder: Path) -> None:
    path = stored_path(ENTRIES[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER)
    add_to_pack(folder, ENTRIES[0])
    assert (folder / ENTRIES[0].file).read_bytes() == OTHER
    assert (folder / SUMS).read_text().count(digest(OTHER)) == 2


def damage_list(folder: Path) -> None:
    (folder / SUMS).write_text("no digests\n")


def list_a_path(folder: Path) -> None:
    (folder / SUMS).write_text(f"{digest(CONTENT)}  ../{ENTRIES[0].file}\n")


def list_another_file(folder: Path) -> None:
    (folder / SUMS).write_text(f"{digest(CONTENT)}  mine.onnx\n")


def change_a_file(folder: Path) -> None:
    (folder / ENTRIES[0].file).write_bytes(b"other")


def list_other_content(folder: Path) -> None:
    entry = ZOO["raft_small"]
    (folder / entry.file).write_bytes(CONTENT)
    (folder / SUMS).write_text(f"{digest(CONTENT)}  {entry.file}\n")


def contradict_a_pin(folder: Path) -> None:
    path = stored_path(ENTRIES[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"first")
    pin(path, ENTRIES[0], "somewhere")
    assert pin_path(path).exists()
    path.unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damage_list, "line 1 of"),
        (list_a_path, "line 1 of"),
        (list_another_file, "none of the published weights"),
        (change_a_file, f"is not the file that {SUMS} lists"),
        (list_other_content, "instead of 01064c6d"),
        (contradict_a_pin, f"instead of {digest(b'first')[:8]}"),
    ],
)
def test_packs_that_are_refused(folder: Path, change: object, message: str) -> None:
    change(folder)  # type: ignore[operator]
    with pytest.raises(ValueError, match=message):
        unpack(folder)
    assert not stored_path(ENTRIES[0]).exists()


def test_folders_that_are_no_packs(folder: Path) -> None:
    (folder / ENTRIES[0].file).unlink()
    with pytest.raises(FileNotFoundError, match="is missing"):
        unpack(folder)
    (folder / SUMS).unlink()
    with pytest.raises(FileNotFoundError, match=f"has no {SUMS}"):
        unpack(folder)
