import threading
import time

import pytest
from sinks.live_results import HEIGHT, WIDTH, Recorder, eventually, live_result, warnings

from pose_track.sinks.fan_out import MAX_WAITING_POSES, Sinks
from pose_track.sinks.sink import StopRun


@pytest.fixture
def gate():
    """Blocks sinks that wait for it, at most until the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def num_sink_threads():
    return sum(thread.name.startswith("sink") for thread in threading.enumerate())


def test_each_sink_gets_each_result_in_a_thread_of_its_own():
    recorders = [Recorder(poses_only=True), Recorder(poses_only=True)]
    with Sinks(recorders) as sinks:
        for index in range(20):
            sinks.show(live_result(index))
    for recorder in recorders:
        assert recorder.indices == list(range(20))
        assert recorder.num_closed == 1
    assert len({threading.current_thread(), *(recorder.thread for recorder in recorders)}) == 3
    assert sinks.summary() == []
    assert num_sink_threads() == 0


def test_of_images_the_newest_waits(gate):
    recorder = Recorder(lambda result: gate.wait(10))
    with Sinks([recorder]) as sinks:
        sinks.show(live_result(0))
        eventually(lambda: not sinks._workers[0]._waiting)  # frame 0 is being sent
        for index in range(1, 10):
            sinks.show(live_result(index))
        gate.set()
    assert recorder.indices == [0, 9]
    assert sinks.summary() == ["recorder: 8 of 10 frames dropped"]


def test_poses_wait_up_to_a_limit_and_without_images(gate):
    recorder = Recorder(lambda result: gate.wait(10), poses_only=True)
    with Sinks([recorder]) as sinks:
        sinks.show(live_result(0, [4]))
        eventually(lambda: not sinks._workers[0]._waiting)
        for index in range(1, MAX_WAITING_POSES + 4):
            sinks.show(live_result(index, [4]))
        gate.set()
    assert recorder.indices == [0, *range(4, MAX_WAITING_POSES + 4)]
    assert sinks.summary() == [f"recorder: 3 of {MAX_WAITING_POSES + 4} frames dropped"]
    assert all(result.frame.image.nbytes == 0 for result in recorder.results)
    assert all(result.people.track_ids.tolist() == [4] for result in recorder.results)


def test_images_are_those_of_the_results():
    recorder = Recorder()
    with Sinks([recorder]) as sinks:
        sinks.show(live_result(3))
    assert recorder.results[0].annotated().shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("poses_only", [False, True])
def test_a_sink_that_blocks_for_ever_stalls_nobody(gate, poses_only, caplog):
    """A thousand calls in 2 s are at most 2 ms each, on any machine; and leaving takes no longer than its limit."""
    blocked, free = Recorder(lambda result: gate.wait(60), poses_only), Recorder(poses_only=True)
    with Sinks([blocked, free], close_seconds=0.3) as sinks:
        result = live_result(0)
        started = time.monotonic()
        for _ in range(1000):
            sinks.show(result)
            time.sleep(0)  # the other sink is let in
        assert time.monotonic() - started < 2
        eventually(lambda: not sinks._workers[1]._waiting)
        left = time.monotonic()
    assert 0.25 < time.monotonic() - left < 1.5
    assert warnings(caplog) == ["recorder: does not take its last frames, and is left behind"]
    assert blocked.results == []
    assert len(free.results) + sinks._workers[1]._dropped == 1000
    assert "recorder: 999 of 1000 frames dropped" in sinks.summary()
    gate.set()
    eventually(lambda: num_sink_threads() == 0)


def test_an_error_ends_its_own_sink_only(caplog):
    def fail(result):
        if result.frame.index == 2:
            raise OSError("the cable is cut")

    broken, other = Recorder(fail, poses_only=True), Recorder(poses_only=True)
    with Sinks([broken, other]) as sinks:
        for index in range(3):
            sinks.show(live_result(index))
        eventually(lambda: broken.num_closed)
        for index in range(3, 6):
            sinks.show(live_result(index))
    assert (broken.indices, other.indices) == ([0, 1], list(range(6)))
    assert warnings(caplog) == ["recorder: the cable is cut; it gets no more frames"]
    assert sinks.summary() == ["recorder: failed"]
    assert not sinks.stop_requested.is_set()
    assert (broken.num_closed, other.num_closed) == (1, 1)


def test_a_sink_can_end_the_run(caplog):
    def stop(result):
        raise StopRun

    recorder = Recorder(stop)
    with Sinks([recorder]) as sinks:
        assert not sinks.stop_requested.is_set()
        sinks.show(live_result(0))
        assert sinks.stop_requested.wait(10)
        sinks.show(live_result(1))
    assert recorder.num_closed == 1
    assert (sinks.summary(), warnings(caplog)) == ([], [])


def test_an_error_on_closing_is_a_warning(caplog):
    recorder = Recorder()
    recorder.close = lambda: 1 // 0
    with Sinks([recorder]) as sinks:
        sinks.show(live_result(0))
    assert warnings(caplog) == ["recorder: cannot be closed: integer division or modulo by zero"]
    assert sinks.summary() == ["recorder: failed"]


def test_what_waits_is_sent_after_an_error_of_the_tracker():
    recorder = Recorder(lambda result: time.sleep(0.01), poses_only=True)

    def run():
        with Sinks([recorder]) as sinks:
            for index in range(10):
                sinks.show(live_result(index))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run()
    assert recorder.indices == list(range(10))
    assert num_sink_threads() == 0
