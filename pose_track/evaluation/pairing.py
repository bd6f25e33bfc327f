"""Truth and predictions, file beside file of the same name, checked so that they can be compared."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import FrameInfo, PoseSequence

logger = logging.getLogger(__name__)

Pair = tuple[PoseSequence, PoseSequence]
Mask = NDArray[np.bool_]

# what can be left out, as the warning calls it before its number
SEQUENCES, FRAMES, PEOPLE = "sequences", "frames", "people with the id of another"
UNREADABLE, TRACKING = "unreadable parts of files", "all track ids"


def load_pairs(gt_dir: str | Path, pred_dir: str | Path, problems: Problems) -> list[Pair]:
    """(truth, prediction) of every *.json of gt_dir, in the order of their names, from the file of that name in
    pred_dir; or of two files. The layouts may differ.

    What does not fit goes to `problems`. Where these are lenient, it is left out and a warning says how much: a
    sequence without a prediction that fits it, of two people with one id in a frame the later, a frame where a truth
    person lacks the head box, and, where only some people have ids, all ids. Raises ValueError where nothing is left,
    OSError for files that cannot be read.
    """
    loader, paths = _Loader(problems), list(_paths(Path(gt_dir), Path(pred_dir)))
    pairs = [pair for truth, prediction in paths if (pair := loader.load(truth, prediction)) is not None]
    if not any(truth.people.has_joint.any() for truth, _ in pairs):
        first = f"; first: {problems.messages[0]}" if problems.messages else ""
        raise ValueError(f"{gt_dir} has no labelled people to evaluate{first}")
    pairs = loader.with_ids(pairs)
    _warn_of_names(pairs)
    _warn_of_scores(pairs)
    if loader.left_out:
        logger.warning("left out: %s", ", ".join(f"{what} {n}" for what, n in sorted(loader.left_out.items())))
    return pairs


def _paths(gt: Path, pred: Path) -> Iterator[tuple[Path, Path]]:
    for path in (gt, pred):
        if not path.exists():
            raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    if gt.is_dir() != pred.is_dir():
        folder, file = (gt, pred) if gt.is_dir() else (pred, gt)
        raise ValueError(f"{str(folder)!r} is a folder and {str(file)!r} is a file; give two folders or two files")
    if not gt.is_dir():
        yield gt, pred
        return
    names = sorted(path.name for path in gt.glob("*.json"))
    if not names:
        raise ValueError(f"{str(gt)!r} holds no *.json; give the folder of the annotations, one file a sequence")
    for name in names:
        yield gt / name, pred / name


class _Loader:
    """Reads and checks. left_out: how much of what was."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.left_out: Counter[str] = Counter()

    def load(self, gt_path: Path, pred_path: Path) -> Pair | None:
        if not pred_path.exists():
            self._leave_out(SEQUENCES, f"{gt_path} has no prediction {pred_path}; every sequence needs one")
            return None
        truth, prediction = self._read(gt_path), self._read(pred_path)
        if truth is None or prediction is None:
            self.left_out[SEQUENCES] += 1
            return None
        fault = _frames_fault(truth, prediction)
        if fault:
            self._leave_out(SEQUENCES, f"{pred_path}: {fault} (truth {gt_path})")
            return None
        # A truth person without joints takes no part; of predictions the official tool refuses those as well.
        truth = self._without_doubles(_with_heads(truth), gt_path, _with_joints(truth))
        prediction = self._without_doubles(prediction, pred_path, np.ones(len(prediction.people), bool))
        keep = self._frames_with_heads(truth, gt_path)
        if not keep.any():
            return None
        return _only_frames(truth, keep), _only_frames(prediction, keep)

    def with_ids(self, pairs: list[Pair]) -> list[Pair]:
        """The pairs, or, where ids are told of some people only, the pairs without ids."""
        if not any((prediction.people.track_ids != -1).any() for _, prediction in pairs):
            return pairs
        for sequence in (sequence for pair in pairs for sequence in pair):
            nameless = np.flatnonzero((sequence.people.track_ids == -1) & _with_joints(sequence))
            if len(nameless):
                kind = "truth" if any(sequence is truth for truth, _ in pairs) else "prediction"
                where = _person(sequence, int(nameless[0]))
                remedy = "give everybody one, or, to measure AP alone, no prediction any"
                self._leave_out(TRACKING, f"{kind} {sequence.name}: {where} has no track id, others have; {remedy}")
                return [(_without_ids(truth), _without_ids(prediction)) for truth, prediction in pairs]
        return pairs

    def _leave_out(self, what: str, message: str) -> None:
        self.problems.add(message)
        self.left_out[what] += 1

    def _read(self, path: Path) -> PoseSequence | None:
        before = len(self.problems.messages)
        try:
            sequence = read_posetrack(path, self.problems)
        except ValueError as error:
            if not self.problems.lenient:
                raise
            self.problems.add(str(error))
            return None
        if len(self.problems.messages) > before:
            self.left_out[UNREADABLE] += len(self.problems.messages) - before
        return sequence

    def _without_doubles(self, sequence: PoseSequence, path: Path, counted: Mask) -> PoseSequence:
        people, frame_of = sequence.people, sequence.frame_of
        told = np.flatnonzero(counted & (people.track_ids != -1))
        told = told[np.lexsort((told, people.track_ids[told], frame_of[told]))]
        same = (np.diff(people.track_ids[told]) == 0) & (np.diff(frame_of[told]) == 0)
        keep = np.ones(len(people), bool)
        keep[told[1:][same]] = False
        for row in np.flatnonzero(~keep).tolist():
            where = _person(sequence, row)
            self._leave_out(PEOPLE, f"{path}: {where} has the id of another person of that frame")
        return sequence if keep.all() else replace(sequence, people=people[keep], frame_of=frame_of[keep])

    def _frames_with_heads(self, truth: PoseSequence, path: Path) -> Mask:
        """(frames,) which can be evaluated: joints are measured in heads."""
        boxes = truth.people.head_boxes
        size = np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        headless = np.flatnonzero(_with_joints(truth) & ~(size > 0))
        keep = np.ones(len(truth), bool)
        for row in headless.tolist():
            if keep[truth.frame_of[row]]:
                keep[truth.frame_of[row]] = False
                what = "no head box" if np.isnan(size[row]) else "an empty head box"
                self._leave_out(FRAMES, f"{path}: {_person(truth, row)} has joints but {what}")
        return keep


def _frames_fault(truth: PoseSequence, prediction: PoseSequence) -> str | None:
    """Why the frames of the two are not the same, None where they are."""
    alike = truth.layout == prediction.layout
    if len(truth) != len(prediction):
        names = [(a.image_name, b.image_name) for a, b in zip(truth.frames, prediction.frames, strict=False)]
        differ = [place for place, (a, b) in enumerate(names) if alike and _base(a) != _base(b)]
        longer = max(truth, prediction, key=len)
        where = _frame(longer.frames, differ[0] if differ else len(names))
        return f"{len(prediction)} frames instead of {len(truth)}, different from {where} on; all must be there"
    for place, (a, b) in enumerate(zip(truth.frames, prediction.frames, strict=True)):
        if a.image_id is not None and b.image_id is not None and a.image_id != b.image_id:
            where = _frame(prediction.frames, place)
            return f"{where} has image id {b.image_id} instead of {a.image_id}; is it for this version of the truth?"
    return None


def _with_heads(truth: PoseSequence) -> PoseSequence:
    """The one box of the 2017 layout is the head's in truth, also where there are joint scores, as in predictions."""
    if truth.layout != "posetrack17":
        return truth
    people = truth.people
    heads = np.where(np.isnan(people.head_boxes), people.boxes, people.head_boxes)
    return replace(truth, people=replace(people, head_boxes=heads))


def _with_joints(sequence: PoseSequence) -> Mask:
    """(people,) who has any."""
    return np.asarray(sequence.people.has_joint.any(axis=1))


def _only_frames(sequence: PoseSequence, keep: Mask) -> PoseSequence:
    if keep.all():
        return sequence
    place = np.cumsum(keep) - 1  # of each frame that is kept, among those
    there = keep[sequence.frame_of]
    return replace(
        sequence,
        frames=tuple(frame for frame, is_saved in zip(sequence.frames, keep, strict=True) if is_saved),
        people=sequence.people[there],
        frame_of=place[sequence.frame_of[there]],
    )


def _without_ids(sequence: PoseSequence) -> PoseSequence:
    people = sequence.people
    return replace(sequence, people=replace(people, track_ids=np.full_like(people.track_ids, -1)))


def _frame(frames: tuple[FrameInfo, ...], place: int) -> str:
    frame = frames[place]  # frames before it may have been left out: its index is the place in the file
    return f"frame {frame.index}" + (f" ({frame.image_name})" if frame.image_name else "")


def _person(sequence: PoseSequence, row: int) -> str:
    """Frame and person: "frame 3 (images/a/000003.jpg), person 0 (track id 7)"."""
    frame = int(sequence.frame_of[row])
    place = row - int(np.searchsorted(sequence.frame_of, frame))
    track_id = int(sequence.people.track_ids[row])
    told = f" (track id {track_id})" if track_id != -1 else ""
    return f"{_frame(sequence.frames, frame)}, person {place}{told}"


def _base(image_name: str) -> str:
    return image_name.replace("\\", "/").rpartition("/")[2]


def _warn_of_names(pairs: list[Pair]) -> None:
    """As the official tool does, frames go by their place alone; image ids, where there are any, were compared."""
    for truth, prediction in pairs:
        if not truth.layout == prediction.layout == "posetrack17":
            continue
        for place, (a, b) in enumerate(zip(truth.frames, prediction.frames, strict=True)):
            if a.image_name and b.image_name and _base(a.image_name) != _base(b.image_name):
                where = _frame(truth.frames, place)
                logger.warning("%s: %s is %s in the prediction; compared all the same", truth.name, where, b.image_name)
                return


def _warn_of_scores(pairs: list[Pair]) -> None:
    for _, prediction in pairs:
        missing = prediction.people.has_joint & np.isnan(prediction.people.joint_scores)
        if missing.any():
            where = _person(prediction, int(np.flatnonzero(missing.any(axis=1))[0]))
            logger.warning("prediction %s: %s has joints without score; they count as lowest", prediction.name, where)
            return
