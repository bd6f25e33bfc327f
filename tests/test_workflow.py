"""The workflow that runs the tests on other systems, as far as it can be read here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "tests.yml"


def test_the_oldest_python_and_all_systems_are_in_the_matrix() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    oldest = re.findall(r'^requires-python = ">=(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert oldest == [min((row["python"] for row in matrix["include"]), key=lambda text: int(text.split(".")[1]))]
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert any(system.endswith("-arm") for system in matrix["os"])


@pytest.mark.parametrize(("people", "code"), [(101, 0), (3, 1)])
def test_the_check_of_the_core_install(tmp_path: Path, people: int, code: int) -> None:
    """Its command is run on results of our own."""
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["core"]["steps"]
    command = steps[-1]["run"]
    folder = tmp_path / "runs" / "three_people"
    folder.mkdir(parents=True)
    (folder / "tracks.jsonl").write_text(f"{json.dumps({'header': 1})}\n{json.dumps({'people': [{}] * people})}\n")
    words = command.removeprefix('python -c "').removesuffix('"')
    done = subprocess.run([sys.executable, "-c", words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
