"""Networks in zip archives."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from pose_track.weights.archive import unpack_network

NETWORK = bytes(range(256)) * 20


def archive_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def error_message(archive: Path) -> str:
    target = archive.with_name("network.onnx")
    with pytest.raises(ValueError, match="archive") as caught:
        unpack_network(archive, target)
    return str(caught.value)


@pytest.mark.parametrize("folder", ["", "20230831/rtmpose_onnx/rtmpose-t/"])
def test_the_network_is_unpacked_alone(tmp_path: Path, folder: str) -> None:
    members = {f"{folder}end2end.onnx": NETWORK, f"{folder}deploy.json": b"{}", f"{folder}pipeline.json": b"{}"}
    archive = archive_of(tmp_path / "a.zip", members)
    unpack_network(archive, tmp_path / "network.onnx")
    assert (tmp_path / "network.onnx").read_bytes() == NETWORK
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "network.onnx"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "is a zip archive that is empty, instead of one end2end.onnx"),
        ({"model.onnx": NETWORK}, "is a zip archive that holds model.onnx, instead of one end2end.onnx"),
        ({"end2end.onnx/": b""}, "is empty"),
        ({"a/end2end.onnx": NETWORK, "b/end2end.onnx": NETWORK}, "holds end2end.onnx, end2end.onnx, instead of one"),
        ({f"{n}.txt": b"" for n in range(6)}, "holds 0.txt, 1.txt, 2.txt, 3.txt and 2 more, instead"),
    ],
)
def test_archives_with_other_members(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    assert message in error_message(archive_of(tmp_path / "a.zip", members))
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip"}


def test_what_is_no_whole_archive(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("end2end.onnx", NETWORK)
    for part in (b"", b"<!DOCTYPE html>", content.getvalue()[:-40], NETWORK):
        (tmp_path / "a.zip").write_bytes(part)
        assert "is not a whole zip archive" in error_message(tmp_path / "a.zip")


def test_a_damaged_network(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.zip", {"end2end.onnx": NETWORK})
    content = bytearray(archive.read_bytes())
    content[60] ^= 255
    archive.write_bytes(content)
    assert "is not a whole zip archive" in error_message(archive)
