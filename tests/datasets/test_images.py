from __future__ import annotations

import io
import multiprocessing
import pickle
import tarfile
import zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pose_track.datasets import images
from pose_track.datasets.images import ImageStore, decode_image

IMAGE = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def png(image: np.ndarray = IMAGE) -> bytes:
    return cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def write_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("sub/", b"")  # an entry for the folder itself, as most programs write
        for name, data in members.items():
            file.writestr(name, data)
    return path


def write_folder(path: Path, members: dict[str, bytes]) -> Path:
    for name, data in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


KINDS = ["folder", "tar", "zip", "deflated zip"]


def write_store(kind: str, path: Path, members: dict[str, bytes]) -> Path:
    """Write the members to a folder, a tar file or a zip file; returns its path."""
    if kind == "folder":
        return write_folder(path, members)
    if kind == "tar":
        return write_tar(path.with_suffix(".tar"), {f"./{name}": data for name, data in members.items()})
    return write_zip(path.with_suffix(".zip"), members, zipfile.ZIP_STORED if kind == "zip" else zipfile.ZIP_DEFLATED)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ImageStore:
    files = {"a.png": png(), "sub/b.png": png(IMAGE[::-1]), "broken.jpg": b"no image", "empty.jpg": b""}
    (tmp_path / "outside.png").write_bytes(png())
    return ImageStore(write_store(request.param, tmp_path / "set", files))


def test_reads_rgb_by_name(store: ImageStore) -> None:
    np.testing.assert_array_equal(store.read("a.png"), IMAGE)
    np.testing.assert_array_equal(store.read("sub/b.png"), IMAGE[::-1])
    np.testing.assert_array_equal(store.read("a.png"), IMAGE)  # again, after another one


@pytest.mark.parametrize("name", ["broken.jpg", "empty.jpg"])
def test_broken_image_is_named(store: ImageStore, name: str) -> None:
    with pytest.raises(ValueError, match=rf"set.*{name}: not a JPEG"):
        store.read(name)


@pytest.mark.parametrize("name", ["c.png", "sub", "sub/none.png"])
def test_missing_image_is_named(store: ImageStore, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"no image '{name}'"):
        store.read(name)


@pytest.mark.parametrize("name", ["../outside.png", "sub/../../outside.png", "/etc/hostname"])
def test_names_do_not_leave_the_folder(store: ImageStore, name: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=r"leaves the image folder|no image"):
        store.read(name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_within(tmp_path: Path, kind: str) -> None:
    """The archives of COCO and MPII contain a folder that is not part of the file names."""
    path = write_store(kind, tmp_path / "set", {"other/a.png": png(), "train/x/a.png": png(IMAGE[::-1])})
    np.testing.assert_array_equal(ImageStore(path / "train" / "x").read("a.png"), IMAGE[::-1])
    np.testing.assert_array_equal(ImageStore(path / "train").read("x/a.png"), IMAGE[::-1])
    with pytest.raises(FileNotFoundError, match="no image"):
        ImageStore(path / "train").read("other/a.png")
    with pytest.raises(FileNotFoundError, match="none"):
        ImageStore(path / "none")


def test_missing_image_of_an_archive_shows_an_example_name(tmp_path: Path) -> None:
    store = ImageStore(write_zip(tmp_path / "set.zip", {"train/a.png": png()}))
    with pytest.raises(FileNotFoundError, match=r"'b\.png'.*'train/a\.png'"):
        store.read("b.png")


def numbered(count: int) -> dict[str, bytes]:
    return {f"{i}.png": png(np.full((4, 4, 3), i, np.uint8)) for i in range(count)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_read_in_threads_and_after_pickling(tmp_path: Path, kind: str) -> None:
    store = ImageStore(write_store(kind, tmp_path / "set", numbered(40)))
    copy = pickle.loads(pickle.dumps(store))
    with ThreadPoolExecutor(8) as pool:
        for reader in (store, copy):
            images = list(pool.map(reader.read, [f"{i}.png" for i in range(40)] * 3))
            assert [int(image[0, 0, 0]) for image in images] == list(range(40)) * 3


def test_a_store_is_read_by_new_processes(tmp_path: Path) -> None:
    store = ImageStore(write_zip(tmp_path / "set.zip", numbered(20), zipfile.ZIP_DEFLATED))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        images = list(pool.map(store.read, [f"{i}.png" for i in range(20)]))
    assert [int(image[0, 0, 0]) for image in images] == list(range(20))


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no images at .*nowhere; give a folder"):
        ImageStore(tmp_path / "nowhere")
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(ValueError, match=r"text\.txt is not a zip file or an uncompressed tar file"):
        ImageStore(tmp_path / "text.txt")
    with pytest.raises(FileNotFoundError, match=r"empty\.tar has no images$"):
        ImageStore(write_tar(tmp_path / "empty.tar", {}))


@pytest.mark.parametrize(("ending", "name"), [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz")])
def test_compressed_tar_file(tmp_path: Path, ending: str, name: str) -> None:
    path = write_tar(tmp_path / f"set.tar.{ending}", {"a.png": png()}, f"w:{ending}")
    with pytest.raises(ValueError, match=rf"{path.name} .*{name}.*unpack"):
        ImageStore(path)


def test_a_tar_file_with_a_zip_file_in_it(tmp_path: Path) -> None:
    """zipfile.is_zipfile takes it for a zip file."""
    inner = write_zip(tmp_path / "inner.zip", {"a.png": png()}).read_bytes()
    path = write_tar(tmp_path / "set.tar", {"b.png": png(), "inner.zip": inner})
    np.testing.assert_array_equal(ImageStore(path).read("b.png"), IMAGE)


def test_zip_files_that_are_not_read(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "whole.zip", {"a.png": png()}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-30])
    with pytest.raises(ValueError, match=r"cut\.zip is not a complete zip file"):
        ImageStore(tmp_path / "cut.zip")
    with pytest.raises(ValueError, match=r"odd\.zip: a\.png .*encrypted.*deflated"):
        ImageStore(write_zip(tmp_path / "odd.zip", {"a.png": png()}, zipfile.ZIP_BZIP2))
    locked = bytearray(whole)
    locked[locked.rindex(b"PK\1\2") + 8] |= 1  # the flag of encryption in the list of members
    (tmp_path / "odd.zip").write_bytes(locked)
    with pytest.raises(ValueError, match=r"odd\.zip: a\.png .*encrypted.*deflated"):
        ImageStore(tmp_path / "odd.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_image_of_a_zip_file_is_named(tmp_path: Path, method: int) -> None:
    path = write_zip(tmp_path / "set.zip", {"a.png": png(), "b.png": png()}, method)
    store, data = ImageStore(path), bytearray(path.read_bytes())
    data[data.index(b"a.png") + 40 : data.index(b"a.png") + 60] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"set\.zip: a\.png is damaged"):
        store.read("a.png")
    np.testing.assert_array_equal(store.read("b.png"), IMAGE)


def test_truncated_jpeg_file_is_named() -> None:
    """OpenCV before version 5 fills the rest with grey."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    for cut in (len(jpeg) // 2, len(jpeg) - 2, 100):
        with pytest.raises(ValueError, match=r"^a\.jpg: .*truncated"):
            decode_image(jpeg[:cut], "a.jpg")
    assert decode_image(jpeg + b"\xff\xdatrailing data", "a.jpg").shape == (64, 64, 3)


def jpeg_of(image: np.ndarray, orientation: int) -> bytes:
    """A JPEG file with EXIF orientation."""
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


def shown(stored: np.ndarray, orientation: int) -> np.ndarray:
    """A stored image as it is shown (Exif 2.3, tag 274)."""
    image = stored.transpose(1, 0, 2) if orientation >= 5 else stored
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return image[:: -1 if rows else 1, :: -1 if columns else 1]


@given(st.integers(1, 8), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_labels_count_in_the_shown_image_or_in_the_declared_one(
    orientation: int, width: int, height: int, is_declared: bool
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    stored = decode_image(jpeg_of(image, 1), "a.jpg")
    upright, data = shown(stored, orientation), jpeg_of(image, orientation)
    size = (upright.shape[1], upright.shape[0]) if is_declared else None
    np.testing.assert_array_equal(decode_image(data, "a.jpg", size), upright)
    if upright.shape != stored.shape:
        np.testing.assert_array_equal(decode_image(data, "a.jpg", (width, height)), stored)


@given(st.integers(1, 8), st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_an_image_of_another_size_is_named(orientation: int, size: tuple[int, int]) -> None:
    image = np.zeros((30, 20, 3), np.uint8)
    assume(size not in ((20, 30), (30, 20)))
    for data in (jpeg_of(image, orientation), png(image)):
        with pytest.raises(ValueError, match=rf"a\.jpg .*20x30.*{size[0]}x{size[1]}"):
            decode_image(data, "a.jpg", size)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("written", ["sub/b.png", "sub\\b.png"])
def test_names_from_windows(tmp_path: Path, kind: str, written: str) -> None:
    """With backslashes in the labels, and in the archive, as old programs write them."""
    members = {written if "zip" in kind else "sub/b.png": png()}
    store = ImageStore(write_store(kind, tmp_path / "set", members))
    for name in ("sub\\b.png", "sub/b.png", ".\\sub\\b.png", "./sub//b.png"):
        np.testing.assert_array_equal(store.read(name), IMAGE)
    for name in ("..\\set\\sub\\b.png", "..\\..\\b.png", "C:\\sub\\b.png"):
        with pytest.raises((ValueError, FileNotFoundError), match=r"leaves the image folder|no image"):
            ImageStore(store.path / "sub").read(name)


def test_a_backslash_can_be_part_of_a_name(tmp_path: Path) -> None:
    store = ImageStore(write_folder(tmp_path / "set", {"a\\b.png": png(), "a/b.png": png(IMAGE[::-1])}))
    np.testing.assert_array_equal(store.read("a\\b.png"), IMAGE)


def test_a_missing_image_names_the_folder_that_has_it(tmp_path: Path) -> None:
    store = ImageStore(write_zip(tmp_path / "set.zip", {"a/x.png": png(), "train/sub/b.png": png()}))
    with pytest.raises(FileNotFoundError, match=r"sub/b\.png.*give .*set\.zip/train\b"):
        store.read("sub/b.png")


@pytest.mark.parametrize("suffix", [".jp2", ".avif"])
def test_other_kinds_of_images_are_not_decoded(suffix: str) -> None:
    """Their declared size is not read, and OpenCV makes 432 MB of a JPEG 2000 file of 1,588 bytes."""
    if not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this build of OpenCV has no {suffix}")
    data = cv2.imencode(suffix, np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    with pytest.raises(ValueError, match=r"b\.jpg: not a JPEG"):
        decode_image(data, "b.jpg")


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_a_file_larger_than_any_picture_is_not_read(tmp_path: Path, kind: str) -> None:
    store = tmp_path / "set"
    if kind == "folder":
        store.mkdir()
    path = store / "a.jpg" if kind == "folder" else tmp_path / "set.tar"
    with path.open("wb") as file:  # the rest takes no place on the disk
        info = tarfile.TarInfo("a.jpg")
        info.size = 2**33
        file.write(b"" if kind == "folder" else info.tobuf())
        file.truncate(2**33 + 4096)
    with pytest.raises(ValueError, match=r"a\.jpg has 819\d MB"):
        ImageStore(store if kind == "folder" else path).read("a.jpg")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some zip files are small and unpack to gigabytes."""
    monkeypatch.setattr(images, "_MAX_FILE_BYTES", 2**20)
    path = write_zip(tmp_path / "bomb.zip", {"a.png": bytes(2**20 + 1), "b.png": png()}, zipfile.ZIP_DEFLATED)
    store = ImageStore(path)
    assert store.read("b.png").ndim == 3
    with pytest.raises(ValueError, match=r"a\.png .*1 MB"):
        store.read("a.png")


def test_a_tar_file_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.png")
    info.size = 8 * 2**30
    (tmp_path / "lie.tar").write_bytes(info.tobuf() + bytes(20_000))
    with pytest.raises(ValueError, match=r"lie\.tar.*a\.png"):
        ImageStore(tmp_path / "lie.tar")
