from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pose_track.utils.extras import install_command, missing_modules, require


def test_installed_modules_are_accepted() -> None:
    require("numpy", "cv2", purpose="this test")
    assert missing_modules("numpy", "cv2") == []


def test_a_missing_module_names_the_purpose_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    assert missing_modules("numpy", "torch") == ["torch"]
    with pytest.raises(ImportError, match=r"^RAFT .*torch.*pip install 'pose_track\[gpu\]'$"):
        require("numpy", "torch", purpose="RAFT")


def test_the_extras_are_those_of_the_project() -> None:
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    for module in ("torch", "onnx", "pycocotools", "decord", "matplotlib", "no_such_module"):
        extra = install_command(module).partition("[")[2].partition("]")[0]
        assert f"\n{extra} = [" in pyproject
