"""Pairing of gt and prediction files, and the errors of either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sequence_pair_files import edit, file17, file18, write_case

from pose_track.evaluation.sequence_pairs import load_pairs
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import PoseSequence

Case = tuple[Path, Path]
Damage = Callable[[Path, Path], object]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return write_case(tmp_path)


def load(case: tuple[object, object], lenient: bool = False) -> list[tuple[PoseSequence, PoseSequence]]:
    return load_pairs(str(case[0]), str(case[1]), Problems(lenient))


def frame(number: int, change: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda data: change(data["annolist"][number])


def person(number: int, change: Callable[[Any], object]) -> Callable[[Any], object]:
    """A change of one person of frame 1."""
    return frame(1, lambda annotated: change(annotated["annorect"][number]))


def remove_heads(*numbers: int) -> Callable[[Any], object]:
    def change(annotated: Any) -> None:
        for number in numbers:
            for corner in ("x1", "y1", "x2", "y2"):
                annotated["annorect"][number].pop(corner)

    return frame(1, change)


FIRST = r"frame 1 \(images/b/00000002.jpg\), person 0 \(track id 0\)"
SECOND = r"frame 1 \(images/b/00000002.jpg\), person 1 \(track id 1\)"
DUPLICATE = r"frame 1 \(images/b/00000002.jpg\), person 1 \(track id 0\)"

duplicate_id = person(1, lambda p: p.update(track_id=[0]))
empty_head = person(0, lambda p: p.update(x1=p["x2"], y1=p["y2"]))
AT_2 = r"frame 2 \(images/b/00000003.jpg\)"


def drop(number: int) -> Callable[[Any], object]:
    return lambda data: data["annolist"].pop(number)


# the damage to gt/b.json and pred/b.json, the error, and what lenient loading keeps of b: frames, gt people, predicted
# people
FAULTS: list[tuple[Damage, str, tuple[int, int, int] | None]] = [
    # no file, too few frames, too many frames, another first frame
    (lambda gt, pred: pred.unlink(), r"b\.json has no prediction .*pred.b\.json", None),
    (lambda gt, pred: edit(pred, drop(2)), rf"pred.b\.json: 2 frames instead of 3.*{AT_2}", None),
    (lambda gt, pred: edit(gt, drop(2)), rf"pred.b\.json: 3 frames instead of 2.*{AT_2}", None),
    (lambda gt, pred: edit(pred, drop(0)), r"2 frames instead of 3.*frame 0 \(images/b/00000001", None),
    # duplicate ids
    (lambda gt, pred: edit(pred, duplicate_id), rf"pred.b\.json: {DUPLICATE} has the id", (3, 6, 5)),
    (lambda gt, pred: edit(gt, duplicate_id), rf"gt.b\.json: {DUPLICATE} has the id", (3, 5, 6)),
    # head boxes: missing for one person, missing for two, empty
    (lambda gt, pred: edit(gt, remove_heads(1)), rf"gt.b\.json: {SECOND} has joints but no head box", (2, 4, 4)),
    (lambda gt, pred: edit(gt, remove_heads(0, 1)), rf"gt.b\.json: {FIRST} has joints but no head box", (2, 4, 4)),
    (lambda gt, pred: edit(gt, empty_head), rf"gt.b\.json: {FIRST} has joints but an empty head box", (2, 4, 4)),
]


@pytest.mark.parametrize(("damage", "message", "remaining"), FAULTS)
def test_invalid_pairs_raise(case: Case, damage: Damage, message: str, remaining: object) -> None:
    damage(*(folder / "b.json" for folder in case))
    with pytest.raises(ValueError, match=message):
        load(case)


@pytest.mark.parametrize(("damage", "message", "remaining"), FAULTS)
def test_lenient_loading_leaves_out_the_faulty_part(
    case: Case, damage: Damage, message: str, remaining: tuple[int, int, int] | None, caplog: pytest.LogCaptureFixture
) -> None:
    damage(*(folder / "b.json" for folder in case))
    pairs = load(case, lenient=True)
    assert [gt.name for gt, _ in pairs] == (["a"] if remaining is None else ["a", "b"])
    assert (len(pairs[0][0]), len(pairs[0][0].people), len(pairs[0][1].people)) == (3, 6, 6)
    if remaining is not None:
        gt, prediction = pairs[1]
        assert (len(gt), len(gt.people), len(prediction.people)) == remaining
        assert len(prediction) == len(gt)
    what = "sequences" if remaining is None else "frames" if remaining[0] < 3 else "people with the id of another"
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == f"left out: {what} 1"


def test_the_frames_after_one_that_is_left_out(case: Case) -> None:
    edit(case[0] / "b.json", remove_heads(1))
    gt, prediction = load(case, lenient=True)[1]
    for sequence in (gt, prediction):
        assert [info.image_name[-5] for info in sequence.frames] == ["1", "3"]
        assert sequence.frame_indices.tolist() == [0, 0, 1, 1]
        assert sequence.people.joints[:, 0, 0].tolist() == [100, 300, 110, 310]


def test_a_sequence_without_a_valid_frame_is_left_out(case: Case) -> None:
    def remove_all_heads(data: Any) -> None:
        for annotated in data["annolist"]:
            annotated["annorect"][0].pop("x1")

    edit(case[0] / "b.json", remove_all_heads)
    assert [gt.name for gt, _ in load(case, lenient=True)] == ["a"]


def test_messages_name_the_frame_number_in_the_file(case: Case) -> None:
    edit(case[0] / "b.json", remove_heads(1))
    edit(case[0] / "b.json", frame(2, lambda annotated: annotated["annorect"][0].pop("track_id")))
    problems = Problems(lenient=True)
    load_pairs(*case, problems)
    assert problems.messages[1].startswith("ground truth b: frame 2 (images/b/00000003.jpg), person 0 has no track id")


def test_gt_people_without_joints_are_not_checked(case: Case) -> None:
    """They need no head box and may share an id."""
    without_joints = {"track_id": [0], "annopoints": []}
    edit(case[0] / "b.json", frame(1, lambda annotated: annotated["annorect"].append(without_joints)))
    assert len(load(case)[1][0].people) == 7
    edit(case[1] / "b.json", frame(1, lambda annotated: annotated["annorect"].append(without_joints)))
    with pytest.raises(ValueError, match=r"pred.b\.json: frame 1 .*, person 2 \(track id 0\) has the id"):
        load(case)


@pytest.mark.parametrize("side", [0, 1])
def test_only_some_people_have_ids(case: Case, side: int) -> None:
    edit(case[side] / "b.json", person(1, lambda p: p.pop("track_id")))
    message = rf"{('ground truth', 'prediction')[side]} b: frame 1 \(.*\), person 1 has no track id"
    with pytest.raises(ValueError, match=message):
        load(case)
    pairs = load(case, lenient=True)
    assert all((sequence.people.track_ids == -1).all() for pair in pairs for sequence in pair)
    assert sum(len(sequence.people) for pair in pairs for sequence in pair) == 24


def test_no_predicted_person_has_an_id(case: Case) -> None:
    for name in ("a", "b"):
        for number in range(3):
            edit(case[1] / f"{name}.json", frame(number, lambda f: [p.pop("track_id") for p in f["annorect"]]))
    assert all((prediction.people.track_ids == -1).all() for _, prediction in load(case))


def test_image_ids(tmp_path: Path) -> None:
    case = write_case(tmp_path, file18)
    assert len(load(case)) == 2

    def renumber(data: Any) -> None:
        data["images"][1]["id"] = 77
        for annotation in data["annotations"]:
            annotation["image_id"] = {10_000_001: 77}.get(annotation["image_id"], annotation["image_id"])

    edit(case[1] / "b.json", renumber)
    message = r"pred.b\.json: frame 1 \(images/b/000001.jpg\) has image id 77 instead of 10000001"
    with pytest.raises(ValueError, match=message):
        load(case)
    assert len(load(case, lenient=True)) == 1


def test_layouts_may_differ(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gt, _ = write_case(tmp_path, file17)
    (tmp_path / "18").mkdir()
    _, pred18 = write_case(tmp_path / "18", file18)
    ((gt, prediction), _) = load((gt, pred18))
    assert (gt.layout, prediction.layout) == ("posetrack17", "posetrack18")
    assert caplog.records == []


def test_differing_image_names_give_a_warning(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        edit(case[1] / "b.json", frame(number, lambda f: f["image"][0].update(name="c:\\clips\\9.jpg")))
    assert len(load(case)) == 2
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith(r"b: frame 0 (images/b/00000001.jpg) is c:\clips\9.jpg in the prediction")


def test_folders_of_image_names_do_not_matter(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    edit(case[1] / "b.json", frame(0, lambda f: f["image"][0].update(name="c:\\other\\00000001.jpg")))
    load(case)
    assert caplog.records == []


def test_joints_without_a_score_give_a_warning(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    edit(case[1] / "b.json", person(1, lambda p: p["annopoints"][0]["point"][3].pop("score")))
    load(case)
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("prediction b: frame 1 (images/b/00000002.jpg), person 1 (track id 1) has joints without a")


def test_pairs_are_ordered_by_name(case: Case) -> None:
    for folder in case:
        (folder / "b.json").rename(folder / "B.json")
        (folder / "notes.txt").write_text("not a sequence")
    (case[1] / "without_gt.json").write_text("{}")
    assert [(gt.name, prediction.name) for gt, prediction in load(case)] == [("B", "B"), ("a", "a")]


def test_two_files_and_trailing_slashes(case: Case) -> None:
    ((gt, prediction),) = load((case[0] / "a.json", case[1] / "b.json"))
    assert (gt.name, prediction.name) == ("a", "b")
    assert len(load((f"{case[0]}/", f"{case[1]}/"))) == 2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda gt, pred: (gt / "c", pred), FileNotFoundError, "c' does not exist"),
        (lambda gt, pred: (gt, pred / "c"), FileNotFoundError, "c' does not exist"),
        (lambda gt, pred: (gt, pred / "a.json"), ValueError, "gt' is a folder and .*a.json' is a file"),
        (lambda gt, pred: (gt / "a.json", pred), ValueError, "pred' is a folder and .*a.json' is a file"),
        (lambda gt, pred: (gt.parent, pred), ValueError, r"has no \*.json"),
    ],
)
def test_invalid_paths(case: Case, change: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(change(*case))


def test_no_labelled_people(case: Case) -> None:
    for name in ("a", "b"):
        edit(case[0] / f"{name}.json", lambda data: [f.update(annorect=[]) for f in data["annolist"]])
    with pytest.raises(ValueError, match=r"gt has no labelled people"):
        load(case)


def test_no_pair_remains(case: Case) -> None:
    for path in case[1].iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"gt has no labelled people.*a.json has no prediction"):
        load(case, lenient=True)


@pytest.mark.parametrize("folder", [0, 1])
def test_a_truncated_file(case: Case, folder: int, caplog: pytest.LogCaptureFixture) -> None:
    path = case[folder] / "b.json"
    path.write_text(path.read_text()[:-40])
    with pytest.raises(ValueError, match=r"b\.json"):
        load(case)
    assert [gt.name for gt, _ in load(case, lenient=True)] == ["a"]
    assert [record.getMessage() for record in caplog.records] == ["left out: sequences 1"]
    with pytest.raises(ValueError, match=r"no labelled people.*b\.json"):
        load((case[0] / "b.json", case[1] / "b.json"), lenient=True)


def test_parts_the_reader_leaves_out_are_counted(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    edit(case[1] / "b.json", person(1, lambda p: p.update(track_id=["1"])))
    with pytest.raises(ValueError, match=r"b\.json.*frame 1.*person 1"):
        load(case)
    assert len(load(case, lenient=True)[1][1].people) == 5
    assert [record.getMessage() for record in caplog.records] == ["left out: unreadable parts of files 1"]


def test_the_box_of_gt_with_joint_scores_is_the_head_box(case: Case) -> None:
    edit(case[0] / "b.json", person(0, lambda p: [point.update(score=[0.9]) for point in p["annopoints"][0]["point"]]))
    (_, _), (gt, _) = load(case)
    assert gt.people.head_boxes.tolist() == [[10, 10, 40, 50]] * 6
