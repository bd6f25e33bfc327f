"""What a GPU does, in a few minutes: networks at several batch sizes, a video from end to end, and the tests that need
a GPU."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pose_track
from pose_track.benchmarks.speed.machine import describe_machine, machine_summary
from pose_track.benchmarks.speed.parts_in_time import Part, PartResult, run_parts
from pose_track.utils.atomic import atomic_path

VIDEO, TRACK, RENDER, TESTS = "video", "track", "track and render", "tests"
_PYTHON = sys.executable
_MAKE_VIDEO = (
    "import sys; from pathlib import Path; from pose_track.benchmarks.speed.long_video import make_long_video; "
    "make_long_video(Path(sys.argv[1]), int(sys.argv[2]), (int(sys.argv[3]), int(sys.argv[4])), int(sys.argv[5]))"
)


@dataclass(frozen=True)
class GpuPlan:
    """What to measure.

    device: "cuda", or "cpu" to try the command. networks: architecture and (w, h) of a crop in pixels, each.
    batches: people in one call, the most telling number first. seconds: time for each backend of a network.
    frames, size, people: of the video; size is (w, h) in pixels. compiled: also measure `torch.compile`.
    """

    device: str = "cuda"
    networks: Sequence[tuple[str, tuple[int, int]]] = (
        ("hrnet_compact", (128, 192)),
        ("hrnet_w32", (192, 256)),
        ("hrnet_w48", (288, 384)),
    )
    batches: Sequence[int] = (64, 8, 1, 256)
    seconds: float = 1.0
    frames: int = 500
    size: tuple[int, int] = (1920, 1080)
    people: int = 5
    compiled: bool = True


TRIAL = GpuPlan("cpu", (("hrnet_compact", (32, 64)),), (1,), 0.01, 40, (320, 180), 1, compiled=False)
"""Everything small, to try the command without a GPU."""


def measure_gpu(plan: GpuPlan, out: Path, minutes: float) -> list[PartResult]:
    """Measure for `minutes` at most. After each part, `gpu.json` and `gpu.md` in the folder `out` hold all results so
    far. Raises ValueError for no time, OSError where the folder cannot be written."""
    if minutes <= 0:
        raise ValueError(f"minutes must be above 0, got {minutes!r}")
    out.mkdir(parents=True, exist_ok=True)

    return run_parts(gpu_parts(plan, out), 60 * minutes, partial(_write, plan, out))


def _write(plan: GpuPlan, out: Path, results: Sequence[PartResult]) -> None:
    figures = {"machine": describe_machine(), "plan": asdict(plan), "parts": [asdict(result) for result in results]}
    texts = {
        "gpu.json": json.dumps(figures, indent=2),
        "gpu.md": "\n".join([*table(results), f"on {machine_summary()}"]),
    }
    for name, text in texts.items():
        with atomic_path(out / name) as path:
            path.write_text(text + "\n", encoding="utf-8")


def gpu_parts(plan: GpuPlan, out: Path) -> list[Part]:
    """The parts, those first that must not be missing when time runs out. Their files go to the folder `out`."""
    first, *others = plan.batches
    video = out / "people.mp4"
    size = [str(number) for number in (plan.frames, *plan.size, plan.people)]
    parts = [_network_part(plan, network, first, out) for network, _ in plan.networks]
    parts += [
        Part(
            VIDEO, [_PYTHON, "-c", _MAKE_VIDEO, str(video), *size], 5, lambda: {"megabytes": video.stat().st_size / 1e6}
        ),
        _track_part(TRACK, plan, video, out),
        _track_part(RENDER, plan, video, out, "--render"),
    ]
    if plan.device != "cpu":
        parts += _tests(out)
    parts += [_network_part(plan, network, batch, out) for batch in others for network, _ in plan.networks]
    if plan.compiled:
        parts += [_network_part(plan, network, first, out, "--compiled") for network, _ in plan.networks[:2]]
    return parts


def _network_part(plan: GpuPlan, network: str, batch: int, out: Path, *more: str) -> Part:
    name = " ".join([network, str(batch), *(word.lstrip("-") for word in more)])
    w, h = dict(plan.networks)[network]
    words = ["--network", network, "--input_size", str(w), str(h), "--batch", str(batch), "--device", plan.device]
    return _job_part(name, "network", [*words, "--rounds", "1", "--seconds", str(plan.seconds), *more], 10, out)


def _track_part(name: str, plan: GpuPlan, video: Path, out: Path, *more: str) -> Part:
    return _job_part(name, "track", [str(video), "--rounds", "1", "--device", plan.device, *more], 30, out)


def _job_part(name: str, job: str, words: Sequence[str], seconds: float, out: Path) -> Part:
    """A job of `pose-track benchmark` as a part; an older result of it is removed."""
    path = out / f"{name.replace(' ', '_')}.json"
    path.unlink(missing_ok=True)
    command = [_PYTHON, "-m", "pose_track", "benchmark", job, *words, "--json", str(path)]
    return Part(name, command, seconds, partial(_read_json, path))


def _read_json(path: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return figures


def _tests(out: Path) -> list[Part]:
    """The tests of a checkout that need a GPU; none where there is no checkout or no pytest."""
    folder = Path(pose_track.__file__).parents[1]
    if find_spec("pytest") is None or not (folder / "tests" / "test_floors.py").is_file():
        return []
    path = out / "tests.xml"
    words = ["-q", "-m", "gpu", "--rootdir", str(folder), "--junitxml", str(path), str(folder / "tests")]
    return [Part(TESTS, [_PYTHON, "-m", "pytest", *words], 40, partial(_read_tests, path))]


def _read_tests(path: Path) -> dict[str, Any]:
    """Numbers of tests, failures, errors and skipped tests of a JUnit report."""
    suite = ElementTree.parse(path).getroot().find("testsuite")
    if suite is None:
        raise ValueError(f"{path} holds no tests")
    return {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}


def table(results: Sequence[PartResult]) -> list[str]:
    """The results as Markdown tables: networks, the video, and how each part ended."""
    done = [result for result in results if result.state == "done"]
    networks = [row for result in done if "backends" in result.figures for row in _network_rows(result)]
    videos = [_video_row(result) for result in done if "frames_per_second" in result.figures]
    ends = [[result.name, f"{result.seconds:.0f}", _outcome(result)] for result in results]
    columns = "people a second | ms a person | x eager | MB of a call"
    return [
        *_markdown(f"network, input, people in a call | backend | precision | {columns}", networks),
        *_markdown("video | frames a second | first record, s | no network ran in | GPU busy | GPU memory, MB", videos),
        *_markdown("part | seconds | outcome", ends),
    ]


def _markdown(head: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """A table with an empty line after it; nothing without rows."""
    if not rows:
        return []
    rule = "|".join("---" for _ in head.split(" | "))
    return [f"| {head} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def _network_rows(result: PartResult) -> list[list[str]]:
    figures = result.figures
    w, h = figures["input_size"]
    title = f"{figures['network']} {w}x{h}, {figures['batch']}"
    columns = {"people_per_second": ".0f", "ms_per_person": ".3f", "speedup_over_eager": ".2f", "call_mb": ".0f"}
    return [
        [title, backend, figures["precisions"].get(backend, ""), *_cells(metrics, columns)]
        for backend, metrics in figures["backends"].items()
    ]


def _video_row(result: PartResult) -> list[str]:
    columns = {"frames_per_second": ".1f", "first_record_seconds": ".2f", "share_without_network": ".1%"}
    return [
        result.name,
        *_cells(result.figures, columns),
        *_cells(result.gpu, {"gpu_busy": ".0%", "gpu_peak_mb": ".0f"}),
    ]


def _cells(metrics: Mapping[str, Any], columns: Mapping[str, str]) -> list[str]:
    return [format(metrics[name], form) if name in metrics else "" for name, form in columns.items()]


def _outcome(result: PartResult) -> str:
    if result.state != "done":
        return f"{result.state}: {result.reason}"
    if result.name == TESTS:
        return ", ".join(f"{number} {name}" for name, number in result.figures.items())
    return "done"
