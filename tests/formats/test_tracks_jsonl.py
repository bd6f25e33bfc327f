import json
import logging
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from formats.track_files import frame, header, write_tracks

from pose_track.formats.tracks_jsonl import HEADER_KEYS, FaultRecord, header_names, header_skeleton, read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton
from pose_track.structures.skeleton_record import header_fields

PAIR = Skeleton("pair", ("nose", "head_top"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tracks.jsonl"


def edited(path, number, change):
    """Rewrite line `number`, counted from 1, after `change` has changed its record in place."""
    lines = path.read_text().splitlines()
    record = json.loads(lines[number - 1])
    change(record)
    lines[number - 1] = json.dumps(record)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "people",
    [
        [],  # no frames
        [[]],  # one frame, no people
        [[1]],
        [[], [2, 1], [], [3, 1, 2], []],
    ],
)
@pytest.mark.parametrize("skeleton", [COCO_17, POSETRACK_15, PAIR], ids=lambda s: s.name)
def test_round_trip(path, skeleton, people):
    written = write_tracks(path, skeleton, people)
    read_header, frames = read_tracks(path)
    assert read_header == header(skeleton)
    frames_read = list(frames)
    assert [t.track_ids.tolist() for t in frames_read] == people
    for before, after in zip(written, frames_read, strict=True):
        assert (after.frame_index, after.pts_seconds) == (before.frame_index, before.pts_seconds)
        assert after.poses.skeleton == skeleton
        assert after.poses.sources.tolist() == before.poses.sources.tolist()
        for name, half_unit in (("joints", 0.005), ("boxes", 0.005), ("joint_scores", 5e-5), ("scores", 5e-5)):
            np.testing.assert_allclose(
                getattr(after.poses, name), getattr(before.poses, name), rtol=1e-6, atol=1.01 * half_unit
            )
    assert frames.fault is None


def test_layout_of_the_lines(path):
    poses = replace(
        frame(PAIR, 17, [3]).poses,
        joints=np.array([[[1.234, -0.001], [5, 6.789]]]),
        joint_scores=np.array([[0.123449, 0]]),
        boxes=np.array([[0, 1.005, 20.126, 30]]),
        scores=np.array([0.93]),
    )
    with TracksWriter(path, header(PAIR)) as writer:
        writer.write(TrackedPoses(17, 0.68, poses, np.array([3])))
        writer.write(frame(PAIR, 18, []))
        writer.write_fault("decoder gave up")
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"type": "header", "complete": False, **header(PAIR)},
        {
            "frame": 17,
            "pts_seconds": 0.68,
            "people": [
                {
                    "track_id": 3,
                    "box": [0.0, 1.0, 20.13, 30.0],
                    "score": 0.93,
                    "source": "detector",
                    "joints": [[1.23, 0.0, 0.1234], [5.0, 6.79, 0.0]],
                }
            ],
        },
        {"frame": 18, "pts_seconds": 0.72, "people": []},
        {"type": "fault", "message": "decoder gave up", "after_frame": 18},
    ]
    assert "-0.0" not in path.read_text()


def test_who_is_unconfirmed_is_marked(path):
    """Only those have the key, so that files of confirmed people stay as they were."""
    tracked = replace(frame(PAIR, 3, [4, 9, 2]), confirmed=np.array([True, False, True]))
    with TracksWriter(path, header(PAIR)) as writer:
        writer.write(tracked)
    _, frames = read_tracks(path)
    assert [t.confirmed.tolist() for t in frames] == [[True, False, True]]
    people = json.loads(path.read_text().splitlines()[1])["people"]
    assert [person.get("confirmed") for person in people] == [None, False, None]


def test_confirmed_must_be_a_truth_value(path):
    write_tracks(path, PAIR, [[1]])
    edited(path, 2, lambda record: record["people"][0].update(confirmed="no"))
    _, frames = read_tracks(path)
    with pytest.raises(ValueError, match=r"line 2: .*confirmed"):
        list(frames)


def test_each_line_is_written_at_once(path):
    writer = TracksWriter(path, header(PAIR))
    counts = [len(path.read_text().splitlines())]
    for index in range(3):
        writer.write(frame(PAIR, index, [1]))
        assert path.read_text().endswith("}\n")
        counts.append(len(path.read_text().splitlines()))
    writer.close()
    assert counts == [1, 2, 3, 4]


def test_fault_is_known_after_the_frames(path):
    write_tracks(path, PAIR, [[1], [1]], fault="no space left")
    _, frames = read_tracks(path)
    assert frames.fault is None
    assert len(list(frames)) == 2
    assert frames.fault == FaultRecord("no space left", after_frame=1)


def test_fault_before_the_first_frame(path):
    write_tracks(path, PAIR, [], fault="cannot decode")
    _, frames = read_tracks(path)
    assert list(frames) == []
    assert frames.fault == FaultRecord("cannot decode", after_frame=None)


def test_frames_can_be_read_again(path):
    write_tracks(path, PAIR, [[1], [], [1, 2]], fault="x")
    _, frames = read_tracks(path)
    assert [len(t) for t in frames] == [len(t) for t in frames] == [1, 0, 2]


def test_memory_does_not_grow_with_the_number_of_frames(path):
    def peak(num_frames):
        tracemalloc.start()
        with TracksWriter(path, header(COCO_17)) as writer:
            for index in range(num_frames):
                writer.write(frame(COCO_17, index, [1, 2]))
        assert sum(len(t) for t in read_tracks(path)[1]) == 2 * num_frames
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(5)  # one-time allocations
    assert peak(400) < peak(20) + 50_000  # all 400 frames would be about 1 MB


def test_cut_end_is_an_error_unless_allowed(path, caplog):
    write_tracks(path, PAIR, [[1], [1]])
    path.write_bytes(path.read_bytes()[:-9])
    frames = read_tracks(path)[1]
    with pytest.raises(ValueError, match="line 3: "):
        list(frames)
    with caplog.at_level(logging.WARNING):
        assert [t.frame_index for t in read_tracks(path, allow_cut_end=True)[1]] == [0]
    assert "line 3 is cut off" in caplog.text


def test_invalid_line_in_the_middle_is_never_allowed(path):
    write_tracks(path, PAIR, [[1], [1]])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:20], lines[2]]) + "\n")
    with pytest.raises(ValueError, match="line 2: "):
        list(read_tracks(path, allow_cut_end=True)[1])


def person(**changes):
    return lambda record: record["people"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("pts_seconds"), "pts_seconds"),
        (lambda r: r.update(extra=1), "extra"),
        (lambda r: r.update(frame=-1), "frame"),
        (lambda r: r.update(frame=2.5), "frame"),
        (lambda r: r.update(frame=0), "0 after 0"),
        (lambda r: r.update(pts_seconds=-0.5), "pts_seconds .*-0.5 after 0.0"),
        (lambda r: r.update(pts_seconds=None), "pts_seconds"),
        (lambda r: r.update(people={}), "people"),
        (lambda r: r.update(people=[[1, 2]]), "people"),
        (lambda r: r["people"][0].pop("box"), "box"),
        (person(track_id=0), "track_id"),
        (person(track_id=1.5), "track_id"),
        (person(track_id=2**70), "track_id"),
        (person(track_id=2), "unique within a frame"),
        (person(box=[1, 2, 3]), "box"),
        (person(box=[1, 2, 3, "4"]), "box"),
        (person(box=["1", "2", "3", "4"]), "box"),
        (person(box=[5, 2, 3, 4]), "box .*5.0"),
        (person(box=[0, 0, 1e300, 1]), "box"),
        (person(joints=[[1, 2, 3]]), "joints"),
        (person(joints=[[1, 2, 1]]), "joints .*2 triples"),
        (person(joints=[[1, 2, None], [1, 2, 1]]), "joints"),
        (lambda r: [p.update(joints=[[1, 2, 0.3]]) for p in r["people"]], "joints .*2 triples"),
        (person(score="high"), "score"),
        (person(score=None), "score"),
        (person(score=1.2), "score"),
        (person(score=-0.1), "score"),
        (person(score=float("nan")), "malformed"),
        (person(source=["detector"]), "source"),
        (person(source="magic"), "source"),
        (lambda r: r.update(type="fault"), "people|field|frame|message|pts_seconds"),
    ],
)
def test_invalid_frame_is_named_by_its_line(path, change, message):
    write_tracks(path, PAIR, [[1], [1, 2]])
    edited(path, 3, change)
    with pytest.raises(ValueError, match=rf"tracks\.jsonl, line 3: .*{message}"):
        list(read_tracks(path)[1])


def test_no_line_may_follow_a_fault(path):
    write_tracks(path, PAIR, [[1]], fault="x")
    with path.open("a") as file:
        file.write('{"frame": 1, "pts_seconds": 0.1, "people": []}\n')
    with pytest.raises(ValueError, match=r"line 4: .*fault"):
        list(read_tracks(path)[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(type="frame"), ".*header"),
        (lambda r: r.update(width=-1), ".*width"),
        (lambda r: r.update(height="360"), ".*height"),
        (lambda r: r.pop("joint_names"), ".*joint_names"),
        (lambda r: r.update(skeleton="coco_17"), "joint_names .*coco_17"),
        (lambda r: r.update(skeleton=["pair"]), ".*skeleton"),
        (lambda r: r.update(joint_names=None), ".*joint_names"),
        (lambda r: r.update(joint_names=1.5), ".*joint_names"),
        (lambda r: r.update(joint_names=[]), ".*joint_names"),
        (lambda r: r.update(fps=[25]), ".*fps"),
        (lambda r: r.update(fps=0), ".*fps"),
        (lambda r: r.update(settings=[1]), ".*settings"),
        (lambda r: r.update(names={"Ann": "1"}), ".*names"),
        (lambda r: r.update(names={"1": 1}), ".*names"),
    ],
)
def test_invalid_header_is_refused_at_once(path, change, message):
    write_tracks(path, PAIR, [[1]])
    edited(path, 1, change)
    with pytest.raises(ValueError, match=f"line 1: {message}"):
        read_tracks(path)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a": ' + b"[" * 100_000, b"\xff", b'{"a": "\xff"}', b"[1]", b"3"])
@pytest.mark.parametrize("number", [1, 3])
def test_lines_that_are_no_records(path, text, number):
    write_tracks(path, PAIR, [[1], [1]])
    lines = path.read_bytes().splitlines()
    lines[number - 1] = text
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(ValueError, match=f"line {number}: "):
        list(read_tracks(path)[1])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_saved(path, encoding):
    write_tracks(path, PAIR, [[1], [2]])
    path.write_text(path.read_text(), encoding=encoding)
    assert [t.track_ids.tolist() for t in read_tracks(path)[1]] == [[1], [2]]


def test_empty_file(path):
    path.write_text("")
    with pytest.raises(ValueError, match="line 1"):
        read_tracks(path)


@pytest.mark.parametrize("key", HEADER_KEYS)
def test_incomplete_header_leaves_no_file(path, key):
    with pytest.raises(ValueError, match=f"header .*{key}"):
        TracksWriter(path, {k: v for k, v in header(PAIR).items() if k != key})
    assert not path.exists()


def test_writer_refuses_invalid_frames(path):
    good = frame(PAIR, 3, [1])
    broken = replace(good, frame_index=4, poses=replace(good.poses, joints=np.full((1, 2, 2), np.nan)))
    with TracksWriter(path, header(PAIR)) as writer:
        writer.write(good)
        with pytest.raises(ValueError, match="3 after 3"):
            writer.write(good)
        with pytest.raises(ValueError, match=r"'pair'.*'coco_17'"):
            writer.write(frame(COCO_17, 4, [1]))
        with pytest.raises(ValueError, match="not JSON compliant"):
            writer.write(broken)
        writer.write_fault("x")
        with pytest.raises(ValueError, match="fault"):
            writer.write(frame(PAIR, 5, [1]))
    assert [t.frame_index for t in read_tracks(path)[1]] == [3]


def test_a_skeleton_of_ones_own_is_in_the_header(tmp_path):
    horse = Skeleton("horse", ("nose", "tail"), limbs=(("nose", "tail"),), colours=((1, 2, 3), (4, 5, 6)))
    own_header = {**header(horse), **header_fields(horse)}
    assert header_skeleton(own_header) == horse
    with TracksWriter(tmp_path / "t.jsonl", own_header):
        pass
    assert read_tracks(tmp_path / "t.jsonl")[1].skeleton == horse
    for wrong in ({"joint_names": ["tail", "nose"]}, {"skeleton": "cow"}, {"skeleton_definition": {"name": "horse"}}):
        with pytest.raises(ValueError, match=r"horse|skeleton"):
            header_skeleton({**own_header, **wrong})


def test_names_of_people_are_in_the_header(path):
    with TracksWriter(path, {**header(PAIR), "names": {"3": "Ann"}}):
        pass
    assert header_names(read_tracks(path)[0]) == {3: "Ann"}
    assert header_names(header(PAIR)) == {}
