"""Loading of ground truth and predictions: files of the same name, paired and checked."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose_track.formats.coco_results import ALPHAPOSE
from pose_track.formats.identify import identify_folder, is_alphapose
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.problems import Problems
from pose_track.formats.registry import TOOLS, identify_format, read_sequence
from pose_track.formats.tracks_source import TracksSource
from pose_track.structures.arrays import BoolArray
from pose_track.structures.sequence import FrameInfo, PoseSequence

logger = logging.getLogger(__name__)

SequencePair = tuple[PoseSequence, PoseSequence]
"""Ground truth and prediction."""

# what lenient loading leaves out; the warning names it before the count
_SEQUENCES, _FRAMES, _PEOPLE = "sequences", "frames", "people with the id of another"
_UNREADABLE, _TRACK_IDS = "unreadable parts of files", "all track ids"


def load_pairs(gt_dir: str | Path, pred_dir: str | Path, problems: Problems) -> list[SequencePair]:
    """The (gt, prediction) of every *.json in gt_dir, ordered by name, and the file of the same name in pred_dir.

    gt_dir, pred_dir: two folders, or two files. Their layouts may differ; a predicted file may be a tracks.jsonl, or a
        file or folder of one of `registry.TOOLS`, whose frames are those of the same index of the ground truth.
    problems: collects the errors of the files. If lenient, the faulty part is left out and a warning gives the counts:
        a sequence without a matching prediction; of two people with one id in a frame the later one; a frame in which
        a gt person has no head box; and all track ids if only some people have one.

    Raises ValueError if nothing remains, OSError for files that cannot be read.
    """
    loader, paths = _PairLoader(problems), list(_path_pairs(Path(gt_dir), Path(pred_dir)))
    pairs = [pair for gt_path, pred_path in paths if (pair := loader.load(gt_path, pred_path)) is not None]
    if not any(gt.people.has_joint.any() for gt, _ in pairs):
        first = f"; first problem: {problems.messages[0]}" if problems.messages else ""
        raise ValueError(f"{gt_dir} has no labelled people to evaluate{first}")
    pairs = loader.drop_partial_ids(pairs)
    _warn_of_image_names(pairs)
    _warn_of_missing_scores(pairs)
    if loader.left_out:
        logger.warning("left out: %s", ", ".join(f"{what} {count}" for what, count in sorted(loader.left_out.items())))
    return pairs


def _path_pairs(gt: Path, pred: Path) -> Iterator[tuple[Path, Path]]:
    for path in (gt, pred):
        if not path.exists():
            raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    if gt.is_file() and identify_folder(pred) is not None:  # one video
        yield gt, pred
        return
    if gt.is_dir() != pred.is_dir():
        folder, file = (gt, pred) if gt.is_dir() else (pred, gt)
        raise ValueError(f"{str(folder)!r} is a folder and {str(file)!r} is a file; give two folders or two files")
    if not gt.is_dir():
        yield gt, pred
        return
    names = sorted(path.name for path in gt.glob("*.json"))
    if not names:
        raise ValueError(f"{str(gt)!r} has no *.json; give the folder of the annotations, one file per sequence")
    for name in names:
        yield gt / name, pred / name


class _PairLoader:
    """Reads and checks pairs. left_out: the counts of the parts left out."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.left_out: Counter[str] = Counter()

    def load(self, gt_path: Path, pred_path: Path) -> SequencePair | None:
        if not pred_path.exists():
            self._leave_out(_SEQUENCES, f"{gt_path} has no prediction {pred_path}; give one for every sequence")
            return None
        gt, prediction = self._read(gt_path), self._read(pred_path)
        if gt is None or prediction is None:
            self.left_out[_SEQUENCES] += 1
            return None
        if prediction.layout in (*TOOLS, ALPHAPOSE):
            prediction = _on_frames_of(gt, prediction)
        mismatch = _frame_mismatch(gt, prediction)
        if mismatch:
            self._leave_out(_SEQUENCES, f"{pred_path}: {mismatch} (ground truth {gt_path})")
            return None
        # Gt people without joints are not evaluated; of predictions the official tool rejects their duplicate ids too.
        gt = self._drop_duplicate_ids(_with_head_boxes(gt), gt_path, _has_joints(gt))
        prediction = self._drop_duplicate_ids(prediction, pred_path, np.ones(len(prediction.people), bool))
        keep = self._frames_with_head_boxes(gt, gt_path)
        if not keep.any():
            return None
        return _select_frames(gt, keep), _select_frames(prediction, keep)

    def drop_partial_ids(self, pairs: list[SequencePair]) -> list[SequencePair]:
        """The pairs; without track ids if only some people have one."""
        if not any((prediction.people.track_ids != -1).any() for _, prediction in pairs):
            return pairs
        for sequence in (sequence for pair in pairs for sequence in pair):
            without_id = np.flatnonzero((sequence.people.track_ids == -1) & _has_joints(sequence))
            if len(without_id):
                side = "ground truth" if any(sequence is gt for gt, _ in pairs) else "prediction"
                person = _describe_person(sequence, int(without_id[0]))
                remedy = "give every person one or, to evaluate AP alone, no predicted person"
                self._leave_out(_TRACK_IDS, f"{side} {sequence.name}: {person} has no track id, others have; {remedy}")
                return [(_without_ids(gt), _without_ids(prediction)) for gt, prediction in pairs]
        return pairs

    def _leave_out(self, what: str, message: str) -> None:
        self.problems.add(message)
        self.left_out[what] += 1

    def _read(self, path: Path) -> PoseSequence | None:
        num_before = len(self.problems.messages)
        try:
            sequence = self._read_any(path)
        except ValueError as error:
            if not self.problems.lenient:
                raise
            self.problems.add(str(error))
            return None
        if len(self.problems.messages) > num_before:
            self.left_out[_UNREADABLE] += len(self.problems.messages) - num_before
        return sequence

    def _read_any(self, path: Path) -> PoseSequence:
        if _is_of_tool(path):
            sequence = read_sequence(path, self.problems)
            assert isinstance(sequence, PoseSequence)  # only a tracks.jsonl is read frame by frame
            return sequence
        return TracksSource(path).read_all() if _is_tracks(path) else read_posetrack(path, self.problems)

    def _drop_duplicate_ids(self, sequence: PoseSequence, path: Path, checked: BoolArray) -> PoseSequence:
        """The sequence without the later of two people with one id in a frame. checked: (N,) the people to check."""
        people, frame_indices = sequence.people, sequence.frame_indices
        rows = np.flatnonzero(checked & (people.track_ids != -1))
        rows = rows[np.lexsort((rows, people.track_ids[rows], frame_indices[rows]))]
        is_duplicate = (np.diff(people.track_ids[rows]) == 0) & (np.diff(frame_indices[rows]) == 0)
        keep = np.ones(len(people), bool)
        keep[rows[1:][is_duplicate]] = False
        for row in np.flatnonzero(~keep).tolist():
            person = _describe_person(sequence, row)
            self._leave_out(_PEOPLE, f"{path}: {person} has the id of another person in the frame; give each their own")
        return sequence if keep.all() else replace(sequence, people=people[keep], frame_indices=frame_indices[keep])

    def _frames_with_head_boxes(self, gt: PoseSequence, path: Path) -> BoolArray:
        """(frames,) the frames in which every person with joints has a head box, the unit of distances."""
        boxes = gt.people.head_boxes
        size = np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        without_head = np.flatnonzero(_has_joints(gt) & ~(size > 0))
        keep = np.ones(len(gt), bool)
        for row in without_head.tolist():
            if keep[gt.frame_indices[row]]:
                keep[gt.frame_indices[row]] = False
                fault = "no head box" if np.isnan(size[row]) else "an empty head box"
                self._leave_out(_FRAMES, f"{path}: {_describe_person(gt, row)} has joints but {fault}; add the box")
        return keep


def _is_tracks(path: Path) -> bool:
    """Whether a file, by its name, is a tracks.jsonl."""
    return path.suffix == ".jsonl"


def _is_of_tool(path: Path) -> bool:
    """Whether it is of another program; what no format is known of is left to the reader of PoseTrack's files."""
    try:
        return identify_format(path) in TOOLS or is_alphapose(path)
    except ValueError:
        return False


def _on_frames_of(gt: PoseSequence, prediction: PoseSequence) -> PoseSequence:
    """The predicted people on the frames of the ground truth, by position: these formats name no frames, and leave out
    those after the last person."""
    indices = np.array([info.index for info in prediction.frames], np.int64)[prediction.frame_indices]
    keep = indices < len(gt)
    return replace(prediction, frames=gt.frames, people=prediction.people[keep], frame_indices=indices[keep])


def _frame_mismatch(gt: PoseSequence, prediction: PoseSequence) -> str | None:
    """How the frames of the two differ; None if they agree."""
    same_layout = gt.layout == prediction.layout
    if len(gt) != len(prediction):
        names = [(a.image_name, b.image_name) for a, b in zip(gt.frames, prediction.frames, strict=False)]
        differing = [index for index, (a, b) in enumerate(names) if same_layout and _base_name(a) != _base_name(b)]
        longer = max(gt, prediction, key=len)
        frame = _describe_frame(longer.frames, differing[0] if differing else len(names))
        return f"{len(prediction)} frames instead of {len(gt)}, different from {frame} on; give all frames"
    for index, (a, b) in enumerate(zip(gt.frames, prediction.frames, strict=True)):
        if a.image_id is not None and b.image_id is not None and a.image_id != b.image_id:
            frame = _describe_frame(prediction.frames, index)
            return (
                f"{frame} has image id {b.image_id} instead of {a.image_id}; use the same version of the ground truth"
            )
    return None


def _with_head_boxes(gt: PoseSequence) -> PoseSequence:
    """In gt of the 2017 layout the only box is the head box, also where there are joint scores, as in predictions."""
    if gt.layout != "posetrack17":
        return gt
    people = gt.people
    head_boxes = np.where(np.isnan(people.head_boxes), people.boxes, people.head_boxes)
    return replace(gt, people=replace(people, head_boxes=head_boxes))


def _has_joints(sequence: PoseSequence) -> BoolArray:
    """(people,) who has at least one joint."""
    return np.asarray(sequence.people.has_joint.any(axis=1))


def _select_frames(sequence: PoseSequence, keep: BoolArray) -> PoseSequence:
    if keep.all():
        return sequence
    new_index = np.cumsum(keep) - 1
    rows = keep[sequence.frame_indices]
    return replace(
        sequence,
        frames=tuple(frame for frame, is_kept in zip(sequence.frames, keep, strict=True) if is_kept),
        people=sequence.people[rows],
        frame_indices=new_index[sequence.frame_indices[rows]],
    )


def _without_ids(sequence: PoseSequence) -> PoseSequence:
    people = sequence.people
    return replace(sequence, people=replace(people, track_ids=np.full_like(people.track_ids, -1)))


def _describe_frame(frames: tuple[FrameInfo, ...], index: int) -> str:
    frame = frames[index]  # its own index is the position in the file: earlier frames may have been left out
    return f"frame {frame.index}" + (f" ({frame.image_name})" if frame.image_name else "")


def _describe_person(sequence: PoseSequence, row: int) -> str:
    """Frame and person: "frame 3 (images/a/000003.jpg), person 0 (track id 7)"."""
    frame = int(sequence.frame_indices[row])
    number = row - int(np.searchsorted(sequence.frame_indices, frame))
    track_id = int(sequence.people.track_ids[row])
    id_text = f" (track id {track_id})" if track_id != -1 else ""
    return f"{_describe_frame(sequence.frames, frame)}, person {number}{id_text}"


def _base_name(image_name: str) -> str:
    return image_name.replace("\\", "/").rpartition("/")[2]


def _warn_of_image_names(pairs: list[SequencePair]) -> None:
    """Like the official tool, frames are matched by position alone; image ids, where present, were compared before."""
    for gt, prediction in pairs:
        if not gt.layout == prediction.layout == "posetrack17":
            continue
        for index, (a, b) in enumerate(zip(gt.frames, prediction.frames, strict=True)):
            if a.image_name and b.image_name and _base_name(a.image_name) != _base_name(b.image_name):
                frame = _describe_frame(gt.frames, index)
                logger.warning("%s: %s is %s in the prediction; evaluated by position", gt.name, frame, b.image_name)
                return


def _warn_of_missing_scores(pairs: list[SequencePair]) -> None:
    for _, prediction in pairs:
        missing = prediction.people.has_joint & np.isnan(prediction.people.joint_scores)
        if missing.any():
            person = _describe_person(prediction, int(np.flatnonzero(missing.any(axis=1))[0]))
            logger.warning("prediction %s: %s has joints without a score; they rank last", prediction.name, person)
            return
