"""The core without its optional packages: it tracks, links, finishes, converts and evaluates, and names the extra that
installs what another command needs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pose_track.utils.cache_dir import VARIABLE

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
OPTIONAL = (
    "torch", "torchvision", "lightning_fabric", "tensorboardX", "matplotlib", "pandas", "pycocotools", "hotcoco",
    "pyarrow", "decord", "onnx", "onnxruntime", "filterpy", "ezc3d", "h5netcdf", "pynwb", "ndx_pose", "sleap_io",
    "tables", "xarray", "fsspec", "ray", "submitit",
)  # fmt: skip

RUN_WITHOUT = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
from pose_track.cli.main import main
code = main(sys.argv[1:])
assert not set({OPTIONAL!r}) & set(sys.modules)
sys.exit(code)
"""


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command in a process that cannot import optional packages, with an empty cache."""
    environment = os.environ | {VARIABLE: str(folder / "cache")}
    command = [sys.executable, "-c", RUN_WITHOUT, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


def succeed(folder: Path, *arguments: object) -> str:
    done = run(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the sample, and tracks of its first second in out/three_people."""
    folder = tmp_path_factory.mktemp("light")
    shutil.copytree(SAMPLE, folder / "sample")
    succeed(folder, "track", "sample/three_people.mp4", "--out", "out", "--end", "1")
    return folder


def test_track_writes_people_and_a_video(tracked: Path) -> None:
    header, *frames = lines(tracked / "out/three_people/tracks.jsonl")
    assert len(frames) == 25
    assert all(len(frame["people"]) == 2 for frame in frames)  # type: ignore[arg-type]
    weights = header["weights"]
    assert isinstance(weights, dict)
    for network in ("detector", "pose"):
        assert weights[network]["device"] == "cpu"
        assert weights[network]["precision"] in ("float32", "bfloat16", "int8")
    assert any(path.suffix == ".mp4" for path in (tracked / "out/three_people").iterdir())


def test_track_without_a_video(tracked: Path) -> None:
    """Also with the flip test and a second start from the cache."""
    for out in ("first", "second"):
        options = ("--end", "0.2", "--no-render", "--pose.flip_test", "true")
        succeed(tracked, "track", "sample/three_people.mp4", "--out", out, *options)
    assert (
        lines(tracked / "first/three_people/tracks.jsonl")[1:]
        == (lines(tracked / "second/three_people/tracks.jsonl")[1:])
    )


def test_finish_link_evaluate(tracked: Path) -> None:
    succeed(tracked, "finish", "out/three_people/tracks.jsonl", "finished.jsonl", "--smooth", "butterworth")
    assert len(lines(tracked / "finished.jsonl")) == 26
    gt = "sample/annotations/val"
    succeed(tracked, "link", "--pred", gt, "--out", "linked", "--preset", "fast")
    succeed(tracked, "evaluate", "--gt", gt, "--pred", "linked", "--json", "metrics.json")
    metrics = json.loads((tracked / "metrics.json").read_text())
    assert metrics["modes"]["clean"]["mota"][-1] > 0.9


@pytest.mark.parametrize(
    "name", ["posetrack17", "posetrack18", "coco", "mot", "alphapose", "openpose", "mmpose", "csv"]
)
def test_convert(name: str, tracked: Path) -> None:
    succeed(tracked, "convert", "out/three_people/tracks.jsonl", f"converted_{name}", "--to", name)
    assert (tracked / f"converted_{name}").exists()


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        ("track sample/three_people.mp4 --device cuda", "gpu"),
        ("track sample/three_people.mp4 --runtime torch", "gpu"),
        ("track sample/three_people.mp4 --runtime onnx", "onnx"),
        ("track sample/three_people.mp4 --decoder decord", "decord"),
        ("track sample/three_people.mp4 --pose.weights pose.safetensors", "gpu"),
        ("track sample/three_people.mp4 --detector.name fcos_resnet50_fpn --detector.weights own.pth", "gpu"),
        ("track sample/three_people.mp4 --tracker.flow.method raft_small --tracker.flow.weights own.pth", "gpu"),
        ("convert out/three_people/tracks.jsonl tracks.parquet --to parquet", "parquet"),
        ("convert out/three_people/tracks.jsonl c3d --to c3d", "science"),
        ("export --out exported", "gpu"),
        (f"train {ROOT / 'configs/train/pose_compact.yaml'} --out trained", "gpu|train"),
    ],
)
def test_what_needs_an_extra_says_so(arguments: str, extra: str, tracked: Path) -> None:
    """In one line, with the pip command."""
    shutil.copy(ROOT / "pose_track/assets/pose.safetensors", tracked / "pose.safetensors")
    (tracked / "own.pth").touch()
    done = run(tracked, *arguments.split(), *(("--out", "unused") if arguments.startswith("track") else ()))
    assert done.returncode == 2, done.stderr
    (message,) = done.stderr.strip().splitlines()
    assert re.search(rf"pip install 'pose_track\[[a-z,]*({extra})[a-z,]*\]'", message), message


def test_requirements_agree() -> None:
    """requirements.txt lists the core and all extras, with the same versions."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 and newer")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    def requirements(name: str) -> set[str]:
        return {line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")}

    extras = project["project"]["optional-dependencies"]
    listed = {text for extra in extras.values() for text in extra if not text.startswith("pose_track[")}
    assert {text.replace("'", '"') for text in listed} | requirements("requirements-core.txt") == (
        requirements("requirements.txt")
    )
    assert project["tool"]["setuptools"]["dynamic"]["dependencies"] == {"file": ["requirements-core.txt"]}
