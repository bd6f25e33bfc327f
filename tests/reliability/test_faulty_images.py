"""A folder with hundreds of broken images: the intact ones are read, each of the others is an image or a fault."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from faulty_files import cuts, flips, textured_image, within_limit

from pose_track.structures.frames import Frame
from pose_track.video.reader import open_video
from pose_track.video.source import DamageError, Fault

SUFFIXES = (".jpg", ".png", ".bmp", ".webp", ".tif")

pytestmark = pytest.mark.slow


def write_folder(folder: Path) -> int:
    """Images of each kind cut and flipped, and an intact one before and after these; returns their number."""
    folder.mkdir()
    for name in ("0.png", "z.png"):
        assert cv2.imwrite(str(folder / name), textured_image(7)[..., ::-1])
    for suffix in SUFFIXES:
        source = folder.parent / f"source{suffix}"
        assert cv2.imwrite(str(source), textured_image(7)[..., ::-1])
        for copies in (cuts(source), flips(source)):
            for copy in copies:
                copy.rename(folder / f"{suffix[1:]}_{copy.name}")
    return len(list(folder.iterdir()))


def read_folder(folder: Path) -> tuple[list[Frame], list[Fault]]:
    frames: list[Frame] = []
    with open_video(folder) as reader, pytest.raises(DamageError, match=folder.name):
        frames.extend(reader)
    return frames, reader.faults


def test_each_image_is_read_or_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    num_images = write_folder(folder)
    frames, faults = within_limit(lambda: read_folder(folder), folder.name)
    read, broken = {frame.index for frame in frames}, {fault.frame_index for fault in faults}
    assert read | broken == set(range(num_images))
    assert not read & broken
    assert {frames[0].image_name, frames[-1].image_name} == {"0.png", "z.png"}
    assert np.array_equal(frames[0].image, frames[-1].image)
    names = [fault.cause for fault in faults]
    for suffix in SUFFIXES:
        assert sum(f"{suffix[1:]}_cut" in name for name in names) == 19, suffix
    print(
        "\n" + ", ".join(f"{s}: {sum(f'{s[1:]}_flip' in name for name in names)} of 40 flips noticed" for s in SUFFIXES)
    )
