"""The images of a COCO data set that was made from a video."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import cv2

from pose_track.formats.coco_dataset import image_file_name
from pose_track.structures.sequence import FrameSource
from pose_track.utils.atomic import atomic_folder
from pose_track.video.reader import open_video

_JPEG_QUALITY = 95


def extract_images(source: FrameSource, video: str | Path, folder: Path) -> int:
    """Write the frames of a source, by their indices in the video, under the file names that `write_coco_dataset` gives
    them, and return how many. The folder appears only when it is complete.

    Raises ValueError where the video lacks one of the frames, or a file name leads out of the folder; and what
    `open_video` raises.
    """
    names = {info.index: image_file_name(info, source.name) for info, _ in source}
    for name in names.values():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"the image name {name!r} leads out of the folder of the images")
    missing = set(names)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder) as temporary, open_video(video) as reader:
        for frame in reader:
            if frame.index not in missing:
                continue
            path = temporary / names[frame.index]
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_image(path, frame.image[..., ::-1])
            missing.discard(frame.index)
            if not missing:
                break
        if missing:
            raise ValueError(f"{str(video)!r} lacks {len(missing)} frames of {source.name}, such as {min(missing)}")
    return len(names)


def _write_image(path: Path, image: cv2.typing.MatLike) -> None:
    """Write a BGR image in the format of its name, JPEG for an unknown one."""
    suffix = path.suffix if cv2.haveImageWriter(path.name) else ".jpg"
    _, content = cv2.imencode(suffix, image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    path.write_bytes(content.tobytes())
