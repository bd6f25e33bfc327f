import io
import json
import os
import threading
from io import FileIO

import numpy as np
import pytest
from formats.track_files import header
from sinks.live_results import live_result, warnings

from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.sinks.fan_out import Sinks
from pose_track.sinks.json_lines import JsonLines, TracksFile
from pose_track.structures.skeleton import COCO_17, POSETRACK_15

RESULTS = [live_result(0), live_result(2, [7]), live_result(5, [3, 8, 1], unconfirmed=[8]), live_result(6)]


def send(sink):
    with Sinks([sink]) as sinks:
        for result in RESULTS:
            sinks.show(result)
    return sinks


def check_frames(path):
    """The file has the results, and says which people are unconfirmed."""
    read_header, frames = read_tracks(path)
    assert read_header == header(POSETRACK_15)
    frames_read = list(frames)
    assert frames.fault is None
    for result, read in zip(RESULTS, frames_read, strict=True):
        assert (read.frame_index, read.track_ids.tolist()) == (result.frame.index, result.people.track_ids.tolist())
        assert read.confirmed.tolist() == result.people.confirmed.tolist()
        np.testing.assert_allclose(read.poses.joints, result.people.poses.joints, atol=0.00501)


def test_a_file_is_read_back(tmp_path):
    path = tmp_path / "a.jsonl"
    send(TracksFile(path, header(POSETRACK_15)))
    check_frames(path)
    assert json.loads(path.read_text().splitlines()[0])["complete"] is True


def test_a_stream_is_read_back(tmp_path):
    path = tmp_path / "a.jsonl"
    send(JsonLines(FileIO(path, "wb"), header(POSETRACK_15)))
    check_frames(path)


class SlowFile(FileIO):
    """Takes 10 bytes at a time, as a pipe may."""

    def write(self, content):
        return super().write(bytes(content[:10]))


def test_lines_are_whole_where_a_stream_takes_parts(tmp_path):
    path = tmp_path / "a.jsonl"
    send(JsonLines(SlowFile(path, "wb"), header(POSETRACK_15)))
    check_frames(path)


def test_each_line_is_out_at_once(tmp_path):
    for sink in (
        TracksFile(tmp_path / "a", header(POSETRACK_15)),
        JsonLines(FileIO(tmp_path / "b", "wb"), header(POSETRACK_15)),
    ):
        path = tmp_path / ("a" if isinstance(sink, TracksFile) else "b")
        for count, result in enumerate(RESULTS, start=1):
            sink.send(result)
            assert len(path.read_text().splitlines()) == 1 + count
        sink.close()


def test_the_run_ends_with_the_reader_of_a_pipe(caplog):
    reader, writer = os.pipe()
    os.close(reader)
    with Sinks([JsonLines(FileIO(writer, "wb"), header(POSETRACK_15))]) as sinks:
        sinks.show(RESULTS[1])
        assert sinks.stop_requested.wait(10)
    assert warnings(caplog) == []


def test_a_reader_who_pauses_misses_nothing_that_fits(tmp_path):
    reader, writer = os.pipe()
    received = []

    def read():
        with open(reader, "rb") as stream:
            received.extend(stream)

    results = [live_result(index, [1, 2, 3, 4]) for index in range(200)]  # above the 64 kB of a pipe
    with Sinks([JsonLines(FileIO(writer, "wb"), header(POSETRACK_15))]) as sinks:
        for result in results:
            sinks.show(result)
        thread = threading.Thread(target=read)
        thread.start()
    thread.join()
    assert [json.loads(line)["frame"] for line in received[1:]] == list(range(200))
    assert sinks.summary() == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said_once(caplog):
    sinks = send(JsonLines(FileIO("/dev/full", "wb"), header(POSETRACK_15)))
    assert sinks.summary()[0].startswith("jsonl: failed")
    (message,) = warnings(caplog)
    assert "No space left" in message


def test_a_file_with_an_error_is_not_complete(tmp_path):
    path = tmp_path / "a.jsonl"
    with Sinks([TracksFile(path, header(POSETRACK_15))]) as sinks:
        sinks.show(live_result(3, [1]))
        sinks.show(live_result(3, [1]))  # the same frame again
    assert sinks.summary() == ["jsonl: failed"]
    _, frames = read_tracks(path)
    assert [people.frame_index for people in frames] == [3]
    assert frames.fault is not None


@pytest.mark.parametrize("open_sink", [lambda h, path: TracksFile(path, h), lambda h, path: JsonLines(io.BytesIO(), h)])
def test_an_invalid_header_is_refused_before_the_run(open_sink, tmp_path):
    with pytest.raises(ValueError, match="joint_names are not those"):
        open_sink({**header(COCO_17), "skeleton": "posetrack_15"}, tmp_path / "a")
