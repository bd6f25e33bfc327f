"""The images that a pose file names, found below a folder; one image is in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Frame
from pose_track.video.paths import VIDEO_SUFFIXES, path_below, video_beside
from pose_track.video.reader import open_video


class NamedImages(ExitStack):
    """The images of one sequence; a context manager. Read them in ascending order of frames.

    root: the folder of images; no file outside it is read.
    name: the sequence's name.

    An image is looked for below `root` under the name in the pose file, under the last part of that name, and under
    that part in the folder `name`. At the first image that is in none of these places, reading switches for good to a
    video `name`.mp4 (or another of VIDEO_SUFFIXES), or, where the file names no images, to the folder `name`; there,
    frames are counted from 0. Raises NotADirectoryError where `root` is not a folder.
    """

    def __init__(self, root: Path, name: str) -> None:
        super().__init__()
        if not root.is_dir():
            raise NotADirectoryError(f"{str(root)!r} is not a folder of images; check the path")
        self._root, self._name = root, name
        self._video: Iterator[Frame] | None = None

    def read(self, image_name: str, index: int) -> ImageArray:
        """(H, W, 3) uint8 RGB, upright. image_name: "" where the file gives none; index: of the frame in a video.

        Raises FileNotFoundError naming the paths that were tried; ValueError for a name that leaves the root, and for
        a video that is too short; DecodeError for a damaged image.
        """
        if self._video is None:
            path = next((path for path in self._candidates(image_name) if path.is_file()), None)
            if path is not None:
                with open_video(path) as reader:
                    return next(iter(reader)).image
            self._video = self._open_video(image_name, index)
        for frame in self._video:
            if frame.index == index:
                return frame.image
        raise ValueError(f"the video of {self._name!r} ends before frame {index}; check that it belongs to the file")

    def _candidates(self, image_name: str) -> list[Path]:
        """Where an image may be; empty without a name."""
        if not image_name:
            return []
        path = path_below(self._root, image_name)
        return [path, self._root / path.name, path_below(self._root, f"{self._name}/{path.name}")]

    def _open_video(self, image_name: str, index: int) -> Iterator[Frame]:
        """The frames of the video, or folder, that stands in for a missing image."""
        folder = path_below(self._root, self._name)
        source = video_beside(folder) or (folder if folder.is_dir() and not image_name else None)
        if source is None:
            tried = [*self._candidates(image_name), folder.with_name(folder.name + VIDEO_SUFFIXES[0])]
            raise FileNotFoundError(f"there is no image of frame {index}; looked for {', '.join(map(str, tried))}")
        return iter(self.enter_context(open_video(source)))
