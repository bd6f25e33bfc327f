"""Linking the poses in files."""

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
from linking.synthetic_walkers import walker_numbers, walker_sequence, write_unlinked_tracks
from make_video import make_video, numbered_image, read_number
from shared_data import shared

from pose_track.config.tracker import CueWeights, TrackerSettings
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.linking import frames as link_frames
from pose_track.linking.files import link_file, link_jobs, link_sequence, parse_fps
from pose_track.linking.frames import LinkOptions, LinkResult, Stopwatch
from pose_track.structures.arrays import IntArray
from pose_track.structures.frames import Frame, FrameLike, Poses
from pose_track.structures.sequence import PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17

TRACKER = TrackerSettings(min_confirm_frames=1)
OPTIONS = LinkOptions(TRACKER)
LAYOUTS = ("posetrack17", "posetrack18", "coco", "mot")


def write_walkers(path: Path, layout: str, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[layout].write(walker_sequence(layout, **options), path)
    return path


def read(path: Path) -> PoseSequence:
    sequence = read_sequence(path)
    assert isinstance(sequence, PoseSequence)
    return sequence


def assert_same_people(a: PoseAnnotations, b: PoseAnnotations, ignore: tuple[str, ...] = ("track_ids",)) -> None:
    for name in (f.name for f in fields(PoseAnnotations) if f.name not in (*ignore, "extra")):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert [dict(extra) for extra in a.extra] == [dict(extra) for extra in b.extra]


def ids_of_walkers(people: PoseAnnotations) -> dict[int, set[int]]:
    """walker -> its track ids."""
    ids: dict[int, set[int]] = {}
    for walker, track_id in zip(walker_numbers(people), people.track_ids.tolist(), strict=True):
        ids.setdefault(walker, set()).add(track_id)
    return ids


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_people_stay_and_each_gets_one_id(tmp_path: Path, layout: str) -> None:
    path = write_walkers(tmp_path / "in" / "seq.json", layout)
    result = link_file(path, tmp_path / "out" / "seq.json", OPTIONS)
    before, after = read(path), read(tmp_path / "out" / "seq.json")
    assert after.layout == layout
    assert_same_people(before.people, after.people)
    assert_same_frames(before, after, "image_id", "extra")
    np.testing.assert_array_equal(before.frame_indices, after.frame_indices)
    assert sorted(map(sorted, ids_of_walkers(after.people).values())) == [[1], [2], [3]]
    assert (result.num_frames, result.num_people, result.num_linked, len(result.tracks), result.num_problems) == (
        8,
        24,
        24,
        3,
        0,
    )
    assert result.seconds > 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("frames", [0, 1, 3])
def test_no_people(tmp_path: Path, layout: str, frames: int) -> None:
    path = write_walkers(tmp_path / "seq.txt", layout, frames=frames, num_people=0)
    result = link_file(path, tmp_path / "out.txt", OPTIONS)
    before, after = read(path), read(tmp_path / "out.txt")
    assert_same_frames(before, after, "image_id", "extra")
    assert (len(after.people), after.layout, dict(after.extra)) == (0, layout, dict(before.extra))
    assert (result.num_people, result.num_linked, len(result.tracks)) == (0, 0, 0)


def test_other_fields_of_a_file_stay(tmp_path: Path) -> None:
    sequence = walker_sequence("posetrack18", frames=2)
    write_walkers(tmp_path / "a.json", "posetrack18", frames=2)
    content = json.loads((tmp_path / "a.json").read_text())
    content["licence"] = "mine"
    content["images"][0]["weather"] = "fair"
    content["annotations"][0] |= {"centre": [1, 2], "keypoints": [1 / 3, *content["annotations"][0]["keypoints"][1:]]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    link_file(tmp_path / "a.json", tmp_path / "out.json", OPTIONS)
    output = json.loads((tmp_path / "out.json").read_text())
    ids = [annotation.pop("track_id") for annotation in output["annotations"]]
    assert len(ids) == len(sequence.people)
    for annotation in content["annotations"]:
        del annotation["track_id"]
    assert output == content


def test_shared_files_keep_everything_except_ids(tmp_path: Path) -> None:
    folder = shared("data/posetrack18_sample/annotations/val")
    for path in sorted(folder.glob("*.json")):
        result = link_file(path, tmp_path / path.name, OPTIONS)
        assert (result.num_linked, result.num_people) == (len(read(path).people),) * 2
        assert_same_people(read(path).people, read(tmp_path / path.name).people)


@pytest.mark.parametrize("lag", [0, 1, 5, 100])
def test_late_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lag: int) -> None:
    def delayed(
        frames: Iterable[tuple[FrameLike, Poses]], settings: object, fps: object, has_images: bool
    ) -> Iterator[IntArray]:
        """Ids in the order of the scores, `lag` frames later."""
        pending: list[IntArray] = []
        for _, poses in frames:
            pending.append(np.argsort(np.argsort(poses.scores)) + 1)
            if len(pending) > lag:
                yield pending.pop(0)
        yield from pending

    monkeypatch.setattr(link_frames, "link_poses", delayed)
    linked, _ = link_sequence(walker_sequence("coco"), OPTIONS)
    assert ids_of_walkers(linked.people) == {0: {1}, 1: {2}, 2: {3}}
    write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco"))
    link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", OPTIONS)
    _, records = read_tracks(tmp_path / "b.jsonl")
    assert all(t.track_ids.tolist() == [round((s - 0.6) * 10) + 1 for s in t.poses.scores.tolist()] for t in records)


def test_people_without_an_id_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def link_some(
        frames: Iterable[tuple[FrameLike, Poses]], settings: object, fps: object, has_images: bool
    ) -> Iterator[IntArray]:
        for frame, poses in frames:
            yield np.where(poses.scores < 0.65, 0, 7 + np.arange(len(poses))) * (frame.index != 2)

    monkeypatch.setattr(link_frames, "link_poses", link_some)
    before = walker_sequence("coco", frames=4)
    after, result = link_sequence(before, OPTIONS)
    keep = np.array([walker > 0 for walker in walker_numbers(before.people)]) & (before.frame_indices != 2)
    assert_same_people(before.people[keep], after.people)
    assert after.frames == before.frames
    assert (result.num_people, result.num_linked) == (12, 6)


def test_confirmed_tracks(tmp_path: Path) -> None:
    absent = {(0, index) for index in range(8) if index != 3}
    sequence = walker_sequence("coco", absent=absent)  # walker 0 is present once
    linking = LinkOptions(TrackerSettings(min_confirm_frames=3))
    linked, _ = link_sequence(sequence, linking)
    assert set(walker_numbers(linked.people)) == {1, 2}
    assert all(len(ids) == 1 for ids in ids_of_walkers(linked.people).values())


class TestThresholds:
    def test_people_are_dropped_before_linking(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scores: list[float] = []

        def record(
            frames: Iterable[tuple[FrameLike, Poses]], settings: object, fps: object, has_images: bool
        ) -> Iterator[IntArray]:
            for _, poses in frames:
                scores.extend(poses.scores.tolist())
                yield np.arange(1, len(poses) + 1)

        monkeypatch.setattr(link_frames, "link_poses", record)
        before = walker_sequence("coco")
        after, result = link_sequence(before, LinkOptions(TRACKER, min_person_score=0.7))
        assert min(scores) == pytest.approx(0.7)  # a score at the limit stays
        keep = np.array([walker > 0 for walker in walker_numbers(before.people)])
        assert_same_people(before.people[keep], after.people)
        assert (result.num_people, result.num_linked) == (24, 16)

    def test_joints_are_dropped_after_linking(self) -> None:
        before = walker_sequence("coco")
        before.people.joint_scores[0], before.people.joint_scores[1] = 0.45, [0.5] + [0.45] * 16
        after, result = link_sequence(before, LinkOptions(TRACKER, min_joint_score=0.5))
        low = before.people.joint_scores < 0.5
        people = replace(
            before.people,
            joints=np.where(low[..., None], np.nan, before.people.joints),
            joint_scores=np.where(low, np.nan, before.people.joint_scores),
        )
        assert_same_people(people[1:], after.people)
        assert after.people.has_joint[0].tolist() == [True] + [False] * 16
        assert (result.num_people, result.num_linked) == (24, 23)
        assert all(len(ids) == 1 for ids in ids_of_walkers(after.people).values())

    def test_missing_scores_are_not_low(self) -> None:
        before = walker_sequence("coco")
        before.people.joint_scores[:], before.people.scores[:] = np.nan, np.nan
        after, _ = link_sequence(before, LinkOptions(TRACKER, min_person_score=1, min_joint_score=1))
        assert_same_people(before.people, after.people)

    def test_in_a_tracks_file(self, tmp_path: Path) -> None:
        write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco"))
        result = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LinkOptions(TRACKER, Fraction(25), 0.7, 0.9))
        before, after = (list(read_tracks(tmp_path / f"{name}.jsonl")[1]) for name in "ab")
        assert result.num_linked == sum(len(tracked) for tracked in after)
        for old, new in zip(before, after, strict=True):
            high = old.poses.joint_scores >= np.float32(0.9)
            keep = (old.poses.scores >= np.float32(0.7)) & high.any(axis=1)
            np.testing.assert_array_equal(new.poses.joint_scores, (old.poses.joint_scores * high)[keep])
            np.testing.assert_array_equal(new.poses.joints, (old.poses.joints * high[..., None])[keep])

    @pytest.mark.parametrize("name", ["min_person_score", "min_joint_score"])
    @pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
    def test_invalid_thresholds(self, name: str, value: float) -> None:
        with pytest.raises(ValueError, match=f"{name} .* {value}"):
            LinkOptions(TRACKER, **{name: value})  # type: ignore[arg-type]


class TestTime:
    """A track buffer of 0.2 seconds, and a walker who is missing for some frames."""

    tracker = TrackerSettings(min_confirm_frames=1, buffer_seconds=0.2)

    def ids(self, sequence: PoseSequence, **options: Any) -> set[int]:
        linked, _ = link_sequence(sequence, LinkOptions(self.tracker, **options))
        return ids_of_walkers(linked.people)[0]

    def test_gaps_are_measured_in_seconds(self) -> None:
        sequence = walker_sequence("coco", frames=12, num_people=1, absent={(0, index) for index in (3, 4, 5)})
        assert len(self.ids(sequence)) == 1  # 3 frames at 25 a second
        assert len(self.ids(sequence, fps=Fraction(5))) == 2

    def test_images_that_are_not_listed_count_as_time(self) -> None:
        sequence = walker_sequence("posetrack18", frames=4, num_people=1)
        frames = tuple(
            replace(frame, image_name=f"images/seq/{number:06d}.jpg")
            for frame, number in zip(sequence.frames, (0, 1, 30, 31), strict=True)
        )
        assert len(self.ids(sequence)) == 1
        assert len(self.ids(replace(sequence, frames=frames))) == 2

    def test_a_tracks_file_has_its_own_frame_rate(self, tmp_path: Path) -> None:
        sequence = walker_sequence("coco", frames=12, num_people=1, absent={(0, index) for index in (3, 4, 5)})
        for fps, count in ((25.0, 1), (5.0, 2)):
            write_unlinked_tracks(tmp_path / "a.jsonl", sequence, fps=fps)
            result = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", LinkOptions(self.tracker, Fraction(25)))
            assert len(result.tracks) == count


def test_videos_of_one_file_are_linked_separately(tmp_path: Path) -> None:
    sequence = walker_sequence("coco", frames=8)
    frames = tuple(replace(f, image_id=10**10 + (n // 4 + 1) * 10**4 + n % 4) for n, f in enumerate(sequence.frames))
    FORMATS["coco"].write(replace(sequence, frames=frames), tmp_path / "all.json")
    result = link_file(tmp_path / "all.json", tmp_path / "out.json", OPTIONS)
    assert (result.num_frames, len(result.tracks)) == (8, 6)
    after = read(tmp_path / "out.json")
    for video in (after.frame_indices < 4, after.frame_indices >= 4):
        assert sorted(map(sorted, ids_of_walkers(after.people[video]).values())) == [[1], [2], [3]]


class TestTracksJsonl:
    def test_only_ids_and_header_change(self, tmp_path: Path) -> None:
        write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco"), image_names=["x.jpg"] * 8, seconds=1.5)
        result = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", OPTIONS)
        before, after = (
            [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()] for name in "ab"
        )
        assert (result.num_frames, result.num_people, result.num_linked, len(result.tracks)) == (8, 24, 24, 3)
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
        write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco", frames=2))
        with (tmp_path / "a.jsonl").open("a") as file:
            file.write('{"type":"fault","message":"no more","after_frame":1}\n')
        link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", OPTIONS)
        _, records = read_tracks(tmp_path / "b.jsonl")
        assert len(list(records)) == 2
        assert records.fault is not None
        assert records.fault.message == "no more"

    @pytest.mark.parametrize("fps", [0, -1, "many", None])
    def test_an_invalid_frame_rate(self, tmp_path: Path, fps: object) -> None:
        write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco", frames=2))
        header, _, frames = (tmp_path / "a.jsonl").read_text().partition("\n")
        (tmp_path / "a.jsonl").write_text(json.dumps(json.loads(header) | {"fps": fps}) + "\n" + frames)
        with pytest.raises(ValueError, match=r"a\.jsonl, line 1: .*fps"):
            link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", OPTIONS)

    def test_an_incomplete_file_writes_nothing(self, tmp_path: Path) -> None:
        write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco", frames=3))
        text = (tmp_path / "a.jsonl").read_text()
        (tmp_path / "a.jsonl").write_text(text[:-20])
        with pytest.raises(ValueError, match=r"a\.jsonl, line 4"):
            link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", OPTIONS)
        assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
        result = link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", OPTIONS, Problems(lenient=True))
        assert result.num_frames == 2


@pytest.mark.parametrize("cues", [{"oks": 1.0}, {"motion": 1.0, "appearance": 2.0}, {"flow": 1.0}])
def test_boxes_without_joints_are_compared_by_iou(tmp_path: Path, cues: dict[str, float]) -> None:
    """Whatever the cues."""
    path = write_walkers(tmp_path / "seq.txt", "mot")
    weights = dict.fromkeys(CueWeights.model_fields, 0.0) | cues
    tracker = TrackerSettings.model_validate({"weights": weights, "min_confirm_frames": 1})
    result = link_file(path, tmp_path / "out.txt", LinkOptions(tracker))
    assert (result.num_linked, len(result.tracks)) == (24, 3)
    assert all(len(ids) == 1 for ids in ids_of_walkers(read(tmp_path / "out.txt").people).values())


def test_the_joint_order(tmp_path: Path) -> None:
    path = write_walkers(tmp_path / "seq.json", "coco")
    link_file(path, tmp_path / "out.json", LinkOptions(TRACKER, skeleton=COCO_17))
    write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco", frames=2))
    for other in (write_walkers(tmp_path / "b.json", "posetrack17"), tmp_path / "a.jsonl"):
        with pytest.raises(ValueError, match=other.name):
            link_file(other, tmp_path / "out", LinkOptions(TRACKER, skeleton=COCO_17))


class TestJobs:
    def test_a_folder(self, tmp_path: Path) -> None:
        for name in ("b.json", "a.jsonl", "c.txt", "notes.md", ".hidden.json"):
            (tmp_path / name).write_text("")
        (tmp_path / "d.json").mkdir()
        out = tmp_path / "out"
        assert link_jobs(tmp_path, out) == [(tmp_path / name, out / name) for name in ("a.jsonl", "b.json", "c.txt")]

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("")
        assert link_jobs(tmp_path / "a.json", tmp_path / "out") == [(tmp_path / "a.json", tmp_path / "out" / "a.json")]

    def test_no_input(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"\.jsonl, \.json, \.txt"):
            link_jobs(tmp_path, tmp_path / "out")
        with pytest.raises(FileNotFoundError, match="gone"):
            link_jobs(tmp_path / "gone", tmp_path / "out")

    def test_an_input_is_never_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("")
        for pred in (tmp_path, tmp_path / "a.json"):
            with pytest.raises(ValueError, match=r"a\.json"):
                link_jobs(pred, tmp_path / ".", overwrite=True)

    def test_an_output_is_replaced_only_with_overwrite(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        for name in ("a.json", "out/a.json"):
            (tmp_path / name).write_text("")
        with pytest.raises(FileExistsError, match="--overwrite"):
            link_jobs(tmp_path, tmp_path / "out")
        assert len(link_jobs(tmp_path, tmp_path / "out", overwrite=True)) == 1


@pytest.mark.parametrize("text", ["0", "-5", "1/0", "nan", "inf", "fast", ""])
def test_invalid_frame_rates(text: str) -> None:
    with pytest.raises(ValueError, match=f"fps .*'{text}'"):
        parse_fps(text)


def test_frame_rates() -> None:
    assert [parse_fps(text) for text in ("25", "29.97", "30000/1001")] == [25, Fraction("29.97"), Fraction(30000, 1001)]


def test_a_stopwatch_measures_only_the_iterator() -> None:
    watch = Stopwatch()
    for _ in watch.timed(range(3)):
        before = watch.seconds
        sum(range(100_000))
        assert watch.seconds == before
    assert 0 < watch.seconds < 0.1


def test_the_summary_counts_problems() -> None:
    assert LinkResult(num_problems=2).summary().endswith("0.00 ms a frame, 2 problems left out")


class TestImages:
    @pytest.fixture
    def images_seen(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float, int]]:
        """(index, time, number) of each image that the tracker gets."""
        images_seen: list[tuple[int, float, int]] = []

        def record(
            frames: Iterable[tuple[FrameLike, Poses]], settings: object, fps: object, has_images: bool
        ) -> Iterator[IntArray]:
            assert has_images
            for frame, poses in frames:
                assert isinstance(frame, Frame)
                images_seen.append((frame.index, round(frame.pts_seconds, 2), read_number(frame.image)))
                yield np.arange(1, len(poses) + 1)

        monkeypatch.setattr(link_frames, "link_poses", record)
        return images_seen

    def options(self, root: Path) -> LinkOptions:
        return LinkOptions(TRACKER, images=root)

    def test_by_name(self, tmp_path: Path, images_seen: list[tuple[int, float, int]]) -> None:
        (tmp_path / "seq").mkdir()
        for number in range(3):
            cv2.imwrite(str(tmp_path / "seq" / f"{number:06d}.jpg"), numbered_image(number))
        link_sequence(walker_sequence("posetrack18", frames=3), self.options(tmp_path))
        assert images_seen == [(0, 0.0, 0), (1, 0.04, 1), (2, 0.08, 2)]

    def test_of_a_video(self, tmp_path: Path, images_seen: list[tuple[int, float, int]]) -> None:
        make_video(tmp_path / "seq.mp4", 4)
        write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco", frames=3))
        link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", self.options(tmp_path))
        assert images_seen == [(0, 0.0, 0), (1, 0.04, 1), (2, 0.08, 2)]

    def test_of_a_video_counted_from_one(self, tmp_path: Path, images_seen: list[tuple[int, float, int]]) -> None:
        sequence = walker_sequence("posetrack17", frames=2)
        names = ("images/seq/00000002.jpg", "images/seq/00000004.jpg")
        frames = tuple(replace(f, image_name=name) for f, name in zip(sequence.frames, names, strict=True))
        make_video(tmp_path / "seq.mp4", 4)
        link_sequence(replace(sequence, frames=frames, layout="posetrack17"), self.options(tmp_path))
        assert images_seen == [(1, 0.04, 1), (3, 0.12, 3)]

    def test_names_in_a_tracks_file(self, tmp_path: Path, images_seen: list[tuple[int, float, int]]) -> None:
        names = [f"{number:06d}.jpg" for number in (5, 6)]
        for number, name in enumerate(names):
            cv2.imwrite(str(tmp_path / name), numbered_image(number))
        write_unlinked_tracks(tmp_path / "a.jsonl", walker_sequence("coco", frames=2), image_names=names)
        link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", self.options(tmp_path))
        assert images_seen == [(0, 0.0, 0), (1, 0.04, 1)]

    def test_missing_images(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"frame 0\b.*000000\.jpg, .*seq\.mp4"):
            link_sequence(walker_sequence("posetrack18", frames=3), self.options(tmp_path))

    def test_a_name_outside_the_folder(self, tmp_path: Path) -> None:
        sequence = walker_sequence("posetrack18", frames=1)
        frames = (replace(sequence.frames[0], image_name="../secret/000000.jpg"),)
        with pytest.raises(ValueError, match=r"\.\./secret/000000"):
            link_sequence(replace(sequence, frames=frames), self.options(tmp_path))
        write_unlinked_tracks(
            tmp_path / "a.jsonl", walker_sequence("coco", frames=1), source="..", image_names=["0.jpg"]
        )
        with pytest.raises(ValueError, match="path below"):
            link_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", self.options(tmp_path))
