"""Writing the frames of a video as PNG images."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import cv2

from pose_track.structures.arrays import ImageArray
from pose_track.video.encoding import Encoding, scaled


class ImageWriter:
    """Writes 000000.png, 000001.png, ... into a folder, which is created; a context manager. Older images of such names
    are removed.

    encoding: size of the images; its codec, quality and sound have no meaning for images.
    """

    def __init__(self, folder: Path, encoding: Encoding) -> None:
        self._folder, self._encoding = folder, encoding
        self.num_frames = 0
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("[0-9]" * 6 + ".png"):
            old.unlink()

    def write(self, image: ImageArray, pts_seconds: float | None = None) -> None:
        """Write the next frame. Raises OSError where that fails.

        image: (H, W, 3) uint8 RGB, or (H, W, 4) with its opacity. pts_seconds: images have no times.
        """
        height, width = image.shape[:2]
        image = scaled(image, self._encoding.size(width, height))
        order = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        _, content = cv2.imencode(".png", cv2.cvtColor(image, order))
        (self._folder / f"{self.num_frames:06d}.png").write_bytes(content.tobytes())
        self.num_frames += 1

    def __enter__(self) -> ImageWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All images are complete."""
