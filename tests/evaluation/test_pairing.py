"""Which truth is compared with which prediction, and what is wrong with either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_pairs import edit, file17, file18, write_case

from pose_track.evaluation.pairing import load_pairs
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


def person(place: int, change: Callable[[Any], object]) -> Callable[[Any], object]:
    """Of frame 1."""
    return frame(1, lambda annotated: change(annotated["annorect"][place]))


def remove_heads(*places: int) -> Callable[[Any], object]:
    def change(annotated: Any) -> None:
        for place in places:
            for corner in ("x1", "y1", "x2", "y2"):
                annotated["annorect"][place].pop(corner)

    return frame(1, change)


FIRST = r"frame 1 \(images/b/00000002.jpg\), person 0 \(track id 0\)"
SECOND = r"frame 1 \(images/b/00000002.jpg\), person 1 \(track id 1\)"
AS_FIRST = r"frame 1 \(images/b/00000002.jpg\), person 1 \(track id 0\)"

same_id = person(1, lambda p: p.update(track_id=[0]))
empty_head = person(0, lambda p: p.update(x1=p["x2"], y1=p["y2"]))
AT_2 = r"different from frame 2 \(images/b/00000003.jpg\) on; all must be there"


def drop(number: int) -> Callable[[Any], object]:
    return lambda data: data["annolist"].pop(number)


# what is done to gt/b.json and pred/b.json, the error, and, where lenient, what is left of b: frames, people of the
# truth, people of the prediction
FAULTS: list[tuple[Damage, str, tuple[int, int, int] | None]] = [
    # no file, fewer frames, more frames, another at the beginning
    (lambda gt, pred: pred.unlink(), r"b\.json has no prediction .*pred.b\.json; every sequence needs one", None),
    (lambda gt, pred: edit(pred, drop(2)), rf"pred.b\.json: 2 frames instead of 3, {AT_2}", None),
    (lambda gt, pred: edit(gt, drop(2)), rf"pred.b\.json: 3 frames instead of 2, {AT_2}", None),
    (lambda gt, pred: edit(pred, drop(0)), r"2 frames instead of 3, different from frame 0 \(images/b/00000001", None),
    # ids twice
    (lambda gt, pred: edit(pred, same_id), rf"pred.b\.json: {AS_FIRST} has the id", (3, 6, 5)),
    (lambda gt, pred: edit(gt, same_id), rf"gt.b\.json: {AS_FIRST} has the id", (3, 5, 6)),
    # heads: none of one person, none of two, an empty one
    (lambda gt, pred: edit(gt, remove_heads(1)), rf"gt.b\.json: {SECOND} has joints but no head box", (2, 4, 4)),
    (lambda gt, pred: edit(gt, remove_heads(0, 1)), rf"gt.b\.json: {FIRST} has joints but no head box", (2, 4, 4)),
    (lambda gt, pred: edit(gt, empty_head), rf"gt.b\.json: {FIRST} has joints but an empty head box", (2, 4, 4)),
]


@pytest.mark.parametrize(("damage", "message", "left"), FAULTS)
def test_what_does_not_fit(case: Case, damage: Damage, message: str, left: object) -> None:
    damage(*(folder / "b.json" for folder in case))
    with pytest.raises(ValueError, match=message):
        load(case)


@pytest.mark.parametrize(("damage", "message", "left"), FAULTS)
def test_what_lenience_leaves(
    case: Case, damage: Damage, message: str, left: tuple[int, int, int] | None, caplog: pytest.LogCaptureFixture
) -> None:
    damage(*(folder / "b.json" for folder in case))
    pairs = load(case, lenient=True)
    assert [truth.name for truth, _ in pairs] == (["a"] if left is None else ["a", "b"])
    assert (len(pairs[0][0]), len(pairs[0][0].people), len(pairs[0][1].people)) == (3, 6, 6)
    if left is not None:
        truth, prediction = pairs[1]
        assert (len(truth), len(truth.people), len(prediction.people)) == left
        assert len(prediction) == len(truth)
    what = "sequences" if left is None else "frames" if left[0] < 3 else "people with the id of another"
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == f"left out: {what} 1"


def test_what_is_left_after_a_frame(case: Case) -> None:
    edit(case[0] / "b.json", remove_heads(1))
    truth, prediction = load(case, lenient=True)[1]
    for sequence in (truth, prediction):
        assert [info.image_name[-5] for info in sequence.frames] == ["1", "3"]
        assert sequence.frame_of.tolist() == [0, 0, 1, 1]
        assert sequence.people.joints[:, 0, 0].tolist() == [100, 300, 110, 310]


def test_a_sequence_of_which_nothing_is_left(case: Case) -> None:
    def behead(data: Any) -> None:
        for annotated in data["annolist"]:
            annotated["annorect"][0].pop("x1")

    edit(case[0] / "b.json", behead)
    assert [truth.name for truth, _ in load(case, lenient=True)] == ["a"]


def test_frames_keep_their_numbers(case: Case) -> None:
    edit(case[0] / "b.json", remove_heads(1))
    edit(case[0] / "b.json", frame(2, lambda annotated: annotated["annorect"][0].pop("track_id")))
    problems = Problems(lenient=True)
    load_pairs(*case, problems)
    assert problems.messages[1].startswith("truth b: frame 2 (images/b/00000003.jpg), person 0 has no track id")


def test_who_takes_no_part(case: Case) -> None:
    """A person of the truth without joints needs no head box and may share an id."""
    nobody = {"track_id": [0], "annopoints": []}
    edit(case[0] / "b.json", frame(1, lambda annotated: annotated["annorect"].append(nobody)))
    assert len(load(case)[1][0].people) == 7
    edit(case[1] / "b.json", frame(1, lambda annotated: annotated["annorect"].append(nobody)))
    with pytest.raises(ValueError, match=r"pred.b\.json: frame 1 .*, person 2 \(track id 0\) has the id"):
        load(case)


@pytest.mark.parametrize("side", [0, 1])
def test_ids_of_some(case: Case, side: int) -> None:
    edit(case[side] / "b.json", person(1, lambda p: p.pop("track_id")))
    message = rf"{('truth', 'prediction')[side]} b: frame 1 \(.*\), person 1 has no track id, others have; give every"
    with pytest.raises(ValueError, match=message):
        load(case)
    pairs = load(case, lenient=True)
    assert all((sequence.people.track_ids == -1).all() for pair in pairs for sequence in pair)
    assert sum(len(sequence.people) for pair in pairs for sequence in pair) == 24


def test_ids_of_nobody(case: Case) -> None:
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
    message = (
        r"pred.b\.json: frame 1 \(images/b/000001.jpg\) has image id 77 instead of 10000001; is it for this version"
    )
    with pytest.raises(ValueError, match=message):
        load(case)
    assert len(load(case, lenient=True)) == 1


def test_layouts_may_differ(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gt, _ = write_case(tmp_path, file17)
    (tmp_path / "18").mkdir()
    _, pred18 = write_case(tmp_path / "18", file18)
    ((truth, prediction), _) = load((gt, pred18))
    assert (truth.layout, prediction.layout) == ("posetrack17", "posetrack18")
    assert caplog.records == []


def test_names_that_differ(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        edit(case[1] / "b.json", frame(number, lambda f: f["image"][0].update(name="c:\\clips\\9.jpg")))
    assert len(load(case)) == 2
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == r"b: frame 0 (images/b/00000001.jpg) is c:\clips\9.jpg in the prediction; compared all the same"


def test_folders_of_names_do_not_matter(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    edit(case[1] / "b.json", frame(0, lambda f: f["image"][0].update(name="c:\\other\\00000001.jpg")))
    load(case)
    assert caplog.records == []


def test_joints_without_score(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    edit(case[1] / "b.json", person(1, lambda p: p["annopoints"][0]["point"][3].pop("score")))
    load(case)
    (line,) = (record.getMessage() for record in caplog.records)
    assert "prediction b: frame 1 (images/b/00000002.jpg), person 1 (track id 1) has joints without score" in line


def test_the_order_is_that_of_the_names(case: Case) -> None:
    for folder in case:
        (folder / "b.json").rename(folder / "B.json")
        (folder / "notes.txt").write_text("no sequence")
    (case[1] / "of_no_truth.json").write_text("{}")
    assert [(truth.name, prediction.name) for truth, prediction in load(case)] == [("B", "B"), ("a", "a")]


def test_two_files_and_trailing_slashes(case: Case) -> None:
    ((truth, prediction),) = load((case[0] / "a.json", case[1] / "b.json"))
    assert (truth.name, prediction.name) == ("a", "b")
    assert len(load((f"{case[0]}/", f"{case[1]}/"))) == 2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda gt, pred: (gt / "c", pred), FileNotFoundError, "c' does not exist; check the path"),
        (lambda gt, pred: (gt, pred / "c"), FileNotFoundError, "c' does not exist"),
        (lambda gt, pred: (gt, pred / "a.json"), ValueError, "gt' is a folder and .*a.json' is a file; give two"),
        (lambda gt, pred: (gt / "a.json", pred), ValueError, "pred' is a folder and .*a.json' is a file"),
        (lambda gt, pred: (gt.parent, pred), ValueError, r"holds no \*.json; give the folder of the annotations"),
    ],
)
def test_places_where_nothing_is(case: Case, change: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(change(*case))


def test_nobody_is_labelled(case: Case) -> None:
    for name in ("a", "b"):
        edit(case[0] / f"{name}.json", lambda data: [f.update(annorect=[]) for f in data["annolist"]])
    with pytest.raises(ValueError, match=r"gt has no labelled people to evaluate$"):
        load(case)


def test_nothing_is_left(case: Case) -> None:
    for path in case[1].iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"gt has no labelled people to evaluate; first: .*a.json has no prediction"):
        load(case, lenient=True)


@pytest.mark.parametrize("folder", [0, 1])
def test_a_file_cut_short(case: Case, folder: int, caplog: pytest.LogCaptureFixture) -> None:
    path = case[folder] / "b.json"
    path.write_text(path.read_text()[:-40])
    with pytest.raises(ValueError, match=r"b\.json"):
        load(case)
    assert [truth.name for truth, _ in load(case, lenient=True)] == ["a"]
    assert [record.getMessage() for record in caplog.records] == ["left out: sequences 1"]
    with pytest.raises(ValueError, match=r"no labelled people to evaluate; first: .*b\.json"):
        load((case[0] / "b.json", case[1] / "b.json"), lenient=True)


def test_what_the_reader_leaves_out(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    edit(case[1] / "b.json", person(1, lambda p: p.update(track_id=["1"])))
    with pytest.raises(ValueError, match=r"b\.json.*frame 1.*person 1"):
        load(case)
    assert len(load(case, lenient=True)[1][1].people) == 5
    assert [record.getMessage() for record in caplog.records] == ["left out: unreadable parts of files 1"]


def test_the_box_of_truth_with_joint_scores_is_still_the_head(case: Case) -> None:
    edit(case[0] / "b.json", person(0, lambda p: [point.update(score=[0.9]) for point in p["annopoints"][0]["point"]]))
    (_, _), (truth, _) = load(case)
    assert truth.people.head_boxes.tolist() == [[10, 10, 40, 50]] * 6
