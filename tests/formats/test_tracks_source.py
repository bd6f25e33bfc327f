import json
import logging

import numpy as np
import pytest
from formats.track_files import write_tracks

from pose_track.formats.tracks_source import TracksSource
from pose_track.structures.skeleton import COCO_17


def test_values_are_those_of_the_file(tmp_path):
    path = tmp_path / "tracks.jsonl"
    write_tracks(path, COCO_17, [[1, 2], [], [2]], source="videos/clip.mp4")
    source = TracksSource(path)
    assert (source.name, source.skeleton, source.fps) == ("clip", COCO_17, 25.0)
    assert (source.extra["width"], source.extra["height"]) == (640, 480)
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    for _ in range(2):  # each iteration starts at the first frame
        frames = list(source)
        assert [frame.index for frame, _ in frames] == [0, 1, 2]
        for (frame, people), line in zip(frames, lines, strict=True):
            assert (frame.pts_seconds, frame.image_name, frame.image_id) == (line["pts_seconds"], "", None)
            assert people.joints.dtype == np.float64
            triples = np.array([p["joints"] for p in line["people"]]).reshape(-1, 17, 3)
            np.testing.assert_array_equal(people.has_joint, triples[..., 2] > 0)
            np.testing.assert_array_equal(people.joints[people.has_joint], triples[triples[..., 2] > 0, :2])
            np.testing.assert_array_equal(people.joint_scores[people.has_joint], triples[triples[..., 2] > 0, 2])
            assert np.isnan(people.joint_scores[~people.has_joint]).all()
            assert people.boxes.tolist() == [p["box"] for p in line["people"]]
            assert people.scores.tolist() == [p["score"] for p in line["people"]]
            assert people.track_ids.tolist() == [p["track_id"] for p in line["people"]]
            assert people.extra.tolist() == [{"source": p["source"]} for p in line["people"]]
            assert np.isnan(people.head_boxes).all()
            assert (people.flags == -1).all()


def test_indices_are_those_of_the_video(tmp_path):
    path = tmp_path / "tracks.jsonl"
    write_tracks(path, COCO_17, [[1], [1], [1]])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[2], lines[3]]))
    assert [frame.index for frame, _ in TracksSource(path)] == [1, 2]


def test_early_end_is_warned_about_once(tmp_path, caplog):
    path = tmp_path / "tracks.jsonl"
    write_tracks(path, COCO_17, [[1], [1]], fault="camera unplugged")
    source = TracksSource(path)
    with caplog.at_level(logging.WARNING):
        assert len(list(source)) == len(list(source)) == 2
    assert caplog.messages == [f"{path} ends early, after frame 1: camera unplugged"]
    assert source.fault is not None


def test_cut_end_must_be_allowed(tmp_path):
    path = tmp_path / "tracks.jsonl"
    write_tracks(path, COCO_17, [[1], [1]])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="line 3"):
        list(TracksSource(path))
    assert len(list(TracksSource(path, allow_cut_end=True))) == 1
    path.write_text(path.read_text().partition("\n")[2])
    with pytest.raises(ValueError, match=r"line 1: .*header"):
        TracksSource(path)
