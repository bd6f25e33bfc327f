"""What a run of the benchmark gave, to read and to compute with: `report.md` and `report.json`."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from pose_track.benchmarks.posetrack.dataset import listed
from pose_track.benchmarks.posetrack.run import Outcome
from pose_track.evaluation.report import evaluation_json, latex_table, sequence_table, text_table
from pose_track.pipeline.errors import writing_into
from pose_track.utils.atomic import atomic_text
from pose_track.utils.hashing import file_sha256
from pose_track.utils.version import __version__

_LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python-headless", "av")
_MODES = {"poseval": "equal to the official tool, poseval", "clean": "without poseval's quirks"}


def write_report(outcome: Outcome, folder: Path) -> None:
    """Write report.md and report.json into the folder. Raises OSError."""
    facts = _facts(outcome)
    with writing_into(folder):
        with atomic_text(folder / "report.json") as file:
            json.dump(facts | _figures(outcome), file, indent=2, allow_nan=False)
        with atomic_text(folder / "report.md") as file:
            file.write("\n\n".join(_sections(outcome, facts)) + "\n")


def result_text(outcome: Outcome, mode: str = "poseval") -> str:
    """The table of one mode, and of which sequences it is."""
    table = "" if outcome.evaluation is None else text_table(outcome.evaluation.modes[mode])
    return f"{table}\n\n{covered(outcome)}"


def covered(outcome: Outcome) -> str:
    """Which sequences the figures are of, in a sentence or two."""
    total, broken = len(outcome.data.clips), len(outcome.broken)
    measured = sum(done.pairs is not None for done in outcome.done.values())
    text = f"Figures of {measured} of {total} sequences."
    if len(outcome.done) > measured:
        text += f" {len(outcome.done) - measured} without labelled people."
    if broken:
        text += f" {broken} broken and NOT in the figures: {', '.join(outcome.broken)}."
    return text


def _facts(outcome: Outcome) -> dict[str, Any]:
    data, done = outcome.data, outcome.done.values()
    frames, seconds = sum(one.num_frames for one in done), sum(one.seconds for one in done)
    return {
        "data": {"year": data.year, "split": data.split, **{k.replace(" ", "_"): v for k, v in data.counts.items()}},
        "tracking": {
            "frames": frames,
            "frames_per_second": round(frames / seconds, 2) if seconds else None,
            "devices": sorted({one.device for one in done}),
            "pose_track": sorted({one.version for one in done}),
        },
        "broken": dict(outcome.broken),
        "settings": outcome.settings.model_dump(mode="json"),
        "weights": {stage: dict(used) for stage, used in outcome.weights.items()},
        "annotations": {clip.annotations.name: file_sha256(clip.annotations) for clip in data.clips},
        "versions": {"pose_track": __version__, "python": platform.python_version(), **_library_versions()},
    }


def _library_versions() -> dict[str, str]:
    """Of what decides the figures, as far as installed; without importing any."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _figures(outcome: Outcome) -> dict[str, Any]:
    return {"modes": {}, "sequences": {}} if outcome.evaluation is None else evaluation_json(outcome.evaluation, True)


def _sections(outcome: Outcome, facts: dict[str, Any]) -> list[str]:
    tracking = facts["tracking"]
    sections = [
        f"# PoseTrack {outcome.data.year}, {outcome.data.split}",
        f"{covered(outcome)} AP, precision and recall of everything found; the others of people scored at least "
        f"{outcome.settings.submission.min_person_score} and their joints scored at least "
        f"{outcome.settings.submission.min_joint_score}.",
    ]
    if outcome.evaluation is not None:
        for mode, figures in outcome.evaluation.modes.items():
            sections += [
                f"## {mode}: {_MODES[mode]}",
                _fenced(text_table(figures)),
                _fenced(latex_table(figures), "latex"),
            ]
        sections += ["## Sequences", _fenced(sequence_table(outcome.evaluation, "poseval"))]
    if outcome.broken:
        sections += ["## Broken sequences", "\n".join(f"- {name}: {why}" for name, why in outcome.broken.items())]
    speed = tracking["frames_per_second"]
    return [
        *sections,
        "## What it was measured on",
        f"{listed(outcome.data.counts)}. Tracked: {tracking['frames']:,} frames, {speed} a second, reading, both "
        f"networks and tracker, on {', '.join(tracking['devices'])}.",
        "## Settings",
        _fenced(yaml.safe_dump(facts["settings"], sort_keys=False).rstrip(), "yaml"),
        "## Hashes and versions",
        _fenced(
            yaml.safe_dump({k: facts[k] for k in ("weights", "annotations", "versions")}, sort_keys=False).rstrip(),
            "yaml",
        ),
    ]


def _fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```"
