"""Ablation of a tracker: metrics of the same people, tracked without one part of the tracker each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from pose_track.config.load import load_settings, track_preset_path
from pose_track.config.settings import Settings
from pose_track.config.tracker import LinkSettings
from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.evaluation.sequence_pairs import SequencePair, load_pairs
from pose_track.formats.defaults import person_scores
from pose_track.formats.posetrack.frame_numbers import frame_places
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.prediction_sequence import prediction_sequence
from pose_track.formats.problems import Problems
from pose_track.linking.files import link_sequence
from pose_track.linking.frames import LinkOptions
from pose_track.postprocessing.low_joints import drop_low_joints
from pose_track.structures.arrays import BoolArray
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

SettingsT = TypeVar("SettingsT", LinkSettings, Settings)
Run = Callable[[], Sequence[SequencePair]]
"""Tracks all sequences and returns (ground truth, prediction) of each."""

FULL, PAPER, ORACLE = "full tracker", "simple_baselines", "ground-truth ids"


@dataclass(frozen=True)
class Variant:
    """A tracker without one part.

    changes: settings of the tracker, as text.
    needs: input without which the part has no effect.
    """

    name: str
    changes: Mapping[str, str]
    needs: Literal["nothing", "images", "flow"] = "nothing"


VARIANTS = (
    Variant("greedy matching", {"matching": "greedy"}),
    Variant("no track buffer", {"buffer_seconds": "0", "reactivation_seconds": "0"}),
    Variant("no low-score matching", {"min_high_score": "0"}),
    Variant("no motion", {"weights.motion": "0"}),
    Variant("sigma_scale 1", {"sigma_scale": "1"}),
    Variant("box IoU only", {"weights": "{iou: 1}"}),
    Variant("no confirmation", {"min_confirm_frames": "1"}),
    Variant("no appearance", {"weights.appearance": "0"}, needs="images"),
    Variant("no re-activation", {"reactivation_seconds": "0"}, needs="images"),
    Variant("no flow in the similarity", {"weights.flow": "0", "weights.oks": "1"}, needs="flow"),
    Variant("no propagation", {"flow.max_frames": "0"}, needs="flow"),
)


@dataclass(frozen=True)
class AblationOptions:
    """The trackers to compare.

    preset: of the full tracker.
    overrides: dotted settings of all variants, unless a variant changes them.
    only: names of the variants to run; all where empty.
    """

    preset: str = "robust"
    overrides: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()

    def variant_settings(
        self, load: Callable[[str, Mapping[str, str]], SettingsT], has_images: bool
    ) -> dict[str, SettingsT]:
        """Settings by variant: the full tracker, the tracker without each part that it has, and the paper's tracker.

        load: loads settings from a tracker preset and dotted overrides.

        Raises ValueError for an unknown name in `only`.
        """
        full = load(self.preset, self.overrides)
        has_flow = has_images and full.tracker.flow.method != "none"
        available = {"nothing": True, "images": has_images, "flow": has_flow}
        variants = {FULL: full}
        for variant in VARIANTS:
            changes = {f"tracker.{key}": text for key, text in variant.changes.items()}
            settings = load(self.preset, {**self.overrides, **changes})
            if settings.tracker != full.tracker and available[variant.needs]:
                variants[variant.name] = settings
        if self.preset != PAPER:
            variants[PAPER] = load(PAPER, self.overrides)
        unknown = set(self.only) - variants.keys()
        if unknown:
            raise ValueError(f"unknown variant {min(unknown)!r}; choose from {', '.join(variants)}")
        return {name: settings for name, settings in variants.items() if not self.only or name in self.only}


@dataclass(frozen=True)
class AblationRow:
    """Metrics of one variant, in poseval's mode.

    mota, idf1: in percent, means over the joints that are labelled.
    mota_total: poseval's total, in percent, over all 15 joints.
    switches: id switches, summed over the joints that are labelled.
    """

    name: str
    mota: float
    mota_total: float
    idf1: float
    switches: float

    def markdown(self) -> str:
        """A row below `MARKDOWN_HEAD`.

        >>> AblationRow("full tracker", 62.04, 57.9, 88.888, 17).markdown()
        '| full tracker | 62.04 | 57.90 | 88.9 | 17 |'
        """
        return f"| {self.name} | {self.mota:.2f} | {self.mota_total:.2f} | {self.idf1:.1f} | {self.switches:g} |"


MARKDOWN_HEAD = "| tracker | MOTA | MOTA, total | IDF1 | switches |\n|---|---|---|---|---|"


def measure_runs(runs: Mapping[str, Sequence[Run]], write_line: Callable[[str], None]) -> list[AblationRow]:
    """A row for each variant: its metrics, averaged over its runs.

    write_line: called with each line of the table as soon as it is known.
    """
    rows = []
    write_line(MARKDOWN_HEAD)
    for name, variant_runs in runs.items():
        means = np.mean([_metrics(run()) for run in variant_runs], axis=0)
        rows.append(AblationRow(name, *(float(mean) for mean in means)))
        write_line(rows[-1].markdown())
    return rows


def _metrics(pairs: Sequence[SequencePair]) -> tuple[float, ...]:
    """The values of a row, in order."""
    metrics = evaluate_posetrack(pairs).modes["poseval"]
    labelled = np.any([_labelled_joints(gt) for gt, _ in pairs], axis=0)
    mota, idf1, switches = (metric[:-1][labelled] for metric in (metrics.mota, metrics.idf1, metrics.switches))
    return mota.mean(), metrics.mota[-1], idf1.mean(), switches.sum()


def _labelled_joints(gt: PoseSequence) -> BoolArray:
    """(15,) the joints of POSETRACK_15 that are labelled on at least one person."""
    return np.asarray(convert_annotations(gt.people, gt.skeleton, POSETRACK_15).has_joint.any(axis=0))


@dataclass(frozen=True)
class ScoreFilter:
    """Thresholds applied after tracking: people and joints with lower scores are dropped, then people without joints.

    A joint without a score is kept. Raises ValueError for a threshold outside [0, 1].
    """

    min_person_score: float = 0.0
    min_joint_score: float = 0.0

    def __post_init__(self) -> None:
        for name, score in asdict(self).items():
            if not 0 <= score <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {score!r}")

    def __call__(self, prediction: PoseSequence) -> PoseSequence:
        people = drop_low_joints(prediction.people, self.min_joint_score)
        keep = (person_scores(prediction.people) >= self.min_person_score) & people.has_joint.any(axis=1)
        return replace(prediction, people=people[keep], frame_indices=prediction.frame_indices[keep])


def file_runs(
    gt: Path, predictions: Sequence[Path], options: AblationOptions, fps: Fraction, score_filter: ScoreFilter
) -> dict[str, list[Run]]:
    """For each variant one run for each folder of predictions, which links its people without images.

    Track ids in the predictions are ignored. Raises as `load_pairs`.
    """
    loaded = [load_pairs(gt, folder, Problems()) for folder in predictions]

    def link(pairs: Sequence[SequencePair], link_options: LinkOptions) -> list[SequencePair]:
        return [(truth, score_filter(link_sequence(prediction, link_options)[0])) for truth, prediction in pairs]

    def load(preset: str, overrides: Mapping[str, str]) -> LinkSettings:
        return load_settings(LinkSettings, track_preset_path(preset), overrides)

    variants = options.variant_settings(load, has_images=False)
    linkings = {name: LinkOptions(settings.tracker, fps) for name, settings in variants.items()}
    return {name: [partial(link, pairs, linking) for pairs in loaded] for name, linking in linkings.items()}


def oracle_runs(gt: Path, oracles: Sequence[Path], score_filter: ScoreFilter) -> dict[str, list[Run]]:
    """Runs with predictions that carry the ground-truth ids, the upper bound of any tracker; empty without folders."""

    def load(pairs: Sequence[SequencePair]) -> list[SequencePair]:
        return [(truth, score_filter(prediction)) for truth, prediction in pairs]

    runs: list[Run] = [partial(load, load_pairs(gt, folder, Problems())) for folder in oracles]
    return {ORACLE: runs} if runs else {}


def video_runs(
    gt_file: Path, video: Path, config: Path, options: AblationOptions, score_filter: ScoreFilter
) -> dict[str, list[Run]]:
    """For each variant a run that detects and tracks the people of a video.

    gt_file: lists some or all frames of the video, see `frame_places`.
    config: settings other than the tracker's.
    """

    def track(settings: Settings) -> list[SequencePair]:
        gt = read_posetrack(gt_file)
        return [(gt, score_filter(video_prediction(gt, _track_video(video, settings))))]

    def load(preset: str, overrides: Mapping[str, str]) -> Settings:
        return load_settings(Settings, config, overrides, preset)

    variants = options.variant_settings(load, has_images=True)
    return {name: [partial(track, settings)] for name, settings in variants.items()}


def _track_video(video: Path, settings: Settings) -> list[TrackedPoses]:
    """The people of each frame. Raises as `build_stages` and `open_video`."""
    import pose_track.build.stages  # not needed for poses from files
    from pose_track.video.reader import open_video

    stages = pose_track.build.stages.build_stages(settings)
    with open_video(video, settings.reader.decoder) as reader:
        return [people for _, people in stages.track(reader, stages.make_tracker(reader.info.fps))]


def video_prediction(gt: PoseSequence, tracked: Sequence[TrackedPoses]) -> PoseSequence:
    """The tracked poses of the frames of `gt`.

    tracked: the poses of every frame of the video, in order.

    Raises ValueError for a frame beyond the end of the video.
    """
    indices = [place.frame for place in frame_places(gt)]
    if max(indices, default=-1) >= len(tracked):
        raise ValueError(f"{gt.name} lists frame {max(indices)}, but the video has {len(tracked)} frames")
    return prediction_sequence(gt, [tracked[index] for index in indices])
