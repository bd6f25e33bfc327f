"""The file of a name or path."""

from __future__ import annotations

from pathlib import Path

import pytest

from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights.resolve import weights_file


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("pose_hrnet_w32_256x192.pth", "the name pose_hrnet_w32_256x192"),
        ("models/raft_small_C_T_V2-01064c6d.pth", "the name raft_small"),
        ("hrnet_w48_mpii_256x256.pth", "the name hrnet_w48_mpii_256x256"),
        ("mine.pth", "pose-track weights list"),
    ],
)
def test_a_missing_file(path: str, remedy: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        weights_file(path)
    assert repr(path) in str(caught.value)
    assert remedy in str(caught.value)


def test_a_file_takes_precedence_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    name = "pose_hrnet_w32_256x192"
    with pytest.raises(FileNotFoundError, match="by hand"):
        weights_file(name)
    (tmp_path / name).write_bytes(b"weights")
    assert weights_file(name) == Path(name)
