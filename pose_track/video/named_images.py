"""The pictures that a file of poses speaks of, found below a folder, one in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PureWindowsPath

from pose_track.structures.frames import Frame, ImageArray
from pose_track.video.reader import open_video

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".ts", ".wmv")


def path_below(root: Path, name: str) -> Path:
    """`root`/`name`, where the name is a path in a file that may be from anywhere and any system.

    Raises ValueError where it would leave the root: an absolute path, one with a drive or with "..".

    >>> path_below(Path("data"), "images\\\\a/000001.jpg").as_posix()
    'data/images/a/000001.jpg'
    """
    path = PureWindowsPath(name)  # knows the separators and drives of all systems
    if not path.name or path.anchor or ".." in path.parts:
        raise ValueError(f"the name of a picture must be a path below the folder of pictures, got {name!r}")
    return root.joinpath(*path.parts)


class NamedImages(ExitStack):
    """The pictures of one sequence, to be read in rising order of its frames; used in a `with` statement.

    root: the folder of pictures, which is never left; name: the sequence's. A picture is looked for under the name that
    the file gives it, under that name's last part, and under that in the folder `name`. From the first one on that is
    in none of these places, frames are counted from 0 in a video `name`.mp4 (or another of VIDEO_SUFFIXES) or, for a
    file that names no pictures, in the folder `name`. Raises NotADirectoryError where `root` is no folder.
    """

    def __init__(self, root: Path, name: str) -> None:
        super().__init__()
        if not root.is_dir():
            raise NotADirectoryError(f"{str(root)!r} is no folder of pictures; check the path")
        self._root, self._name = root, name
        self._video: Iterator[Frame] | None = None

    def read(self, image_name: str, index: int) -> ImageArray:
        """(H, W, 3) uint8 RGB, upright. image_name: "" where the file gives none.

        Raises FileNotFoundError naming what was looked for, ValueError for a name that leaves the root and a video
        that is too short, and DecodeError for a picture that is damaged.
        """
        if self._video is None:
            picture = next((place for place in self._places(image_name) if place.is_file()), None)
            if picture is not None:
                with open_video(picture) as reader:
                    return next(iter(reader)).image
            self._video = self._open_video(image_name, index)
        for frame in self._video:
            if frame.index == index:
                return frame.image
        raise ValueError(f"frame {index} of {self._name!r} is not in its video, which ends before")

    def _places(self, image_name: str) -> list[Path]:
        """Where the picture of a name may be; nowhere without a name."""
        if not image_name:
            return []
        whole = path_below(self._root, image_name)
        return [whole, self._root / whole.name, path_below(self._root, f"{self._name}/{whole.name}")]

    def _open_video(self, image_name: str, index: int) -> Iterator[Frame]:
        """What holds the frames where there is no picture of the name."""
        folder = path_below(self._root, self._name)
        videos = [folder.with_name(folder.name + suffix) for suffix in VIDEO_SUFFIXES]
        found = [path for path in videos if path.is_file()] + ([folder] if folder.is_dir() and not image_name else [])
        if not found:
            looked = ", ".join(str(path) for path in (*self._places(image_name), videos[0]))
            raise FileNotFoundError(f"there is no picture of frame {index}; looked for {looked}")
        return iter(self.enter_context(open_video(found[0])))
