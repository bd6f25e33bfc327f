"""The report of a PoseTrack run: `report.md` to read, `report.json` to process."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import yaml

from pose_track.benchmarks.posetrack.dataset import format_counts
from pose_track.benchmarks.posetrack.run import BenchmarkResult
from pose_track.benchmarks.versions import library_versions
from pose_track.evaluation.report import evaluation_json, latex_table, sequence_table, text_table
from pose_track.pipeline.errors import explain_write_errors
from pose_track.utils.atomic import atomic_text
from pose_track.utils.hashing import file_sha256
from pose_track.utils.version import __version__

_LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python-headless", "av")  # those that influence the metrics
_MODES = {"poseval": "equal to the official tool, poseval", "clean": "without poseval's quirks"}


def write_report(result: BenchmarkResult, folder: Path) -> None:
    """Write report.md and report.json into the folder. Raises OSError."""
    conditions = _conditions(result)
    with explain_write_errors(folder):
        with atomic_text(folder / "report.json") as file:
            json.dump(conditions | _metrics(result), file, indent=2, allow_nan=False)
        with atomic_text(folder / "report.md") as file:
            file.write("\n\n".join(_sections(result, conditions)) + "\n")


def benchmark_summary(result: BenchmarkResult, mode: str = "poseval") -> str:
    """The table of one mode, and the sequences that it covers."""
    table = "" if result.evaluation is None else text_table(result.evaluation.modes[mode])
    return f"{table}\n\n{coverage(result)}"


def coverage(result: BenchmarkResult) -> str:
    """The sequences that the metrics cover, in a sentence or two."""
    total, failed = len(result.dataset.clips), len(result.failed)
    measured = sum(sequence.pairs is not None for sequence in result.sequences.values())
    text = f"Metrics of {measured} of {total} sequences."
    if len(result.sequences) > measured:
        text += f" {len(result.sequences) - measured} without labelled people."
    if failed:
        text += f" {failed} failed and NOT in the metrics: {', '.join(result.failed)}."
    return text


def _conditions(result: BenchmarkResult) -> dict[str, Any]:
    """All but the metrics: data, speed, settings, hashes and versions."""
    dataset, sequences = result.dataset, result.sequences.values()
    frames = sum(sequence.num_frames for sequence in sequences)
    seconds = sum(sequence.seconds for sequence in sequences)
    counts = {name.replace(" ", "_"): number for name, number in dataset.counts.items()}
    return {
        "data": {"year": dataset.year, "split": dataset.split, **counts},
        "tracking": {
            "frames": frames,
            "frames_per_second": round(frames / seconds, 2) if seconds else None,
            "devices": sorted({sequence.device for sequence in sequences}),
            "pose_track": sorted({sequence.version for sequence in sequences}),
        },
        "failed": dict(result.failed),
        "settings": result.settings.model_dump(mode="json"),
        "weights": {stage: dict(used) for stage, used in result.weights.items()},
        "annotations": {clip.annotations.name: file_sha256(clip.annotations) for clip in dataset.clips},
        "versions": {
            "pose_track": __version__,
            "python": platform.python_version(),
            **library_versions(_LIBRARIES),
        },
    }


def _metrics(result: BenchmarkResult) -> dict[str, Any]:
    return {"modes": {}, "sequences": {}} if result.evaluation is None else evaluation_json(result.evaluation, True)


def _sections(result: BenchmarkResult, conditions: dict[str, Any]) -> list[str]:
    submission, tracking = result.settings.submission, conditions["tracking"]
    sections = [
        f"# PoseTrack {result.dataset.year}, {result.dataset.split}",
        f"{coverage(result)} AP, precision and recall count all poses. The other metrics count people with a score of "
        f"at least {submission.min_person_score} and joints with a score of at least {submission.min_joint_score}.",
    ]
    if result.evaluation is not None:
        for mode, metrics in result.evaluation.modes.items():
            tables = [_fenced(text_table(metrics)), _fenced(latex_table(metrics), "latex")]
            sections += [f"## {mode}: {_MODES[mode]}", *tables]
        sections += ["## Sequences", _fenced(sequence_table(result.evaluation, "poseval"))]
    if result.failed:
        sections += ["## Failed sequences", "\n".join(f"- {name}: {error}" for name, error in result.failed.items())]
    return [
        *sections,
        "## Data and speed",
        f"{format_counts(result.dataset.counts)}. Tracked: {tracking['frames']:,} frames, "
        f"{tracking['frames_per_second']} a second with reading, both networks and the tracker, on "
        f"{', '.join(tracking['devices'])}.",
        "## Settings",
        _fenced_yaml(conditions["settings"]),
        "## Hashes and versions",
        _fenced_yaml({key: conditions[key] for key in ("weights", "annotations", "versions")}),
    ]


def _fenced_yaml(values: dict[str, Any]) -> str:
    return _fenced(yaml.safe_dump(values, sort_keys=False).rstrip(), "yaml")


def _fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```"
