import socket
import struct
import threading

import numpy as np
import pytest
from sinks.live_results import HEIGHT, WIDTH, eventually, live_result

from pose_track.sinks.fan_out import Sinks
from pose_track.sinks.osc import MAX_BUNDLE_BYTES, Osc, bundles, messages
from pose_track.structures.skeleton import POSETRACK_15, Skeleton

pythonosc = pytest.importorskip("pythonosc", reason="an independent receiver: pip install python-osc")
from pythonosc.dispatcher import Dispatcher  # noqa: E402
from pythonosc.osc_bundle import OscBundle  # noqa: E402
from pythonosc.osc_server import BlockingOSCUDPServer  # noqa: E402


@pytest.fixture
def receiver():
    """A server of python-osc, and the list of the (address, arguments) that it receives."""
    received = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *arguments: received.append((address, arguments)))
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1], received
        server.shutdown()
        thread.join()


def sent(receiver, *results):
    """What the receiver gets of the results."""
    port, received = receiver
    with Sinks([Osc("localhost", port, WIDTH, HEIGHT)]) as sinks:
        for result in results:
            sinks.show(result)
    content = sum(1 for result in results for _ in messages(result.people, WIDTH, HEIGHT))
    eventually(lambda: len(received) == content)
    return received


def test_a_frame_without_people(receiver):
    assert sent(receiver, live_result(15)) == [("/pose/frame", (15, 0.5, WIDTH, HEIGHT)), ("/pose/ids", ())]


def test_people_by_id_and_joints_by_name(receiver):
    result = live_result(30, [9, 4], unconfirmed=[4])
    received = dict(sent(receiver, result))
    assert received["/pose/ids"] == (9, 4)
    assert [received[f"/pose/{track_id}/box"][5] for track_id in (9, 4)] == [1, 0]
    poses = result.people.poses
    size = np.array([WIDTH, HEIGHT])
    for row, track_id in enumerate((9, 4)):
        *box, score, _ = received[f"/pose/{track_id}/box"]
        np.testing.assert_allclose(np.reshape(box, (2, 2)), (poses.boxes[row].reshape(2, 2) + 0.5) / size, rtol=1e-5)
        assert score == pytest.approx(poses.scores[row])
        for k, name in enumerate(POSETRACK_15.joint_names):
            x, y, joint_score = received[f"/pose/{track_id}/joint/{name}"]
            np.testing.assert_allclose((x, y), (poses.joints[row, k] + 0.5) / size, rtol=1e-5)
            assert joint_score == pytest.approx(poses.joint_scores[row, k])
    assert len(received) == 2 + 2 * (1 + 15)


def test_the_corners_of_the_image_are_0_and_1(receiver):
    """Pixel centres are whole numbers, so that the image reaches from -0.5 to its size - 0.5."""
    result = live_result(0, [1])
    result.people.poses.boxes[0] = [-0.5, -0.5, WIDTH - 0.5, HEIGHT - 0.5]
    assert dict(sent(receiver, result))["/pose/1/box"][:4] == (0, 0, 1, 1)


def test_many_people_take_several_bundles(receiver):
    result = live_result(1, range(1, 41))
    sizes = [len(bundle) for bundle in bundles(messages(result.people, WIDTH, HEIGHT))]
    assert len(sizes) > 1
    assert max(sizes) <= MAX_BUNDLE_BYTES
    received = [address for address, _ in sent(receiver, result)]
    assert len(received) == len(set(received)) == 2 + 40 * 16


def test_every_frame_is_sent(receiver):
    received = sent(receiver, *(live_result(index, [1]) for index in range(50)))
    assert [arguments[0] for address, arguments in received if address == "/pose/frame"] == list(range(50))


def test_a_bundle_is_for_now():
    (bundle,) = bundles(messages(live_result(0).people, WIDTH, HEIGHT))
    assert bundle[8:16] == struct.pack(">Q", 1)  # OSC 1.0: immediately
    assert OscBundle(bundle).num_contents == 2


@pytest.mark.parametrize("name", ["a joint", "tip*", "finger#1", "naïve", "a[0]", "what?"])
def test_characters_that_no_address_has_are_replaced(receiver, name):
    skeleton = Skeleton("odd", (name, "b"))
    addresses = [address for address, _ in sent(receiver, live_result(0, [1], skeleton=skeleton))]
    (address,) = (a for a in addresses if a.startswith("/pose/1/joint/") and not a.endswith("/b"))
    assert "_" in address
    assert address.isascii()
    assert not set(address) & set(" #*,?[]{}")


def test_nobody_has_to_listen(caplog):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with Sinks([Osc("127.0.0.1", port, WIDTH, HEIGHT)]) as sinks:
        for index in range(5):
            sinks.show(live_result(index, [1]))
    assert (sinks.summary(), caplog.records) == ([], [])


def test_an_unknown_host_is_an_error_at_once():
    with pytest.raises(OSError, match=r"."):
        Osc("no.such.host.invalid", 9000, WIDTH, HEIGHT)
