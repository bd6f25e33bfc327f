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

# Each room's floor. A module imports from its own room and from lower floors only.
FLOORS = {
    "structures": 0, "utils": 0,
    "config": 1, "geometry": 1, "limbs": 1, "selection": 1,
    "drawing": 2, "formats": 2, "models": 2, "tracking": 2, "video": 2,
    "analysis": 3, "datasets": 3, "evaluation": 3, "pipeline": 3, "postprocessing": 3, "runtime": 3,
    "plots": 4, "pose": 4, "report": 4, "sinks": 4, "weights": 4,
    "detection": 5, "flow": 5, "results": 5,
    "build": 6, "editing": 6, "training": 6,
    "batch": 7, "export": 7, "linking": 7, "live": 7, "viewer": 7,
    "benchmarks": 8, "parts": 8,
    "cli": 9,
}  # fmt: skip

# The rooms that know the settings; stages take plain arguments.
KNOW_SETTINGS = {"pipeline", "build", "linking", "training", "export", "live", "batch", "parts", "benchmarks", "cli"}

TORCH_FREE = [
    *("training.config", "training.options", "datasets.load", "datasets.synthetic", "datasets.detection"),
    *("cli.main", "cli.track", "cli.weights", "cli.batch", "batch.run", "batch.plan", "batch.track_handler"),
    *("config.load", "config.settings", "config.tracker", "config.postprocessing"),
    *("pipeline.track_video", "pipeline.track_file", "drawing.painter", "pipeline.stages"),
    *("evaluation.pck", "evaluation.pckh", "evaluation.box_ap", "evaluation.coco_keypoints", "evaluation.posetrack"),
    *("evaluation.sequence_pairs", "evaluation.report"),
    *("linking.poses", "linking.frames", "linking.files", "utils.machine", "utils.hashing"),
    *("benchmarks.posetrack.run", "benchmarks.posetrack.report", "benchmarks.posetrack.sweep"),
    *("benchmarks.posetrack.plot", "benchmarks.jobs", "benchmarks.coco", "benchmarks.ablation"),
    *("tracking.linker", "tracking.similarity", "tracking.appearance", "tracking.association"),
    *("limbs.online", "limbs.offline", "tracking.confirmation", "tracking.propagation", "flow.optical_flow"),
    *("postprocessing.postprocess", "postprocessing.files"),
    *("sinks.fan_out", "sinks.json_lines", "sinks.osc", "sinks.web_page"),
    *("sinks.publish", "sinks.publish_process", "sinks.window", "sinks.window_process"),
    *("build.stages", "build.networks", "build.specs", "build.tracker", "build.custom_models", "build.custom_checks"),
    "build.published",
    *("detection.detector", "pose.estimator", "pose.keypoints"),
    *("build.graphs", "build.graph_stages", "detection.graph_detector", "detection.one_stage", "runtime.graph"),
    *("models.codec", "models.heatmaps", "models.scales", "models.centre_boxes"),
    *("runtime.select", "runtime.openvino_runtime", "runtime.device", "runtime.exported", "export.export_pose"),
    *("weights.zoo", "weights.store", "weights.resolve", "weights.identify", "weights.container", "weights.pack"),
    *("weights.checkpoint", "weights.state_dict_names", "weights.hrnet_shapes", "weights.mmpose_config"),
    *(
        "models.metadata",
        "models.hrnet_config",
        "models.score_map",
        "weights.metadata",
        "evaluation.calibration",
        "formats.posetrack.reader",
    ),
    *("formats.tracks_jsonl", "formats.tracks_writer", "formats.tracks_source"),
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
    """(importing room, imported room) for the whole package but its front door, which imports on demand."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0]
        found |= {(room, other) for other in imported_parts(path) if other != room and room in FLOORS}
    return found


def test_every_module_is_in_a_room() -> None:
    loose = {path.name for path in PACKAGE.glob("*.py")}
    assert loose <= {"__init__.py", "__main__.py"}


def test_every_room_has_its_floor() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*/*.py")}
    assert rooms == set(FLOORS)


def test_imports_point_down() -> None:
    assert {(a, b) for a, b in all_imports() if FLOORS[a] <= FLOORS[b]} == set()


def test_stages_know_no_settings() -> None:
    assert {a for a, b in all_imports() if b == "config"} <= KNOW_SETTINGS


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
    code = f"from pose_track.cli.main import main\nassert main({['track', *words]}) == 0"
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
