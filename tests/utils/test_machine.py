from __future__ import annotations

import os
from pathlib import Path

import pytest

from pose_track.utils import machine
from pose_track.utils.machine import processor_flags, processor_name, usable_cores


def test_processor_of_this_machine() -> None:
    assert processor_name()
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_processor_from_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(machine, "_CPUINFO", path)
    assert processor_flags() == set()  # no such file, as on other systems
    path.write_text("model name\t: Some CPU\nflags\t\t: fpu avx2\n\nmodel name\t: Other CPU\nflags\t\t: sse\n")
    assert processor_name() == "Some CPU"
    assert processor_flags() == {"fpu", "avx2"}
