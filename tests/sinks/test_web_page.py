import http.client
import json
import socket
import threading
import time

import av
import numpy as np
import pytest
from sinks.live_results import FPS, HEIGHT, WIDTH, eventually, grey_of, live_result

from pose_track.sinks import web_page
from pose_track.sinks.fan_out import Sinks
from pose_track.sinks.web_page import WebPage


@pytest.fixture
def page():
    page = WebPage(port=0)
    yield page
    page.close()


def port_of(page):
    return int(page.url.removesuffix("/").rpartition(":")[2])


def get(page, path, host=None):
    """Status, content type and content of a path. host: what the request names, where this is not the page's."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(page), timeout=10)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, response.getheader("Content-Type"), content


def viewer(page, path):
    """A connection that has asked for a path and read nothing yet."""
    connection = socket.create_connection(("127.0.0.1", port_of(page)), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def num_viewers(page):
    return len(page._server._connections)


class Stream:
    """Sends frames, 0, 1, 2, ... at a rate until the context is left."""

    def __init__(self, sink):
        self._sink, self._ended = sink, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.num_sent = 0

    def _run(self):
        while not self._ended.wait(1 / FPS / 4):
            self._sink.send(live_result(self.num_sent, [1]))
            self.num_sent += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()


def test_the_page_shows_the_stream(page):
    status, content_type, content = get(page, "/")
    assert (status, content_type) == (200, "text/html; charset=utf-8")
    assert b'<img src="stream.mjpg"' in content


def decode(url, count):
    """Grey levels of the first images of a stream."""
    with av.open(url, timeout=10, format="mpjpeg") as container:
        images = [image.to_ndarray(format="rgb24") for image, _ in zip(container.decode(video=0), range(count))]  # noqa: B905
    assert all(image.shape == (HEIGHT, WIDTH, 3) for image in images)
    return [float(image.mean()) for image in images]


def test_the_stream_is_decoded_by_ffmpeg(page):
    with Stream(page) as stream:
        greys = decode(f"{page.url}stream.mjpg", 20)
    sent = np.array([grey_of(index) for index in range(stream.num_sent)])
    indices = [int(np.abs(sent - grey).argmin()) for grey in greys]
    assert np.abs(sent[indices] - greys).max() < 3  # JPEG
    assert indices == sorted(indices)


def test_a_viewer_who_stalls_does_not_stall_another(page):
    stalled = viewer(page, "/stream.mjpg")
    eventually(lambda: num_viewers(page) == 1)
    big = live_result(0)
    big._annotated = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), dtype=np.uint8)  # 2 MB as JPEG
    for _ in range(4):
        page.send(big)
        time.sleep(0.05)
    page.send(live_result(0))
    with Stream(page):
        started = time.monotonic()
        assert len(decode(f"{page.url}stream.mjpg", 20)) == 20
        assert time.monotonic() - started < 5
        eventually(lambda: num_viewers(page) == 1)  # the one who stalls
    stalled.close()


def test_a_viewer_who_takes_nothing_is_disconnected(monkeypatch):
    monkeypatch.setattr(web_page._Handler, "timeout", 0.2)
    page = WebPage(port=0)
    stalled = viewer(page, "/stream.mjpg")
    eventually(lambda: num_viewers(page) == 1)
    big = live_result(0)
    big._annotated = np.random.default_rng(0).integers(0, 255, (2160, 3840, 3), dtype=np.uint8)
    page.send(big)
    eventually(lambda: num_viewers(page) == 0)
    stalled.close()
    page.close()


def test_poses_are_those_of_the_newest_frame(page):
    assert get(page, "/poses")[0] == 204
    result = live_result(5, [3, 8], unconfirmed=[8])
    page.send(live_result(4))
    page.send(result)
    status, content_type, content = get(page, "/poses")
    assert (status, content_type) == (200, "application/json")
    assert json.loads(content) == {**result.people.to_dict(), "width": WIDTH, "height": HEIGHT}


def test_events_follow_the_frames(page):
    connection = viewer(page, "/events")
    frames = []
    with connection.makefile("rb") as lines:
        assert lines.readline().split()[1] == b"200"
        while lines.readline().strip():
            pass  # headers
        for index in range(5):
            page.send(live_result(index, [2]))
            frames.append(json.loads(lines.readline().removeprefix(b"data: "))["frame"])
            assert lines.readline() == b"\n"
    connection.close()
    assert frames == list(range(5))


@pytest.mark.parametrize("path", ["/..", "/etc/passwd", "/../../etc/passwd", "/stream", "/%2e%2e/"])
def test_nothing_else_is_served(page, path):
    assert get(page, path)[::2] == (404, b"")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("127.0.0.1:8080", 200),
        ("192.168.1.7", 200),  # behind a router that forwards a port
        ("[::1]:8080", 200),
        (socket.gethostname(), 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_another_name_of_this_machine_is_refused(page, host, status):
    """A web page whose own name leads here, by DNS rebinding, could read the poses otherwise."""
    page.send(live_result(0))
    assert get(page, "/poses", host)[0] == status


def test_another_method_is_refused(page):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(page), timeout=10)
    connection.request("POST", "/poses", body=b"{}")
    assert connection.getresponse().status == 501
    connection.close()


def test_only_this_machine_can_connect_by_default(page):
    assert page.url.startswith("http://127.0.0.1:")
    assert page._server.socket.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_an_error(page):
    with pytest.raises(OSError, match=r"."):
        WebPage(port=port_of(page))


def test_viewers_are_limited(page, monkeypatch):
    monkeypatch.setattr(web_page, "MAX_VIEWERS", 2)
    viewers = [viewer(page, "/events") for _ in range(2)]
    eventually(lambda: num_viewers(page) == 2)
    with viewer(page, "/events") as third:
        assert third.recv(100) == b""
    viewers.pop().close()
    page.send(live_result(0))
    page.send(live_result(1))  # writing to the viewer who left fails at the second time
    eventually(lambda: page.send(live_result(2)) or num_viewers(page) == 1)
    assert get(page, "/")[0] == 200
    for connection in viewers:
        connection.close()


def test_no_thread_is_left():
    before = set(threading.enumerate())
    page = WebPage(port=0)
    with Sinks([page]) as sinks:
        sinks.show(live_result(0))
        viewers = [viewer(page, path) for path in ("/stream.mjpg", "/events", "/stream.mjpg")]
        idle = socket.create_connection(("127.0.0.1", port_of(page)))  # asks for nothing
        eventually(lambda: num_viewers(page) == 4)
        started = time.monotonic()
    assert time.monotonic() - started < 1.5
    assert set(threading.enumerate()) == before
    for connection in (*viewers, idle):
        connection.close()
    assert sinks.summary() == []


def test_a_closed_port_can_be_taken_again():
    page = WebPage(port=0)
    connection = viewer(page, "/")
    connection.recv(100)
    page.close()
    WebPage(port=port_of(page)).close()
    connection.close()
