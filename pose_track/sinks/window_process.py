"""The child process of `window`: shows the images of its stdin until it ends or the user closes the window."""

from __future__ import annotations

import os
import threading
from collections import deque

import cv2

from pose_track.sinks.image_process import read_arguments, read_images
from pose_track.sinks.window import CLOSED_BY_USER
from pose_track.structures.arrays import ImageArray

_MAX_SIDE = 1280  # pixels of a new window; the user can change its size
_POLL_MILLISECONDS = 5
_QUIT_KEYS = (27, ord("q"), ord("Q"))


def main() -> int:
    title = str(read_arguments()["title"])
    newest: deque[ImageArray] = deque(maxlen=1)
    reader = threading.Thread(target=_read, args=(newest,), daemon=True)
    reader.start()
    is_open = False
    while reader.is_alive():
        if newest:
            image = newest.popleft()
            if not is_open:
                _open(title, image)
            is_open = True
            cv2.imshow(title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(_POLL_MILLISECONDS)
        if key in _QUIT_KEYS or (is_open and _is_closed(title)):
            return CLOSED_BY_USER
    return 0


def _read(newest: deque[ImageArray]) -> None:
    for _, image in read_images():
        newest.append(image)


def _open(title: str, image: ImageArray) -> None:
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    height, width = image.shape[:2]
    scale = min(1.0, _MAX_SIDE / max(height, width))
    cv2.resizeWindow(title, round(width * scale), round(height * scale))


def _is_closed(title: str) -> bool:
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:  # it does not exist any more
        return True


if __name__ == "__main__":
    os._exit(main())  # an orderly exit would wait for the thread that reads stdin
