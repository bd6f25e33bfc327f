"""What each part of a tracker is worth: figures of the same people, tracked without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_track.config.load import load_settings, track_preset_path
from pose_track.config.settings import Settings
from pose_track.config.tracker import LinkSettings
from pose_track.evaluation.pairing import Pair, load_pairs
from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.formats.defaults import person_scores
from pose_track.formats.posetrack.frame_numbers import frame_places
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.problems import Problems
from pose_track.linking.files import link_sequence
from pose_track.linking.frames import Linking
from pose_track.structures.conversion import convert_people
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import People, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

S = TypeVar("S", LinkSettings, Settings)
Run = Callable[[], Sequence[Pair]]  # tracks all sequences: (truth, what was tracked) of each

WHOLE, PAPER, TRUE = "all parts", "simple_baselines", "true identities"


@dataclass(frozen=True)
class Variant:
    """A tracker without one part. changes: of its settings, as text; needs: what the part does nothing without."""

    name: str
    changes: Mapping[str, str]
    needs: Literal["nothing", "pictures", "flow"] = "nothing"


VARIANTS = (
    Variant("greedy matching", {"matching": "greedy"}),
    Variant("no memory", {"buffer_seconds": "0", "reactivation_seconds": "0"}),
    Variant("no second round", {"min_high_score": "0"}),
    Variant("no motion", {"weights.motion": "0"}),
    Variant("plain OKS", {"sigma_scale": "1"}),
    Variant("overlap of boxes alone", {"weights": "{iou: 1}"}),
    Variant("no confirmation", {"min_confirm_frames": "1"}),
    Variant("no looks", {"weights.appearance": "0", "gates.appearance": "0"}, needs="pictures"),
    Variant("no re-entry", {"reactivation_seconds": "0"}, needs="pictures"),
    Variant("no flow in the similarity", {"weights.flow": "0", "weights.oks": "1"}, needs="flow"),
    Variant("no propagation", {"flow.max_frames": "0"}, needs="flow"),
)


@dataclass(frozen=True)
class Choice:
    """Which tracker is looked at. preset: of the whole; overrides: dotted settings of all variants, where these do not
    change them; only: the names of some variants, all where empty."""

    preset: str = "robust"
    overrides: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()

    def settings(self, load: Callable[[str, Mapping[str, str]], S], has_images: bool) -> dict[str, S]:
        """By name: of the whole tracker, without each part that it has, and, by its name, of the paper's.

        load: from a tracker's preset and dotted overrides. Raises ValueError for a name that is none of these.
        """
        whole = load(self.preset, self.overrides)
        has_flow = has_images and whole.tracker.flow.method != "none"
        there = {"nothing": True, "pictures": has_images, "flow": has_flow}
        found = {WHOLE: whole}
        for variant in VARIANTS:
            changes = {f"tracker.{key}": text for key, text in variant.changes.items()}
            settings = load(self.preset, {**self.overrides, **changes})
            if settings.tracker != whole.tracker and there[variant.needs]:
                found[variant.name] = settings
        if self.preset != PAPER:
            found[PAPER] = load(PAPER, self.overrides)
        unknown = set(self.only) - found.keys()
        if unknown:
            raise ValueError(f"there is no variant {min(unknown)!r}; there are {', '.join(found)}")
        return {name: settings for name, settings in found.items() if not self.only or name in self.only}


@dataclass(frozen=True)
class Row:
    """In poseval's mode. mota, idf1: percent, means of the joints that the truth has; mota_total: as poseval tells it,
    of all 15; switches: of identities, summed over the joints that the truth has."""

    name: str
    mota: float
    mota_total: float
    idf1: float
    switches: float

    def markdown(self) -> str:
        """A line below `MARKDOWN_HEAD`.

        >>> Row("all parts", 62.04, 57.9, 88.888, 17).markdown()
        '| all parts | 62.04 | 57.90 | 88.9 | 17 |'
        """
        return f"| {self.name} | {self.mota:.2f} | {self.mota_total:.2f} | {self.idf1:.1f} | {self.switches:g} |"


MARKDOWN_HEAD = "| tracker | MOTA | MOTA, total | IDF1 | switches |\n|---|---|---|---|---|"


def measured(runs: Mapping[str, Sequence[Run]], tell: Callable[[str], None]) -> list[Row]:
    """A row for each name: the means of the figures of its runs. tell: is given each line of the table once it is
    known."""
    rows = []
    tell(MARKDOWN_HEAD)
    for name, each in runs.items():
        means = np.mean([_figures(run()) for run in each], axis=0)
        rows.append(Row(name, *(float(mean) for mean in means)))
        tell(rows[-1].markdown())
    return rows


def _figures(pairs: Sequence[Pair]) -> tuple[float, ...]:
    """What a row has besides its name."""
    found = evaluate_posetrack(pairs).modes["poseval"]
    labelled = np.any([_labelled(truth) for truth, _ in pairs], axis=0)
    mota, idf1, switches = (figure[:-1][labelled] for figure in (found.mota, found.idf1, found.switches))
    return mota.mean(), found.mota[-1], idf1.mean(), switches.sum()


def _labelled(truth: PoseSequence) -> NDArray[np.bool_]:
    """(15,) the joints of POSETRACK_15 that anybody has."""
    return np.asarray(convert_people(truth.people, truth.skeleton, POSETRACK_15).has_joint.any(axis=0))


@dataclass(frozen=True)
class Drops:
    """What is left out once everything is tracked, so that the tracker sees it all: people with a lower score, joints
    with a lower score, and whoever has none left."""

    min_person_score: float = 0.0
    min_joint_score: float = 0.0

    def __post_init__(self) -> None:
        for name, score in asdict(self).items():
            if not 0 <= score <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {score!r}")

    def __call__(self, found: PoseSequence) -> PoseSequence:
        people = found.people
        low = people.joint_scores < self.min_joint_score  # not where none is told
        people = replace(people, joints=np.where(low[..., None], np.nan, people.joints))
        kept = (person_scores(found.people) >= self.min_person_score) & people.has_joint.any(axis=1)
        return replace(found, people=people[kept], frame_of=found.frame_of[kept])


def runs_of_files(
    gt: Path, predictions: Sequence[Path], choice: Choice, fps: Fraction, drops: Drops
) -> dict[str, list[Run]]:
    """For each variant a run of each folder of predictions, whose people it links without pictures; ids that they have
    do not count. Raises what `load_pairs` does."""
    read = [load_pairs(gt, folder, Problems()) for folder in predictions]

    def link(pairs: Sequence[Pair], linking: Linking) -> list[Pair]:
        return [(truth, drops(link_sequence(found, linking)[0])) for truth, found in pairs]

    def load(preset: str, overrides: Mapping[str, str]) -> LinkSettings:
        return load_settings(LinkSettings, track_preset_path(preset), overrides)

    chosen = {name: Linking(settings.tracker, fps) for name, settings in choice.settings(load, False).items()}
    return {name: [partial(link, pairs, linking) for pairs in read] for name, linking in chosen.items()}


def runs_of_oracle(gt: Path, oracles: Sequence[Path], drops: Drops) -> dict[str, list[Run]]:
    """Of folders with the same people and their true ids, which no tracker can better; of none no run."""

    def keep(pairs: Sequence[Pair]) -> list[Pair]:
        return [(truth, drops(found)) for truth, found in pairs]

    runs: list[Run] = [partial(keep, load_pairs(gt, folder, Problems())) for folder in oracles]
    return {TRUE: runs} if runs else {}


def runs_of_video(truth: Path, video: Path, config: Path, choice: Choice, drops: Drops) -> dict[str, list[Run]]:
    """For each variant a run that detects, estimates and tracks the people of a video. truth: of some or all of its
    frames, see `frame_places`; config: settings of everything else."""

    def track(settings: Settings) -> list[Pair]:
        listed = read_posetrack(truth)
        return [(listed, drops(as_sequence(listed, _tracked(video, settings))))]

    def load(preset: str, overrides: Mapping[str, str]) -> Settings:
        return load_settings(Settings, config, overrides, preset)

    return {name: [partial(track, settings)] for name, settings in choice.settings(load, True).items()}


def _tracked(video: Path, settings: Settings) -> list[TrackedPoses]:
    """The people of each frame. Raises what stages and readers do."""
    import pose_track.build.stages  # PyTorch: not where poses are read from files
    from pose_track.video.reader import open_video

    stages = pose_track.build.stages.build_stages(settings)
    with open_video(video, settings.reader.decoder) as reader:
        return [people for _, people in stages.track(reader, stages.make_tracker(reader.info.fps))]


def as_sequence(truth: PoseSequence, tracked: Sequence[TrackedPoses]) -> PoseSequence:
    """The people of the frames that the truth lists. tracked: of every frame of the video, in order. Raises ValueError
    where the truth lists others."""
    places = [place.frame for place in frame_places(truth)]
    if max(places, default=-1) >= len(tracked):
        raise ValueError(f"{truth.name} lists frame {max(places)}, but the video has {len(tracked)} frames")
    listed = [tracked[place] for place in places]
    poses = [frame.poses for frame in listed]
    scores = np.concatenate([pose.joint_scores for pose in poses]).astype(np.float64)
    joints = np.where(scores[..., None] > 0, np.concatenate([pose.joints for pose in poses]), np.nan)
    people = People.of(
        joints,
        np.where(scores > 0, scores, np.nan),
        scores=np.concatenate([pose.scores for pose in poses]).astype(np.float64),
        track_ids=np.concatenate([frame.track_ids for frame in listed]),
    )
    frame_of = np.repeat(np.arange(len(listed)), [len(pose) for pose in poses])
    return PoseSequence(truth.name, poses[0].skeleton, truth.frames, people, frame_of)
