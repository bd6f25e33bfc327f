from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from pose_track.weights.container import detect_container

TENSORS = {"weight": torch.ones(3, 3)}


def saved(zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(TENSORS, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def zip_of(names: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as file:
        for name, content in names.items():
            file.writestr(name, content)
    return buffer.getvalue()


def script() -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1)), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"), [(save(TENSORS), "safetensors"), (saved(), "torch"), (saved(zipped=False), "torch")]
)
def test_containers_are_detected_by_content(tmp_path: Path, content: bytes, expected: str) -> None:
    for name in ("a.safetensors", "a.pth", "a"):
        (tmp_path / name).write_bytes(content)
        assert detect_container(tmp_path / name) == expected


PAGE = b"\n<!DOCTYPE html>\n<html><title>Sign in</title></html>"
IMAGE = np.zeros((4, 4, 3), np.uint8)

OTHERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "page": (lambda: PAGE, "HTML page"),
    "image": (lambda: cv2.imencode(".png", IMAGE)[1].tobytes(), r"image \(PNG\)"),
    "photo": (lambda: cv2.imencode(".jpg", IMAGE)[1].tobytes(), r"image \(JPEG\)"),
    "pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "Git LFS"),
    "text": (lambda: b'{"message": "not found"}\n', "text"),
    "noise": (lambda: bytes(range(200, 256)) * 9, "not a weights file"),
    "zeros": (lambda: bytes(5000), "not a weights file"),
    "pickle": (lambda: pickle.dumps({"weight": [1.0]}), "pickle"),
    "arrays": (lambda: zip_of({"weight.npy": b"\x93NUMPY"}), "zip archive without PyTorch weights"),
    "packed": (lambda: zip_of({"a/b.txt": b"", "a/w.pth": saved()}), r"zip archive with w\.pth in it; unpack it"),
    "TorchScript": (script, "TorchScript"),
    "bomb": (lambda: zip_of({"a/data.pkl": bytes(1 << 20)}, zipfile.ZIP_DEFLATED), "compressed archive"),
    "truncated zip": (lambda: saved()[:-30], "cut short"),
    "truncated safetensors": (lambda: save(TENSORS)[:20], "cut short"),
}


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_described_in_one_line(tmp_path: Path, name: str) -> None:
    content, description = OTHERS[name]
    (tmp_path / "given.pth").write_bytes(content())
    with pytest.raises(ValueError, match=rf"given\.pth' .*{description}.*another file$") as caught:
        detect_container(tmp_path / "given.pth")
    assert "\n" not in str(caught.value)


def result_or_message(path: Path) -> str:
    try:
        return detect_container(path)
    except ValueError as error:
        return str(error)


@given(start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x10" + bytes(7) + b"{"]), rest=st.binary(max_size=80))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_any_bytes_give_one_line(tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(start + rest)
    line = result_or_message(path)
    assert line == "safetensors" or (line.endswith("another file") and "\n" not in line)
