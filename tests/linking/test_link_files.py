"""Files of poses in, the same files with identities out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from formats.posetrack_files import assert_same_frames
from linking.made_walkers import raw_tracks, walkers, who
from make_video import make_video, numbered_image, read_number
from shared_data import shared

from pose_track.config.tracker import CueWeights, TrackerSettings
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.linking import frames as link_frames
from pose_track.linking.files import link_file, link_jobs, link_sequence, parse_fps
from pose_track.linking.frames import Linked, Linking, Stopwatch
from pose_track.structures.frames import Frame, IntArray, Poses
from pose_track.structures.sequence import People, PoseSequence
from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.tracker import Timed

TRACKER = TrackerSettings(min_confirm_frames=1)
LINKING = Linking(TRACKER)
LAYOUTS = ("posetrack17", "posetrack18", "coco", "mot")


def put(path: Path, layout: str, **more: Any) -> Path:
    """A file of walkers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[layout].write(walkers(layout, **more), path)
    return path


def read(path: Path) -> PoseSequence:
    sequence = read_sequence(path)
    assert isinstance(sequence, PoseSequence)
    return sequence


def assert_same_people(a: People, b: People, but: tuple[str, ...] = ("track_ids",)) -> None:
    for name in (f.name for f in fields(People) if f.name not in (*but, "more")):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert [dict(more) for more in a.more] == [dict(more) for more in b.more]


def ids_of_walkers(people: People) -> dict[int, set[int]]:
    """The ids that each walker has."""
    ids: dict[int, set[int]] = {}
    for walker, track_id in zip(who(people), people.track_ids.tolist(), strict=True):
        ids.setdefault(walker, set()).add(track_id)
    return ids


@pytest.mark.parametrize("layout", LAYOUTS)
def test_everybody_stays_and_gets_one_id(tmp_path: Path, layout: str) -> None:
    path = put(tmp_path / "in" / "seq.json", layout)
    done = link_file(path, tmp_path / "out" / "seq.json", LINKING)
    before, after = read(path), read(tmp_path / "out" / "seq.json")
    assert after.layout == layout
    assert_same_people(before.people, after.people)
    assert_same_frames(before, after, "image_id", "more")
    np.testing.assert_array_equal(before.frame_of, after.frame_of)
    assert sorted(map(sorted, ids_of_walkers(after.people).values())) == [[1], [2], [3]]
    assert (done.frames, done.people, done.kept, len(done.tracks), done.faults) == (8, 24, 24, 3, 0)
    assert done.seconds > 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("frames", [0, 1, 3])
def test_nobody(tmp_path: Path, layout: str, frames: int) -> None:
    path = put(tmp_path / "seq.txt", layout, frames=frames, num_people=0)
    done = link_file(path, tmp_path / "out.txt", LINKING)
    before, after = read(path), read(tmp_path / "out.txt")
    assert_same_frames(before, after, "image_id", "more")
    assert (len(after.people), after.layout, dict(after.more)) == (0, layout, dict(before.more))
    assert (done.people, done.kept, len(done.tracks)) == (0, 0, 0)


def test_what_else_a_file_tells_stays(tmp_path: Path) -> None:
    sequence = walkers("posetrack18", frames=2)
    put(tmp_path / "a.json", "posetrack18", frames=2)
    told = json.loads((tmp_path / "a.json").read_text())
    told["licence"] = "mine"
    told["images"][0]["weather"] = "fair"
    told["annotations"][0] |= {"centre": [1, 2], "keypoints": [1 / 3, *told["annotations"][0]["keypoints"][1:]]}
    (tmp_path / "a.json").write_text(json.dumps(told))
    link_file(tmp_path / "a.json", tmp_path / "out.json", LINKING)
    found = json.loads((tmp_path / "out.json").read_text())
    ids = [annotation.pop("track_id") for annotation in found["annotations"]]
    assert len(ids) == len(sequence.people)
    for annotation in told["annotations"]:
        del annotation["track_id"]
    assert found == told


def test_shared_files_come_back_but_for_their_ids(tmp_path: Path) -> None:
    folder = shared("data/posetrack18_sample/annotations/val")
    for path in sorted(folder.glob("*.json")):
        done = link_file(path, tmp_path / path.name, LINKING)
        assert (done.kept, done.people) == (len(read(path).people),) * 2
        assert_same_people(read(path).people, read(tmp_path / path.name).people)


@pytest.mark.parametrize("lag", [0, 1, 5, 100])
def test_results_may_come_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lag: int) -> None:
    def late(
        frames: Iterable[tuple[Timed, Poses]], settings: object, fps: object, has_images: bool
    ) -> Iterator[IntArray]:
        """Everybody by the order of their scores, some frames later."""
        waiting: list[IntArray] = []
        for _, poses in frames:
            waiting.append(np.argsort(np.argsort(poses.scores)) + 1)
            if len(waiting) > lag:
                yield waiting.pop(0)
        yield from waiting

    monkeypatch.setattr(link_frames, "link_poses", late)
    linked, _ = link_sequence(walkers("coco"), LINKING)
    assert ids_of_walkers(linked.people) == {0: {1}, 1: {2}, 2: {3}}
    raw_tracks(tmp_path / "a.jsonl", walkers("coco"))
    link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LINKING)
    _, records = read_tracks(tmp_path / "b.jsonl")
    assert all(t.track_ids.tolist() == [round((s - 0.6) * 10) + 1 for s in t.poses.scores.tolist()] for t in records)


def test_who_has_no_id_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(
        frames: Iterable[tuple[Timed, Poses]], settings: object, fps: object, has_images: bool
    ) -> Iterator[IntArray]:
        for frame, poses in frames:
            yield np.where(poses.scores < 0.65, 0, 7 + np.arange(len(poses))) * (frame.index != 2)

    monkeypatch.setattr(link_frames, "link_poses", some)
    before = walkers("coco", frames=4)
    after, done = link_sequence(before, LINKING)
    kept = np.array([walker > 0 for walker in who(before.people)]) & (before.frame_of != 2)
    assert_same_people(before.people[kept], after.people)
    assert after.frames == before.frames
    assert (done.people, done.kept) == (12, 6)


def test_confirmed_tracks(tmp_path: Path) -> None:
    away = {(0, index) for index in range(8) if index != 3}
    sequence = walkers("coco", away=away)  # walker 0 is there once
    linking = Linking(TrackerSettings(min_confirm_frames=3))
    linked, _ = link_sequence(sequence, linking)
    assert set(who(linked.people)) == {1, 2}
    assert all(len(ids) == 1 for ids in ids_of_walkers(linked.people).values())


class TestThresholds:
    def test_of_people_hold_before_linking(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[float] = []

        def look(
            frames: Iterable[tuple[Timed, Poses]], settings: object, fps: object, has_images: bool
        ) -> Iterator[IntArray]:
            for _, poses in frames:
                shown.extend(poses.scores.tolist())
                yield np.arange(1, len(poses) + 1)

        monkeypatch.setattr(link_frames, "link_poses", look)
        before = walkers("coco")
        after, done = link_sequence(before, Linking(TRACKER, min_person_score=0.7))
        assert min(shown) == pytest.approx(0.7)  # a score just as high is high enough
        sure = np.array([walker > 0 for walker in who(before.people)])
        assert_same_people(before.people[sure], after.people)
        assert (done.people, done.kept) == (24, 16)

    def test_of_joints_hold_afterwards(self) -> None:
        before = walkers("coco")
        before.people.joint_scores[0], before.people.joint_scores[1] = 0.45, [0.5] + [0.45] * 16
        after, done = link_sequence(before, Linking(TRACKER, min_joint_score=0.5))
        low = before.people.joint_scores < 0.5
        people = replace(
            before.people,
            joints=np.where(low[..., None], np.nan, before.people.joints),
            joint_scores=np.where(low, np.nan, before.people.joint_scores),
        )
        assert_same_people(people[1:], after.people)
        assert after.people.has_joint[0].tolist() == [True] + [False] * 16
        assert (done.people, done.kept) == (24, 23)
        assert all(len(ids) == 1 for ids in ids_of_walkers(after.people).values())

    def test_what_is_not_told_is_not_low(self) -> None:
        before = walkers("coco")
        before.people.joint_scores[:], before.people.scores[:] = np.nan, np.nan
        after, _ = link_sequence(before, Linking(TRACKER, min_person_score=1, min_joint_score=1))
        assert_same_people(before.people, after.people)

    def test_in_tracks(self, tmp_path: Path) -> None:
        raw_tracks(tmp_path / "a.jsonl", walkers("coco"))
        done = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", Linking(TRACKER, Fraction(25), 0.7, 0.9))
        before, after = (list(read_tracks(tmp_path / f"{name}.jsonl")[1]) for name in "ab")
        assert done.kept == sum(len(tracked) for tracked in after)
        for old, new in zip(before, after, strict=True):
            high = old.poses.joint_scores >= np.float32(0.9)
            kept = (old.poses.scores >= np.float32(0.7)) & high.any(axis=1)
            np.testing.assert_array_equal(new.poses.joint_scores, (old.poses.joint_scores * high)[kept])
            np.testing.assert_array_equal(new.poses.joints, (old.poses.joints * high[..., None])[kept])

    @pytest.mark.parametrize("name", ["min_person_score", "min_joint_score"])
    @pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
    def test_outside_of_scores(self, name: str, value: float) -> None:
        with pytest.raises(ValueError, match=f"{name} must be from 0 to 1, got {value}"):
            Linking(TRACKER, **{name: value})  # type: ignore[arg-type]


class TestTime:
    """A buffer of 0.2 seconds, and a walker who is away for some frames."""

    tracker = TrackerSettings(min_confirm_frames=1, buffer_seconds=0.2)

    def ids(self, sequence: PoseSequence, **more: Any) -> set[int]:
        linked, _ = link_sequence(sequence, Linking(self.tracker, **more))
        return ids_of_walkers(linked.people)[0]

    def test_gaps_are_measured_in_seconds(self) -> None:
        sequence = walkers("coco", frames=12, num_people=1, away={(0, index) for index in (3, 4, 5)})
        assert len(self.ids(sequence)) == 1  # 3 frames at 25 a second
        assert len(self.ids(sequence, fps=Fraction(5))) == 2

    def test_pictures_that_are_not_listed_are_time(self) -> None:
        sequence = walkers("posetrack18", frames=4, num_people=1)
        frames = tuple(
            replace(frame, image_name=f"images/seq/{number:06d}.jpg")
            for frame, number in zip(sequence.frames, (0, 1, 30, 31), strict=True)
        )
        assert len(self.ids(sequence)) == 1
        assert len(self.ids(replace(sequence, frames=frames))) == 2

    def test_a_tracks_file_has_its_own(self, tmp_path: Path) -> None:
        sequence = walkers("coco", frames=12, num_people=1, away={(0, index) for index in (3, 4, 5)})
        for fps, count in ((25.0, 1), (5.0, 2)):
            raw_tracks(tmp_path / "a.jsonl", sequence, fps=fps)
            done = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", Linking(self.tracker, Fraction(25)))
            assert len(done.tracks) == count


def test_results_of_many_videos_are_linked_one_by_one(tmp_path: Path) -> None:
    sequence = walkers("coco", frames=8)
    frames = tuple(replace(f, image_id=10**10 + (n // 4 + 1) * 10**4 + n % 4) for n, f in enumerate(sequence.frames))
    FORMATS["coco"].write(replace(sequence, frames=frames), tmp_path / "all.json")
    done = link_file(tmp_path / "all.json", tmp_path / "out.json", LINKING)
    assert (done.frames, len(done.tracks)) == (8, 6)
    after = read(tmp_path / "out.json")
    for video in (after.frame_of < 4, after.frame_of >= 4):
        assert sorted(map(sorted, ids_of_walkers(after.people[video]).values())) == [[1], [2], [3]]


class TestTracksJsonl:
    def test_lines_stay_but_for_ids_and_header(self, tmp_path: Path) -> None:
        raw_tracks(tmp_path / "a.jsonl", walkers("coco"), image_names=["x.jpg"] * 8, seconds=1.5)
        done = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LINKING)
        before, after = (
            [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()] for name in "ab"
        )
        assert (done.frames, done.people, done.kept, len(done.tracks)) == (8, 24, 24, 3)
        header = before[0]
        del header["linked"]
        header["settings"]["tracker"] = TRACKER.model_dump(mode="json")
        assert after[0] == header
        ids = [person.pop("track_id") for frame in after[1:] for person in frame["people"]]
        assert set(ids) == {1, 2, 3}
        for person in chain.from_iterable(frame["people"] for frame in before[1:]):
            del person["track_id"]
        assert after[1:] == before[1:]

    def test_a_fault_stays(self, tmp_path: Path) -> None:
        raw_tracks(tmp_path / "a.jsonl", walkers("coco", frames=2))
        with (tmp_path / "a.jsonl").open("a") as file:
            file.write('{"type":"fault","message":"no more","after_frame":1}\n')
        link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LINKING)
        _, records = read_tracks(tmp_path / "b.jsonl")
        assert len(list(records)) == 2
        assert records.fault is not None
        assert records.fault.message == "no more"

    @pytest.mark.parametrize("fps", [0, -1, "many", None])
    def test_a_rate_that_makes_no_sense(self, tmp_path: Path, fps: object) -> None:
        raw_tracks(tmp_path / "a.jsonl", walkers("coco", frames=2), fps=fps)
        with pytest.raises(ValueError, match=r"a\.jsonl: fps must be a number above 0"):
            link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LINKING)

    def test_an_unfinished_file_leaves_nothing(self, tmp_path: Path) -> None:
        raw_tracks(tmp_path / "a.jsonl", walkers("coco", frames=3))
        text = (tmp_path / "a.jsonl").read_text()
        (tmp_path / "a.jsonl").write_text(text[:-20])
        with pytest.raises(ValueError, match=r"a\.jsonl, line 4"):
            link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LINKING)
        assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
        done = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LINKING, Problems(lenient=True))
        assert done.frames == 2


@pytest.mark.parametrize("cues", [{"oks": 1.0}, {"motion": 1.0, "appearance": 2.0}, {"flow": 1.0}])
def test_boxes_alone_are_compared_as_boxes(tmp_path: Path, cues: dict[str, float]) -> None:
    """Whatever of joints would be compared."""
    path = put(tmp_path / "seq.txt", "mot")
    weights = dict.fromkeys(CueWeights.model_fields, 0.0) | cues
    tracker = TrackerSettings.model_validate({"weights": weights, "min_confirm_frames": 1})
    done = link_file(path, tmp_path / "out.txt", Linking(tracker))
    assert (done.kept, len(done.tracks)) == (24, 3)
    assert all(len(ids) == 1 for ids in ids_of_walkers(read(tmp_path / "out.txt").people).values())


def test_the_order_of_joints(tmp_path: Path) -> None:
    path = put(tmp_path / "seq.json", "coco")
    link_file(path, tmp_path / "out.json", Linking(TRACKER, skeleton=COCO_17))
    raw_tracks(tmp_path / "a.jsonl", walkers("coco", frames=2))
    for other in (put(tmp_path / "b.json", "posetrack17"), tmp_path / "a.jsonl"):
        with pytest.raises(ValueError, match=f"{other.name} is no COCO results file"):
            link_file(other, tmp_path / "out", Linking(TRACKER, skeleton=COCO_17))


class TestJobs:
    def test_of_a_folder(self, tmp_path: Path) -> None:
        for name in ("b.json", "a.jsonl", "c.txt", "notes.md", ".hidden.json"):
            (tmp_path / name).write_text("")
        (tmp_path / "d.json").mkdir()
        out = tmp_path / "out"
        assert link_jobs(tmp_path, out) == [(tmp_path / name, out / name) for name in ("a.jsonl", "b.json", "c.txt")]

    def test_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("")
        assert link_jobs(tmp_path / "a.json", tmp_path / "out") == [(tmp_path / "a.json", tmp_path / "out" / "a.json")]

    def test_nothing_to_read(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"holds no file with \.jsonl, \.json, \.txt"):
            link_jobs(tmp_path, tmp_path / "out")
        with pytest.raises(FileNotFoundError, match="does not exist"):
            link_jobs(tmp_path / "gone", tmp_path / "out")

    def test_what_is_read_is_never_written(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("")
        for pred in (tmp_path, tmp_path / "a.json"):
            with pytest.raises(ValueError, match="is the folder that is read"):
                link_jobs(pred, tmp_path / ".", overwrite=True)

    def test_what_is_there_is_replaced_only_when_asked(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        for name in ("a.json", "out/a.json"):
            (tmp_path / name).write_text("")
        with pytest.raises(FileExistsError, match="give --overwrite"):
            link_jobs(tmp_path, tmp_path / "out")
        assert len(link_jobs(tmp_path, tmp_path / "out", overwrite=True)) == 1


@pytest.mark.parametrize("text", ["0", "-5", "1/0", "nan", "inf", "fast", ""])
def test_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match=f"fps must be a number above 0, such as 25 or 30000/1001, got '{text}'"):
        parse_fps(text)


def test_rates() -> None:
    assert [parse_fps(text) for text in ("25", "29.97", "30000/1001")] == [25, Fraction("29.97"), Fraction(30000, 1001)]


def test_a_stopwatch_counts_only_what_it_times() -> None:
    watch = Stopwatch()
    for _ in watch.timed(range(3)):
        before = watch.seconds
        sum(range(100_000))
        assert watch.seconds == before
    assert 0 < watch.seconds < 0.1


def test_the_summary_names_faults() -> None:
    assert Linked(faults=2).summary() == "0 frames, 0 of 0 people, 0 tracks, 0.00 ms a frame, 2 faults left out"


class TestPictures:
    @pytest.fixture
    def seen(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float, int]]:
        """Index, time and number of each picture that the tracker is shown."""
        seen: list[tuple[int, float, int]] = []

        def look(
            frames: Iterable[tuple[Timed, Poses]], settings: object, fps: object, has_images: bool
        ) -> Iterator[IntArray]:
            assert has_images
            for frame, poses in frames:
                assert isinstance(frame, Frame)
                seen.append((frame.index, round(frame.pts_seconds, 2), read_number(frame.image)))
                yield np.arange(1, len(poses) + 1)

        monkeypatch.setattr(link_frames, "link_poses", look)
        return seen

    def linking(self, root: Path) -> Linking:
        return Linking(TRACKER, images=root)

    def test_by_name(self, tmp_path: Path, seen: list[tuple[int, float, int]]) -> None:
        (tmp_path / "seq").mkdir()
        for number in range(3):
            cv2.imwrite(str(tmp_path / "seq" / f"{number:06d}.jpg"), numbered_image(number))
        link_sequence(walkers("posetrack18", frames=3), self.linking(tmp_path))
        assert seen == [(0, 0.0, 0), (1, 0.04, 1), (2, 0.08, 2)]

    def test_of_a_video(self, tmp_path: Path, seen: list[tuple[int, float, int]]) -> None:
        make_video(tmp_path / "seq.mp4", 4)
        raw_tracks(tmp_path / "a.jsonl", walkers("coco", frames=3))
        link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", self.linking(tmp_path))
        assert seen == [(0, 0.0, 0), (1, 0.04, 1), (2, 0.08, 2)]

    def test_of_a_video_counted_from_one(self, tmp_path: Path, seen: list[tuple[int, float, int]]) -> None:
        sequence = walkers("posetrack17", frames=2)
        names = ("images/seq/00000002.jpg", "images/seq/00000004.jpg")
        frames = tuple(replace(f, image_name=name) for f, name in zip(sequence.frames, names, strict=True))
        make_video(tmp_path / "seq.mp4", 4)
        link_sequence(replace(sequence, frames=frames, layout="posetrack17"), self.linking(tmp_path))
        assert seen == [(1, 0.04, 1), (3, 0.12, 3)]

    def test_named_by_a_tracks_file(self, tmp_path: Path, seen: list[tuple[int, float, int]]) -> None:
        names = [f"{number:06d}.jpg" for number in (5, 6)]
        for number, name in enumerate(names):
            cv2.imwrite(str(tmp_path / name), numbered_image(number))
        raw_tracks(tmp_path / "a.jsonl", walkers("coco", frames=2), image_names=names)
        link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", self.linking(tmp_path))
        assert seen == [(0, 0.0, 0), (1, 0.04, 1)]

    def test_that_are_missing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"no picture of frame 0; looked for .*000000\.jpg, .*seq\.mp4"):
            link_sequence(walkers("posetrack18", frames=3), self.linking(tmp_path))

    def test_of_a_name_from_outside(self, tmp_path: Path) -> None:
        sequence = walkers("posetrack18", frames=1)
        frames = (replace(sequence.frames[0], image_name="../secret/000000.jpg"),)
        with pytest.raises(ValueError, match=r"must be a path below the folder of pictures, got '\.\./secret/000000"):
            link_sequence(replace(sequence, frames=frames), self.linking(tmp_path))
        raw_tracks(tmp_path / "a.jsonl", walkers("coco", frames=1), source="..", image_names=["0.jpg"])
        with pytest.raises(ValueError, match="must be a path below"):
            link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", self.linking(tmp_path))
