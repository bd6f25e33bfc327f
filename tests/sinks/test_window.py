"""The window by stand-ins for OpenCV's functions, since a test has no display, and its process without them."""

import threading
import time
import types

import cv2
import numpy as np
import pytest
from sinks.live_results import live_result, warnings

from pose_track.sinks import window, window_process
from pose_track.sinks.fan_out import Sinks
from pose_track.sinks.sink import StopRun
from pose_track.sinks.window import CLOSED_BY_USER, Window, check_window


class Screen:
    """What the functions of OpenCV would show. key: pressed after the last image of `images`."""

    def __init__(self, key=-1, visible=1.0):
        self.images, self.size, self.key, self.visible = [], None, key, visible
        self.cv2 = types.SimpleNamespace(**{name: getattr(cv2, name) for name in dir(cv2) if name.isupper()})
        self.cv2.error, self.cv2.cvtColor = cv2.error, cv2.cvtColor
        self.cv2.namedWindow = lambda title, flags: None
        self.cv2.resizeWindow = lambda title, width, height: setattr(self, "size", (width, height))
        self.cv2.imshow = lambda title, image: self.images.append(image)
        self.cv2.waitKey = self.wait_key
        self.cv2.getWindowProperty = self.get_property

    def wait_key(self, milliseconds):
        time.sleep(0.001)
        return self.key if self.images else -1

    def get_property(self, title, name):
        if self.visible is None:
            raise cv2.error("no such window")
        return self.visible


@pytest.fixture
def endless():
    """The images of a child process: one, and no end of stdin until the test is over."""
    ended = threading.Event()
    image = np.zeros((1000, 2560, 3), np.uint8)
    image[..., 0] = 200

    def read_images():
        yield 0.0, image
        ended.wait(10)

    yield read_images
    ended.set()


def show(screen, read_images, monkeypatch):
    """The exit code of the child process."""
    monkeypatch.setattr(window_process, "cv2", screen.cv2)
    monkeypatch.setattr(window_process, "read_arguments", lambda: {"title": "pose_track"})
    monkeypatch.setattr(window_process, "read_images", read_images)
    return window_process.main()


@pytest.mark.parametrize("key", [27, ord("q")])
def test_a_key_ends_it(key, endless, monkeypatch):
    screen = Screen(key)
    assert show(screen, endless, monkeypatch) == CLOSED_BY_USER
    assert screen.images[0][0, 0].tolist() == [0, 0, 200]  # BGR
    assert screen.size == (1280, 500)


@pytest.mark.parametrize("visible", [0.0, None])
def test_closing_the_window_ends_it(visible, endless, monkeypatch):
    assert show(Screen(visible=visible), endless, monkeypatch) == CLOSED_BY_USER


def test_the_end_of_the_run_ends_it(monkeypatch):
    assert show(Screen(), lambda: iter(()), monkeypatch) == 0


CHILD = """
import sys
from pose_track.sinks.image_process import read_arguments, read_images
read_arguments()
for _ in read_images():
    {}
"""


@pytest.fixture
def run_child(tmp_path, monkeypatch):
    """Replaces the child process by one that does as told with each image."""

    def replace(code):
        (tmp_path / "stand_in_window.py").write_text(CHILD.format(code))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(window, "_MODULE", "stand_in_window")

    return replace


def send_until_it_ends(sink):
    for _ in range(2000):
        sink.send(live_result(0))
        time.sleep(0.005)


def test_the_user_ends_the_run(run_child):
    run_child(f"sys.exit({CLOSED_BY_USER})")
    with pytest.raises(StopRun):
        send_until_it_ends(Window())


def test_a_process_that_fails_says_why(run_child):
    run_child("raise ValueError('no such thing')")
    with pytest.raises(OSError, match=r"^cannot be shown: ValueError: no such thing$"):
        send_until_it_ends(Window())


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs signals")
def test_a_process_that_aborts_says_why(run_child):
    run_child(
        "print('no display', 'more about it', sep='\\n', file=sys.stderr); import os; sys.stderr.flush(); os.abort()"
    )
    with pytest.raises(OSError, match=r"^cannot be shown: no display$"):
        send_until_it_ends(Window())


def test_a_process_that_hangs_is_killed(run_child, monkeypatch, caplog):
    run_child("import time; time.sleep(60)")
    monkeypatch.setattr(window, "_LIMIT_SECONDS", 0.5)
    big = live_result(0)
    big._annotated = np.zeros((500, 500, 3), np.uint8)  # above what a pipe holds
    with Sinks([Window()], close_seconds=5) as sinks:
        started = time.monotonic()
        while not any("failed" in line for line in sinks.summary()):
            sinks.show(big)
            time.sleep(0.01)
            assert time.monotonic() - started < 20
    assert warnings(caplog) == ["window: takes no more frames; it gets no more frames"]


def test_a_headless_opencv_is_said_with_the_command(monkeypatch):
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    with pytest.raises(
        ImportError, match=r"headless; pip install --force-reinstall --no-deps opencv-python==\d+\.\d+\.\*"
    ):
        check_window()


def test_a_missing_display_is_said(monkeypatch):
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "QT")
    monkeypatch.setattr(window.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OSError, match="DISPLAY"):
        check_window()
    monkeypatch.setenv("DISPLAY", ":0")
    check_window()
