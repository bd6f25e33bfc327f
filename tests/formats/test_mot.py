import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_sequences import assert_same, three_frames
from shared_data import shared

from pose_track.formats.mot import read_mot, write_mot
from pose_track.formats.problems import Problems
from pose_track.structures.skeleton import COCO_17, POSETRACK_15


def write_text(path, text):
    path.write_text(text)
    return path


def test_lines_are_people_with_boxes_without_joints(tmp_path):
    text = "3,7,1.5,2,10,20.25,0.5,-1,-1,-1\n\n1,8,0,0,1,1,-1,-1,-1,-1\n3,-1,9,9,1,1,1,1,0.86\n"
    sequence = read_mot(write_text(tmp_path / "gt.txt", text))
    people = sequence.people
    assert (sequence.name, sequence.layout, sequence.skeleton) == ("gt", "mot", COCO_17)
    assert [f.index for f in sequence.frames] == [0, 1, 2]
    assert [p.track_ids.tolist() for _, p in sequence] == [[8], [], [7, -1]]
    assert people.boxes.tolist() == [[0, 0, 1, 1], [1.5, 2, 11.5, 22.25], [9, 9, 10, 10]]
    np.testing.assert_array_equal(people.scores, [np.nan, 0.5, 1])
    assert not people.has_joint.any()
    assert read_mot(tmp_path / "gt.txt", skeleton=POSETRACK_15).skeleton == POSETRACK_15


def test_written_lines(tmp_path, caplog):
    write_mot(three_frames(), tmp_path / "r.txt")
    assert (tmp_path / "r.txt").read_text() == (
        "1,3,5,6,30,84,0.8,-1,-1,-1\n"  # the box
        "1,-1,110,120,20,60,-1,-1,-1,-1\n"  # the extent of the joints
    )
    assert "left out 1 people" in caplog.text


@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
@pytest.mark.parametrize("kind", ["gt", "test"])
def test_recorded_files_round_trip(tmp_path, name, kind):
    path = shared(f"data/tud_boxes/{name}/{kind}.txt")
    write_mot(read_mot(path), tmp_path / "r.txt")

    def lines(path):
        for line in path.read_text().split():
            head, rest = line.split(",", 7)[:7], line.split(",", 7)[7]
            yield [float(value) for value in head], rest

    assert list(lines(tmp_path / "r.txt")) == sorted(lines(path), key=lambda line: line[0][0])


coordinates = st.floats(-1e5, 1e5, allow_nan=False).map(lambda x: x + 0.0)
lines_strategy = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.integers(0, 2**50),
        *[coordinates] * 4,
        st.floats(-2, 1000),
        st.sampled_from(["", "-1,-1,-1", "1,0.86", ",,"]),
    ),
    max_size=8,
    unique_by=lambda line: line[:2],
)


@settings(max_examples=40, deadline=None)
@given(lines_strategy)
def test_files_round_trip(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("mot")
    text = "".join(",".join([*map(repr, line[:7]), *filter(None, [line[7]])]) + "\n" for line in lines)
    first = read_mot(write_text(folder / "a.txt", text))
    write_mot(first, folder / "b.txt")
    second = read_mot(folder / "b.txt")
    assert_same(first, second)
    write_mot(second, folder / "c.txt")
    assert (folder / "c.txt").read_text() == (folder / "b.txt").read_text()
    values = [[float(v) for v in line.split(",")[:7]] for line in (folder / "b.txt").read_text().splitlines()]
    assert values == [[float(v) for v in line[:7]] for line in sorted(lines, key=lambda line: line[0])]


def test_empty_file(tmp_path):
    sequence = read_mot(write_text(tmp_path / "r.txt", ""))
    assert (len(sequence), len(sequence.people)) == (0, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2,1,0,0,1", ".*'2,1,0,0,1'"),
        ("0,1,0,0,1,1,1", "frame .*1 to 10000000.*'0'"),
        ("99999999999,1,0,0,1,1,1", "frame "),
        ("nan,1,0,0,1,1,1", "frame "),
        ("2,1.5,0,0,1,1,1", "id .* -1"),
        ("2,-2,0,0,1,1,1", "id .* -1"),
        ("2,a,0,0,1,1,1", "id must be a number, got 'a'"),
        ("1_0,1,0,0,1,1,1", "frame must be a number, got '1_0'"),
        ("2,1,nan,0,1,1,1", "box and conf"),
        ("2,1,0,0,1,1,inf", "box and conf"),
        ("1,1,5,5,1,1,1", "id 1 .*frame 1"),
    ],
)
def test_invalid_line_is_named_or_left_out(tmp_path, line, message):
    path = write_text(tmp_path / "r.txt", f"1,1,0,0,1,1,1\n{line}\n3,1.0,0,0,1,1,1\n")
    with pytest.raises(ValueError, match=r"r\.txt, line 2: " + message):
        read_mot(path)
    problems = Problems(lenient=True)
    assert read_mot(path, problems).frame_indices.tolist() == [0, 2]
    assert len(problems.messages) == 1
