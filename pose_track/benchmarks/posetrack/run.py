"""The benchmark from end to end: poses, submissions, figures. What is done is not done again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from pose_track.benchmarks.posetrack.dataset import Clip, DataSet
from pose_track.benchmarks.posetrack.saved_poses import Tracking, is_saved, made_with, read_saved, write_found
from pose_track.benchmarks.posetrack.submissions import ap_submission, as_sequence, without_joints
from pose_track.config.settings import PoseTrackSettings
from pose_track.evaluation.pairing import Pair, load_pairs
from pose_track.evaluation.posetrack import Evaluation, Figures, evaluate_posetrack
from pose_track.formats.posetrack.reader import write_posetrack17, write_posetrack18
from pose_track.formats.problems import Problems
from pose_track.pipeline.errors import writing_into
from pose_track.video.source import DecodeError
from pose_track.weights.resolve import describe_weights

logger = logging.getLogger(__name__)

RAW, TRACKED, AP, MOTA = "raw", "tracked", "ap", "mota"
_WRITERS = {"posetrack17": write_posetrack17, "posetrack18": write_posetrack18}
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"


class Done(NamedTuple):
    """One sequence: what its files tell of the tracking; truth and submission for AP and for the tracking figures,
    none where no one is labelled."""

    num_frames: int
    seconds: float
    device: str
    version: str
    pairs: tuple[Pair, Pair] | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run gave. done: the sequences that went well; broken: the others, and why; evaluation: AP of everything
    found, tracking figures of what is submitted for them; None where there is nothing to measure."""

    data: DataSet
    settings: PoseTrackSettings
    weights: Mapping[str, Mapping[str, str]]
    done: Mapping[str, Done]
    broken: Mapping[str, str]
    evaluation: Evaluation | None


def run_benchmark(data: DataSet, settings: PoseTrackSettings, out: Path) -> Outcome:
    """Track what is not tracked yet, write the submissions into out/ap and out/mota, and measure them.

    A sequence that fails is logged and left out. Raises ValueError where `out` holds what other settings, weights or
    another data set gave; FileNotFoundError for missing weights; OSError where `out` cannot be written.
    """
    weights, broken = describe_weights(settings), _Broken()
    _check_folder(data, out)
    for clip in data.clips:
        if clip.fault:
            broken.add(clip, clip.fault)
    with logging_redirect_tqdm():
        _track_missing(data, settings, made_with(settings, weights), out, broken)
        done = _submit_all(data, settings, out, broken)
    return Outcome(data, settings, weights, done, broken.faults, _evaluate(done.values()))


class _Broken:
    """Sequences that are left out, and why; told as they come."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}

    def add(self, clip: Clip, fault: str) -> None:
        logger.warning("%s is left out: %s", clip.name, fault)
        self.faults[clip.name] = fault


def _check_folder(data: DataSet, out: Path) -> None:
    """Make the folders. Raises ValueError where there are poses of another data set."""
    raw = out / RAW
    with writing_into(out):
        for folder in (RAW, TRACKED, AP, MOTA):
            (out / folder).mkdir(parents=True, exist_ok=True)
    others = sorted({path.stem for path in raw.glob("*.jsonl")} - {clip.name for clip in data.clips})
    if others:
        raise ValueError(
            f"{str(raw)!r} holds sequences that are not in this data, such as {others[0]}; choose another --out"
        )


def _track_missing(
    data: DataSet, settings: PoseTrackSettings, wanted: Mapping[str, Any], out: Path, broken: _Broken
) -> None:
    files = {clip: _files(clip, out) for clip in data.clips if not clip.fault}
    kept = {clip: [is_saved(path, clip, wanted) for path in paths] for clip, paths in files.items()}
    todo = {clip: files[clip] for clip, both in kept.items() if not all(both)}
    if not todo:
        return
    track = _tracking(data, settings, wanted)
    total = sum(clip.num_frames for clip in todo)
    with tqdm(total=total, desc="tracking", unit=" frames", bar_format=_BAR) as bar:
        for clip, paths in todo.items():
            try:
                found = track(clip, bar.update)
            except (ValueError, OSError, DecodeError) as error:
                broken.add(clip, str(error))
            else:
                with writing_into(out):
                    write_found(found, *paths)


def _files(clip: Clip, out: Path) -> tuple[Path, Path]:
    """Of raw and of tracked poses."""
    return out / RAW / f"{clip.name}.jsonl", out / TRACKED / f"{clip.name}.jsonl"


def _tracking(data: DataSet, settings: PoseTrackSettings, wanted: Mapping[str, Any]) -> Tracking:
    from pose_track.build.stages import build_stages  # PyTorch takes seconds: not where everything is tracked
    from pose_track.runtime.device import resolve_device
    from pose_track.runtime.machine import device_name

    stages = build_stages(settings)
    return Tracking(stages, settings, wanted, data.edition.first_number, device_name(resolve_device(settings.device)))


def _submit_all(data: DataSet, settings: PoseTrackSettings, out: Path, broken: _Broken) -> dict[str, Done]:
    done = {}
    for clip in tqdm(data.clips, desc="submissions", unit=" sequences"):
        if clip.name not in broken.faults:
            try:
                with writing_into(out):
                    done[clip.name] = _submit(clip, data.edition.layout, settings, out)
            except ValueError as error:
                broken.add(clip, str(error))
        if clip.name in broken.faults:  # nor may a file of an earlier run stand for it
            for folder in (AP, MOTA):
                (out / folder / f"{clip.name}.json").unlink(missing_ok=True)
    return done


def _submit(clip: Clip, layout: str, settings: PoseTrackSettings, out: Path) -> Done:
    """Write both submissions of a sequence, and read them again as anyone would."""
    assert clip.truth is not None
    raw, tracked = (read_saved(path) for path in _files(clip, out))
    sure = without_joints(as_sequence(clip.truth, tracked), settings.submission.min_joint_score)
    made = {AP: ap_submission(clip.truth, raw), MOTA: sure}
    for folder, sequence in made.items():
        _WRITERS[layout](sequence, out / folder / f"{clip.name}.json")
    pairs = None
    if clip.truth.people.has_joint.any():
        of_ap, of_mota = (load_pairs(clip.annotations, out / f / f"{clip.name}.json", Problems())[0] for f in made)
        pairs = of_ap, of_mota
    return Done(len(raw.frames), raw.seconds, raw.device, raw.version, pairs)


def _evaluate(done: Iterable[Done]) -> Evaluation | None:
    pairs = [one.pairs for one in done if one.pairs is not None]
    if not pairs:
        return None
    of_ap, of_mota = (evaluate_posetrack(each) for each in zip(*pairs, strict=True))
    sequences = {
        name: {mode: _joined(of_ap.sequences[name][mode], figures) for mode, figures in modes.items()}
        for name, modes in of_mota.sequences.items()
    }
    modes = {mode: _joined(of_ap.modes[mode], figures) for mode, figures in of_mota.modes.items()}
    return Evaluation(modes, sequences)


def _joined(of_ap: Figures, of_mota: Figures) -> Figures:
    """The figures of both submissions, each of what it is made for."""
    return replace(of_mota, ap=of_ap.ap, precision=of_ap.precision, recall=of_ap.recall)
