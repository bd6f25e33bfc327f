"""A wheel, installed outside the checkout: every command starts, and the main ones work on the sample."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from pose_track.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]
BUILD_FILES = ("pyproject.toml", "README.md", "LICENSE", "pose_track", "configs")


def run(*command: object, cwd: Path) -> str:
    """The stdout of a command. Fails with its stderr."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of scripts of a fresh environment with the wheel. The packages that it needs are those of this one."""
    source, wheels, environment = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "environment"))
    for name in (*BUILD_FILES, *(path.name for path in ROOT.glob("requirements*.txt"))):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", wheels, source, cwd=wheels)
    venv.create(environment, with_pip=False)
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    (packages,) = run(
        scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=wheels
    ).splitlines()
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = wheels.glob("*.whl")
    run(*pip, "--python", scripts / "python", "install", "--no-deps", "--no-index", wheel, cwd=wheels)
    return scripts


def test_the_wheel_has_its_data(installed: Path, tmp_path: Path) -> None:
    code = """
import pose_track, pathlib
from pose_track.config.load import configs_folder
folder = pathlib.Path(pose_track.__file__).parent
print(folder, (folder / "py.typed").is_file(), (folder / "assets").is_dir(), configs_folder(), sep="\\n")
"""
    folder, typed, assets, configs = run(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    for path in (folder, configs):
        assert installed.parent in Path(path).parents
    assert (typed, assets) == ("True", "True")
    names = {path.relative_to(configs).as_posix() for path in Path(configs).rglob("*.yaml")}
    in_checkout = {path.relative_to(ROOT / "configs").as_posix() for path in (ROOT / "configs").rglob("*.yaml")}
    assert names == {name for name in in_checkout if not name.startswith("train/")}


def test_every_command_starts(installed: Path, tmp_path: Path) -> None:
    assert "pose-track COMMAND --help" in run(installed / "pose-track", "--help", cwd=tmp_path)
    code = f"""
from pose_track.cli.main import main
for name in {list(COMMANDS)}:
    assert main([name, "--help"]) == 0
"""
    out = run(installed / "python", "-c", code, cwd=tmp_path)
    assert [name for name in COMMANDS if f"usage: pose-track {name} " not in out] == []


def test_the_main_commands_work(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data" / "sample", tmp_path / "sample")
    command, tracks = installed / "pose-track", "runs/three_people/tracks.jsonl"
    track = ("track", "sample/three_people.mp4", "--device", "cpu", "--end", "1", "--no-render")
    assert run(command, *track, cwd=tmp_path).startswith("sample/three_people.mp4: ")
    assert "2 tracks" in run(command, "finish", tracks, "finished.jsonl", cwd=tmp_path)
    assert run(command, "convert", "finished.jsonl", "people.csv", "--to", "csv", cwd=tmp_path)
    assert (tmp_path / "people.csv").read_text().startswith("frame,")

    gt = "sample/annotations/val"
    assert "3 tracks" in run(command, "link", "--pred", gt, "--out", "linked", "--preset", "fast", cwd=tmp_path)
    run(command, "evaluate", "--gt", gt, "--pred", "linked", "--json", "metrics.json", cwd=tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["modes"]["clean"]["mota"][-1] > 0.9
