"""What workers need to find the stages of the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def stages_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the processes of workers, which have the environment of the test."""
    for folder in (HERE, HERE.parent):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (HERE, HERE.parent, HERE.parents[1]))))
