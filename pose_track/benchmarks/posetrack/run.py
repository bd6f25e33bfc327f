"""The PoseTrack benchmark from end to end: poses, submissions, metrics. A repeated run continues where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from pose_track.batch.executor import Executor
from pose_track.batch.run_tasks import run_tasks
from pose_track.batch.task import WorkerSetup
from pose_track.benchmarks.posetrack.dataset import Clip, PoseTrackDataset
from pose_track.benchmarks.posetrack.saved_poses import (
    is_saved,
    pose_provenance,
    read_saved_poses,
    save_poses,
)
from pose_track.benchmarks.posetrack.sequence_handler import (
    BUILD_STAGES,
    sequence_setup,
    sequence_task,
    sequence_tracker,
)
from pose_track.benchmarks.posetrack.submissions import ap_submission, saved_prediction, tracking_submission
from pose_track.build.networks import describe_weights
from pose_track.config.settings import PoseTrackSettings
from pose_track.evaluation.posetrack import Evaluation, Metrics, evaluate_posetrack
from pose_track.evaluation.sequence_pairs import SequencePair, load_pairs
from pose_track.formats.posetrack.reader import write_posetrack17, write_posetrack18
from pose_track.formats.problems import Problems
from pose_track.pipeline.errors import explain_write_errors
from pose_track.video.source import DecodeError

logger = logging.getLogger(__name__)

RAW, LINKED, AP, MOTA, LOGS = "raw", "tracked", "ap", "mota", "logs"
"""Folders of a run: raw poses, linked poses, the submissions for AP and for the tracking metrics, logs of workers."""

OpenExecutor = Callable[[WorkerSetup], Executor]

_WRITERS = {"posetrack17": write_posetrack17, "posetrack18": write_posetrack18}
_Todo = Mapping[Clip, tuple[Path, Path]]  # the files of each sequence
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"


class SequenceResult(NamedTuple):
    """Result of one sequence.

    num_frames, seconds, device, version: from the header of its raw poses.
    pairs: (ground truth, submission) for AP and for the tracking metrics; None where nobody is labelled.
    """

    num_frames: int
    seconds: float
    device: str
    version: str
    pairs: tuple[SequencePair, SequencePair] | None


@dataclass(frozen=True, eq=False)
class BenchmarkResult:
    """Result of a run.

    weights: see `describe_weights`.
    sequences: results of the sequences that succeeded, by name.
    failed: why the others failed, by name.
    evaluation: AP, precision and recall of the AP submissions, tracking metrics of the others; None where nobody is
        labelled.
    """

    dataset: PoseTrackDataset
    settings: PoseTrackSettings
    weights: Mapping[str, Mapping[str, str]]
    sequences: Mapping[str, SequenceResult]
    failed: Mapping[str, str]
    evaluation: Evaluation | None


def run_posetrack(
    dataset: PoseTrackDataset,
    settings: PoseTrackSettings,
    out: Path,
    open_executor: OpenExecutor | None = None,
    build_stages: str = BUILD_STAGES,
) -> BenchmarkResult:
    """Track the sequences that have no saved poses, write the submissions into out/ap and out/mota, evaluate them.

    A sequence that fails is logged and left out.

    open_executor: makes the executor whose workers track the sequences; None to track them in this process.
    build_stages: "module:function" from settings to stages, for these workers.

    Raises ValueError where `out` holds poses of other settings, other weights or another data set, FileNotFoundError
    for missing weights, OSError where `out` cannot be written.
    """
    weights, failures = describe_weights(settings), _Failures()
    _prepare_folder(dataset, out)
    for clip in dataset.clips:
        if clip.error:
            failures.add(clip, clip.error)
    with logging_redirect_tqdm():
        provenance = pose_provenance(settings, weights)
        _track_missing(dataset, settings, provenance, out, failures, open_executor, build_stages)
        sequences = _submit_all(dataset, settings, out, failures)
    return BenchmarkResult(dataset, settings, weights, sequences, failures.errors, _evaluate(sequences.values()))


class _Failures:
    """Sequences that are left out. errors: the reasons, by name; each is logged when it is added."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def add(self, clip: Clip, error: str) -> None:
        logger.warning("%s is left out: %s", clip.name, error)
        self.errors[clip.name] = error


def _prepare_folder(dataset: PoseTrackDataset, out: Path) -> None:
    """Create the folders. Raises ValueError where `out` holds poses of another data set."""
    raw = out / RAW
    with explain_write_errors(out):
        for folder in (RAW, LINKED, AP, MOTA):
            (out / folder).mkdir(parents=True, exist_ok=True)
    others = sorted({path.stem for path in raw.glob("*.jsonl")} - {clip.name for clip in dataset.clips})
    if others:
        raise ValueError(
            f"{str(raw)!r} holds sequences that are not in this data set, such as {others[0]}; choose another --out"
        )


def _track_missing(
    dataset: PoseTrackDataset,
    settings: PoseTrackSettings,
    provenance: Mapping[str, Any],
    out: Path,
    failures: _Failures,
    open_executor: OpenExecutor | None,
    build_stages: str,
) -> None:
    files = {clip: _pose_files(clip, out) for clip in dataset.clips if not clip.error}
    saved = {clip: [is_saved(path, clip, provenance) for path in paths] for clip, paths in files.items()}
    todo = {clip: files[clip] for clip, both in saved.items() if not all(both)}
    if not todo:
        return
    with tqdm(total=sum(clip.num_frames for clip in todo), desc="tracking", unit=" frames", bar_format=_BAR) as bar:
        if open_executor is None:
            _track_here(dataset, settings, provenance, todo, out, failures, bar)
        else:
            executor = open_executor(sequence_setup(dataset, settings, provenance, build_stages))
            _track_on(executor, todo, out, failures, bar)


def _track_here(
    dataset: PoseTrackDataset,
    settings: PoseTrackSettings,
    provenance: Mapping[str, Any],
    todo: _Todo,
    out: Path,
    failures: _Failures,
    bar: tqdm[None],
) -> None:
    """Track the sequences in this process, one after another."""
    from pose_track.build.stages import build_stages  # not needed where all poses are saved

    track = sequence_tracker(build_stages(settings), settings, provenance, dataset.year)
    for clip, paths in todo.items():
        try:
            poses = track(clip, bar.update)
        except (ValueError, OSError, DecodeError) as error:
            failures.add(clip, str(error))
        else:
            with explain_write_errors(out):
                save_poses(poses, *paths)


def _track_on(executor: Executor, todo: _Todo, out: Path, failures: _Failures, bar: tqdm[None]) -> None:
    """Track the sequences on the workers of an executor."""
    (out / LOGS).mkdir(exist_ok=True)
    clips = {clip.name: clip for clip in todo}
    tasks = [sequence_task(clip, *paths, out / LOGS / f"{clip.name}.log") for clip, paths in todo.items()]
    for task, outcome in run_tasks(executor, tasks):
        if outcome.status == "done":
            bar.update(outcome.result["frames"])
        elif outcome.status == "full":
            raise OSError(f"cannot write into {str(out)!r}: {outcome.reason}; make room there or give another --out")
        else:
            failures.add(clips[task.name], outcome.reason or outcome.status)


def _pose_files(clip: Clip, out: Path) -> tuple[Path, Path]:
    """The files of a sequence's raw and linked poses."""
    return out / RAW / f"{clip.name}.jsonl", out / LINKED / f"{clip.name}.jsonl"


def _submit_all(
    dataset: PoseTrackDataset, settings: PoseTrackSettings, out: Path, failures: _Failures
) -> dict[str, SequenceResult]:
    results = {}
    for clip in tqdm(dataset.clips, desc="submissions", unit=" sequences"):
        if clip.name not in failures.errors:
            try:
                with explain_write_errors(out):
                    results[clip.name] = _submit(clip, dataset.edition.layout, settings, out)
            except ValueError as error:
                failures.add(clip, str(error))
        if clip.name in failures.errors:  # remove the submission of an earlier run
            for folder in (AP, MOTA):
                (out / folder / f"{clip.name}.json").unlink(missing_ok=True)
    return results


def _submit(clip: Clip, layout: str, settings: PoseTrackSettings, out: Path) -> SequenceResult:
    """Write both submissions of a sequence, and read them back as an evaluation server would."""
    assert clip.gt is not None
    raw, linked = (read_saved_poses(path) for path in _pose_files(clip, out))
    min_joint_score = settings.submission.min_joint_score
    submissions = {
        AP: ap_submission(clip.gt, raw),
        MOTA: tracking_submission(saved_prediction(clip.gt, linked), min_joint_score),
    }
    for folder, sequence in submissions.items():
        _WRITERS[layout](sequence, out / folder / f"{clip.name}.json")
    pairs = None
    if clip.gt.people.has_joint.any():
        ap_pair, mota_pair = (
            load_pairs(clip.annotations, out / folder / f"{clip.name}.json", Problems())[0] for folder in submissions
        )
        pairs = ap_pair, mota_pair
    return SequenceResult(len(raw.frames), raw.seconds, raw.device, raw.version, pairs)


def _evaluate(results: Iterable[SequenceResult]) -> Evaluation | None:
    pairs = [result.pairs for result in results if result.pairs is not None]
    if not pairs:
        return None
    ap, mota = (evaluate_posetrack(submission) for submission in zip(*pairs, strict=True))
    sequences = {
        name: {mode: _combine(ap.sequences[name][mode], metrics) for mode, metrics in modes.items()}
        for name, modes in mota.sequences.items()
    }
    modes = {mode: _combine(ap.modes[mode], metrics) for mode, metrics in mota.modes.items()}
    return Evaluation(modes, sequences)


def _combine(ap_metrics: Metrics, mota_metrics: Metrics) -> Metrics:
    """AP, precision and recall of the AP submission; all other metrics of the tracking submission."""
    return replace(mota_metrics, ap=ap_metrics.ap, precision=ap_metrics.precision, recall=ap_metrics.recall)
