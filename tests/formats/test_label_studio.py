"""Tasks of Label Studio, written, read, and checked by its own SDK."""

import json
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import run_command
from formats.annotated_sequences import SIZE, annotated, assert_same_people
from formats.track_files import write_tracks
from scipy.sparse.csgraph import connected_components

from pose_track.formats.label_studio.config import label_studio_config, write_label_studio_config
from pose_track.formats.label_studio.reader import read_label_studio
from pose_track.formats.label_studio.writer import joint_parents, write_label_studio
from pose_track.formats.problems import Problems
from pose_track.formats.registry import identify_format
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, SKELETONS


@pytest.fixture
def path(tmp_path):
    return tmp_path / "task.json"


def task(path):
    return json.loads(path.read_text())[0]


def rewritten(path, change):
    content = json.loads(path.read_text())
    change(content[0])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("skeleton", [COCO_17, POSETRACK_15])
@pytest.mark.parametrize("num_frames", [30, 42])
def test_round_trip(path, skeleton, num_frames):
    sequence = annotated(skeleton, num_frames)
    write_label_studio(sequence, path)
    assert identify_format(path) == "label-studio"
    read = read_label_studio(path)
    assert_same_people(sequence, read, flags=False)
    assert read.extra == SIZE


def test_the_sdk_accepts_task_and_configuration(path):
    interface = pytest.importorskip("label_studio_sdk.label_interface", reason="needs label-studio-sdk")
    sequence = annotated()
    write_label_studio(sequence, path)
    config = interface.LabelInterface(label_studio_config(COCO_17, 25.0))
    config.validate()
    (prediction,) = task(path)["predictions"]
    assert config.validate_prediction(prediction, return_errors=True) == []
    assert config.validate_annotation(prediction)
    (control,) = config.controls
    assert control.labels == ["person"]
    prediction["result"][0]["value"]["labels"] = ["dog"]
    assert not config.validate_prediction(prediction)
    prediction["result"][0]["value"] = {"labels": ["person"]}
    assert not config.validate_prediction(prediction)


def test_layout(path):
    write_label_studio(annotated(), path)
    data, (prediction,) = task(path)["data"], task(path)["predictions"]
    assert (data["video"], data["width"], data["height"], data["fps"]) == ("clip.mp4", 640, 480, 25)
    regions = {region["id"]: region["value"] for region in prediction["result"]}
    assert list(regions) == ["person_2", "person_7"]
    value = regions["person_7"]
    assert (value["framesCount"], value["duration"]) == (30, 1.2)
    assert [one["frame"] for one in value["sequence"]] == [*range(6, 11), *range(16, 31)]
    assert [one["frame"] for one in value["sequence"] if not one["enabled"]] == [10, 30]
    for keyframe in value["sequence"]:
        seen = set()
        for vertex in keyframe["vertices"]:
            assert vertex.get("prevPointId", "none") in seen | {"none"}
            seen.add(vertex["id"])


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=str)
def test_edges_become_a_tree(skeleton):
    parents = joint_parents(skeleton)
    assert sorted(parents) == list(range(skeleton.num_joints))
    edges = {frozenset(edge) for edge in skeleton.edges}
    for k, parent in parents.items():
        assert parent is None or frozenset((k, parent)) in edges
    matrix = np.zeros((skeleton.num_joints, skeleton.num_joints))
    matrix[tuple(np.array(skeleton.edges).T)] = 1
    assert list(parents.values()).count(None) == connected_components(matrix, directed=False)[0]


def test_a_corrected_annotation_comes_before_the_prediction(path):
    write_label_studio(annotated(), path)

    def correct(content):
        (prediction,) = content.pop("predictions")
        region = prediction["result"][0]
        first, last = region["value"]["sequence"][0], region["value"]["sequence"][10]
        for vertex in first["vertices"]:
            vertex.update(x=10.0, y=20.0)
        for vertex in last["vertices"]:
            vertex.update(x=20.0, y=20.0)
        region.update(id="by hand", value={**region["value"], "sequence": [last | {"enabled": False}, first]})
        wrong = {"result": [], "was_cancelled": True}
        content.update(annotations=[{"result": [region, {"type": "choices", "value": {}}]}, wrong], predictions=[])

    rewritten(path, correct)
    read = read_label_studio(path)
    assert read.people.track_ids.tolist() == [1] * 11
    assert read.frame_indices.tolist() == list(range(11))
    places = read.people.joints[:, 0]
    np.testing.assert_allclose(places, np.stack([64 + 6.4 * np.arange(11), np.full(11, 96)], axis=1))


def test_a_keyframe_that_stays_enabled_lasts_to_the_end(path):
    write_label_studio(annotated(), path)
    rewritten(
        path, lambda content: content["predictions"][0]["result"][1]["value"]["sequence"].__delitem__(slice(3, None))
    )
    read = read_label_studio(path)
    assert read.frame_indices[read.people.track_ids == 7].tolist() == list(range(5, 30))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["data"].pop("width"), "data: .*width.*add width and height"),
        (lambda t: t.update(data=None), "data: "),
        (lambda t: t["predictions"][0]["result"][0]["value"].pop("sequence"), "region person_2: .*sequence"),
        (lambda t: t["predictions"][0]["result"][0]["value"].update(sequence=[]), "region person_2: .*sequence"),
        (lambda t: vertex(t).update(x="a"), "region person_2: .*x"),
        (lambda t: vertex(t).update(x=1e99), "region person_2: .*x"),
        (lambda t: vertex(t).update(id="tail"), r"must be the name of a joint, got \['tail'\]"),
        (lambda t: t["predictions"][0]["result"][0]["value"]["sequence"][0].update(frame=0), "person_2: .*frame"),
    ],
)
def test_invalid_tasks(path, change, message):
    write_label_studio(annotated(), path)
    rewritten(path, change)
    with pytest.raises(ValueError, match=message):
        read_label_studio(path)


def vertex(content):
    return content["predictions"][0]["result"][0]["value"]["sequence"][0]["vertices"][0]


def test_invalid_regions_are_left_out_if_lenient(path):
    write_label_studio(annotated(), path)
    rewritten(path, lambda t: vertex(t).update(x="a"))
    problems = Problems(lenient=True)
    assert set(read_label_studio(path, problems).people.track_ids.tolist()) == {7}
    assert len(problems.messages) == 1


def test_several_tasks_are_refused(path):
    write_label_studio(annotated(), path)
    path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    with pytest.raises(ValueError, match="must have one task, got 2"):
        read_label_studio(path)


def test_the_size_of_the_video_is_needed(path):
    with pytest.raises(ValueError, match=r"size of the video.*convert a tracks\.jsonl"):
        write_label_studio(annotated(extra={}), path)
    assert not path.exists()


def test_the_configuration_states_joints_and_rate(tmp_path):
    write_label_studio_config(annotated(), tmp_path / "config.xml")
    root = ElementTree.parse(tmp_path / "config.xml").getroot()
    assert root.find("Video").get("framerate") == "25.0"
    assert root.find("VideoVectorLabels").get("maxPoints") == "17"


def test_from_a_result_and_back(tmp_path, path):
    frames = write_tracks(tmp_path / "tracks.jsonl", COCO_17, [[1, 2], [], [2], [1, 2]])
    assert run_command("convert", tmp_path / "tracks.jsonl", path, "--to", "label-studio") == 0
    read = read_label_studio(path)
    ids = [sorted(people.track_ids.tolist()) for _, people in read]
    assert ids == [sorted(tracked.track_ids.tolist()) for tracked in frames]
    for (_, people), tracked in zip(read, frames, strict=True):
        order = [people.track_ids.tolist().index(one) for one in tracked.track_ids.tolist()]
        there = tracked.poses.joint_scores > 0
        np.testing.assert_array_equal(people.has_joint[order], there)
        np.testing.assert_allclose(people.joints[order][there], tracked.poses.joints[there], atol=0.011)
    assert all(a.index + 1 == b.index for a, b in pairwise(read.frames))
