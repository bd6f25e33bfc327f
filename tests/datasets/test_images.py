from __future__ import annotations

import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_track.datasets.images import ImageStore, decode_image

PICTURE = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def png(image: np.ndarray = PICTURE) -> bytes:
    return cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture(params=["folder", "tar"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ImageStore:
    files = {"a.png": png(), "sub/b.png": png(PICTURE[::-1]), "broken.jpg": b"no picture", "empty.jpg": b""}
    if request.param == "tar":
        return ImageStore(write_tar(tmp_path / "set.tar", {f"./{name}": data for name, data in files.items()}))
    (tmp_path / "set" / "sub").mkdir(parents=True)
    for name, data in files.items():
        (tmp_path / "set" / name).write_bytes(data)
    (tmp_path / "outside.png").write_bytes(png())
    return ImageStore(tmp_path / "set")


def test_reads_rgb_by_name(store: ImageStore) -> None:
    np.testing.assert_array_equal(store.read("a.png"), PICTURE)
    np.testing.assert_array_equal(store.read("sub/b.png"), PICTURE[::-1])
    np.testing.assert_array_equal(store.read("a.png"), PICTURE)  # again, after another one


@pytest.mark.parametrize("name", ["broken.jpg", "empty.jpg"])
def test_broken_picture_is_named(store: ImageStore, name: str) -> None:
    with pytest.raises(ValueError, match=rf"set.*{name}: not a picture"):
        store.read(name)


@pytest.mark.parametrize("name", ["c.png", "sub", "sub/none.png"])
def test_missing_picture_is_named(store: ImageStore, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"has no picture '{name}'"):
        store.read(name)


@pytest.mark.parametrize("name", ["../outside.png", "sub/../../outside.png", "/etc/hostname"])
def test_names_do_not_leave_the_folder(store: ImageStore, name: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=r"leaves the image folder|has no picture"):
        store.read(name)


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no images at .*nowhere"):
        ImageStore(tmp_path / "nowhere")
    for path in (
        write_tar(tmp_path / "packed.tar.gz", {"a.png": png()}, "w:gz"),
        tmp_path / "text.txt",
    ):
        if not path.exists():
            path.write_text("text")
        with pytest.raises(ValueError, match=rf"{path.name} is not an uncompressed tar file"):
            ImageStore(path)


def test_stored_orientation_is_kept() -> None:
    """Labels count in stored pixels: a picture is not turned by what its EXIF data say."""
    jpeg = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    turned = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # TIFF header, one entry: orientation 6
    exif = b"Exif\0\0" + turned
    with_exif = jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(with_exif, np.uint8), cv2.IMREAD_COLOR).shape == (9, 6, 3)  # OpenCV would turn it
    assert decode_image(with_exif, "a.jpg").shape == (6, 9, 3)
