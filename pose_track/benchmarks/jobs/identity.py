"""pose-track benchmark identity CONFIG: whether people keep their ids, on composed and on real clips."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pose_track.benchmarks.jobs.job import Job, JobResult

if TYPE_CHECKING:
    from pose_track.benchmarks.identity.clips import LabelledClip


def _named_folder(text: str) -> tuple[str, Path]:
    """NAME=FOLDER."""
    name, is_given, folder = text.partition("=")
    if not (name and is_given and folder):
        raise ArgumentTypeError(f"must be NAME=FOLDER, got {text!r}")
    return name, Path(folder)


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("config", type=Path, help="a list of clips, such as configs/benchmark/identity.yaml; settings of the stages "
        "may follow")  # fmt: skip
    add("--data", type=Path, nargs="+", default=[Path("data")], metavar="DIR", help="folders of photographs and clips")
    add("--out", type=Path, metavar="DIR", help="keep clips, boxes of the detector and results; clips that are there "
        "are not composed again")  # fmt: skip
    add("--name", default="ours", help="name of the results of this run")
    add("--groups", nargs="+", metavar="NAME", help="only these groups of clips and real clips; all by default")
    add("--results", type=_named_folder, nargs="+", metavar="NAME=FOLDER", help="score these results, one file a clip "
        "in MOTChallenge's layout, and track nothing")  # fmt: skip


def _of_groups(clips: Sequence[LabelledClip], groups: Sequence[str] | None) -> list[LabelledClip]:
    """The clips of these groups, of all if None. Raises ValueError for a group without clips."""
    known = {clip.group for clip in clips}
    unknown = next((group for group in groups or () if group not in known), None)
    if unknown is not None:
        raise ValueError(f"--groups {unknown}: no such clips; choose from {', '.join(sorted(known))}")
    return [clip for clip in clips if groups is None or clip.group in groups]


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.identity.config import IdentityConfig
    from pose_track.benchmarks.identity.prepare import prepare_clips
    from pose_track.benchmarks.identity.score import score_perfect_ids, score_tracker
    from pose_track.benchmarks.identity.table import identity_metrics, identity_tables
    from pose_track.benchmarks.identity.track import DETECTIONS, track_clips
    from pose_track.config.load import load_settings, preset_path
    from pose_track.config.settings import Settings

    config = load_settings(IdentityConfig, options.config)
    settings = load_settings(Settings, preset_path(config.preset), overrides)
    if options.results and overrides:
        raise ValueError(f"--{next(iter(overrides))} has no effect with --results, which tracks nothing; leave it out")
    with ExitStack() as stack:
        out = options.out or Path(stack.enter_context(TemporaryDirectory()))
        prepared = prepare_clips(config, options.data, out)
        clips = _of_groups(prepared.clips, options.groups)
        results = dict(options.results or ())
        if not results:
            least = config.min_detection_score
            results[options.name] = track_clips(clips, settings, out, options.name, least)
        scores = {name: score_tracker(clips, folder, config.min_visibility) for name, folder in results.items()}
        if (out / DETECTIONS).is_dir():
            scores["perfect ids"] = score_perfect_ids(clips, out / DETECTIONS, config.min_visibility)
    notes = [f"people: {prepared.people}", *(f"absent: {name}" for name in prepared.absent)]
    conditions = {"people": prepared.people, "absent": prepared.absent, "options": overrides}
    return JobResult([*identity_tables(scores), *notes], {"trackers": identity_metrics(scores), **conditions})


JOB = Job(
    "whether people keep their ids in crossings, occlusions and cuts", _add_options, _measure, takes_settings=True
)
