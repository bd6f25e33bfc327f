"""The package is built in floors: imports point down only, and light parts stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from make_video import make_video

import pose_track

PACKAGE = Path(pose_track.__file__).parent

FLOORS = {
    "types": 0, "overlap": 0, "skeleton": 0, "sequence": 0, "section": 0, "profile": 0,
    "geometry": 1, "settings": 1, "tracker_settings": 1, "finish_settings": 1, "zoo": 1,
    "models": 2, "runtime": 2, "video": 2, "formats": 2, "downloads": 2,
    "detect": 3, "pose": 3, "flow": 3, "track": 3, "finishing": 3, "datasets": 3, "evaluation": 3, "render": 3,
    "build": 4, "linking": 4, "link_frames": 4, "link_files": 4, "weight_files": 4, "pipeline": 4, "faults": 4,
    "plans": 4, "pose_form": 4, "own_models": 4, "own_checks": 4, "export": 4, "results": 4, "command_line": 4,
    "cli": 4, "weights_command": 4, "training": 4, "benchmarks": 4,
}  # fmt: skip

# imports between neighbours on a floor, and why
EXCEPTIONS = {
    ("types", "skeleton"): "poses travel with their skeleton",
    ("sequence", "skeleton"): "as in types",
    ("settings", "tracker_settings"): "the tracker is a section of the main job's settings",
    ("runtime", "models"): "a network is run with the normalisation and the flip that are defined beside it",
    ("downloads", "models"): "what is downloaded is known by its hash, as weights are everywhere",
    ("downloads", "runtime"): "published weights and compiled networks share the cache folder",
}

TORCH_FREE = [
    *("cli", "settings", "pipeline", "results", "render", "evaluation.pck", "evaluation.pckh", "evaluation.boxes"),
    *("evaluation.coco_keypoints", "evaluation.posetrack", "evaluation.pairing", "evaluation.report"),
    *("linking", "link_frames", "link_files", "weight_files", "pose_form", "models.hashing", "runtime.machine"),
    *("benchmarks.run", "benchmarks.report", "benchmarks.sweep", "benchmarks.plot", "benchmarks.jobs"),
    *("track.tracker", "track.similarity", "track.appearance", "track.association", "track.confirmation"),
    *("track.propagation", "flow.optical_flow", "finishing.finish", "finishing.files"),
    *("tracker_settings", "finish_settings", "zoo", "downloads.kept", "weights_command"),
    *("build", "plans", "detect.detector", "pose.estimator", "pose.keypoints", "models.codec", "models.heatmaps"),
    *("models.scales", "models.centre_boxes", "runtime.choose", "runtime.openvino_runtime", "runtime.device"),
    *("runtime.exported", "export.job"),
    *("models.recognise", "models.container", "models.weight_file", "models.naming", "models.hrnet_form"),
    *("models.mmpose_notes", "models.trained_as"),
    *("formats.posetrack", "formats.tracks_jsonl", "own_models", "own_checks"),
    *("geometry.affine", "geometry.boxes", "geometry.oks", "video.reader", "video.writer"),
]


def imported_parts(path: Path) -> Iterator[str]:
    """The parts of the package that a module imports, also inside functions; not those for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports out, without leading dots"
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (parts[1] for parts in (name.split(".") for name in names) if parts[0] == "pose_track" and parts[1:])


@cache
def all_imports() -> set[tuple[str, str]]:
    """(importing part, imported part) for the whole package but its front door, which imports on demand."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part != "__init__":
            found |= {(part, other) for other in imported_parts(path) if other != part}
    return found


def test_every_part_has_its_floor() -> None:
    parts = {p.relative_to(PACKAGE).parts[0].removesuffix(".py") for p in PACKAGE.rglob("*.py")} - {"__init__"}
    assert parts <= set(FLOORS)


def test_imports_point_down() -> None:
    top = max(FLOORS.values())
    level = {(a, b) for a, b in all_imports() if FLOORS[a] == FLOORS[b] < top}
    assert {(a, b) for a, b in all_imports() if FLOORS[a] < FLOORS[b]} == set()
    assert level == set(EXCEPTIONS)  # no more, and none that is not needed any longer


def test_stages_know_no_settings() -> None:
    some = {"settings", "tracker_settings", "finish_settings"}
    assert {(a, b) for a, b in all_imports() if b in some and 1 < FLOORS[a] < 4} == set()


def test_nothing_imports_the_command_line() -> None:
    assert {a for a, b in all_imports() if b == "cli"} == set()


def modules_after(code: str) -> set[str]:
    code += "\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_light_parts_import_no_torch() -> None:
    names = [f"pose_track.{name}" for name in TORCH_FREE]
    loaded = modules_after("\n".join(f"import {name}" for name in names))
    assert set(names) <= loaded
    assert not {"torch", "torchvision", "decord"} & loaded


def test_a_warm_start_imports_no_torch(tmp_path: Path) -> None:
    """Once the bundled networks are compiled, a video is tracked without."""
    video = make_video(tmp_path / "a.mp4", num_frames=4)
    words = [str(video), "--device", "cpu", "--runtime", "openvino", "--overwrite", "--out", str(tmp_path / "out")]
    code = f"from pose_track.cli import track\nassert track({words}) == 0"
    modules_after(code)
    assert not {"torch", "torchvision", "openvino_telemetry.main"} & modules_after(code)


def test_the_front_door_opens_at_once() -> None:
    loaded = modules_after("import pose_track\npose_track.__version__\ndir(pose_track)")
    assert not {"numpy", "pydantic", "av", "cv2", "torch"} & loaded


@pytest.mark.parametrize("name", pose_track.__all__)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(pose_track, name) is getattr(pose_track, name)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="'pose_track' has no attribute 'track_vidoe'"):
        pose_track.track_vidoe  # noqa: B018
