from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path, PurePosixPath

import pytest
import torch
from torch import nn

from pose_track.training.checkpoint import check_space, load_checkpoint, save_checkpoint, versions


class Unwritable:
    def __reduce__(self) -> str:
        raise OSError("no space left")


def test_a_failing_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1, "values": torch.arange(3)})
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(path, {"step": 2, "values": Unwritable()})
    state = load_checkpoint(path)
    assert state["step"] == 1
    assert state["values"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["checkpoint.pt"]


def test_invalid_checkpoint_files(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_checkpoint(path)
    save_checkpoint(path, {"values": torch.arange(1000)})
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"checkpoint\.pt is not a checkpoint"):
            load_checkpoint(path)


def test_no_advice_to_run_code_from_a_file(tmp_path: Path) -> None:
    """PyTorch's own errors say how to load the file without any protection."""
    torch.save({"values": PurePosixPath("a")}, tmp_path / "object.pt")
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "script.pt")  # type: ignore[no-untyped-call]
    for name in ("object.pt", "script.pt"):
        with pytest.raises(ValueError, match=name) as error:
            load_checkpoint(tmp_path / name)
        assert "weights_only" not in str(error.value)


Usage = namedtuple("Usage", "total used free")


def test_full_disk_is_detected_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Linear(1 << 20, 1, bias=False)  # 4 MB; a checkpoint has four times that, and there are two
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, 32 << 20))
    check_space(tmp_path / "run", network)
    assert (tmp_path / "run").is_dir()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, (32 << 20) - 1))
    with pytest.raises(OSError, match=r"run .*31 MB.*32 MB.*--out"):
        check_space(tmp_path / "run", network)


def test_versions() -> None:
    assert versions().keys() == {"pose_track", "python", "torch", "numpy"}
    assert versions()["torch"] == str(torch.__version__)
