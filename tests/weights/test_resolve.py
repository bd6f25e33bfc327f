"""Which file somebody means."""

from __future__ import annotations

from pathlib import Path

import pytest

from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights.resolve import weights_file


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("pose_hrnet_w32_256x192.pth", "; give its path, or the name pose_hrnet_w32_256x192"),
        ("models/raft_small_C_T_V2-01064c6d.pth", "; give its path, or the name raft_small"),
        ("hrnet_w48_mpii_256x256.pth", "; give its path, or the name hrnet_w48_mpii_256x256"),
        ("mine.pth", "; give its path, or the name of published weights (pose-track weights list)"),
    ],
)
def test_a_file_that_is_not_there(given: str, message: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        weights_file(given)
    assert str(caught.value) == f"there is no weights file {given!r}{message}"


def test_a_file_comes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    name = "pose_hrnet_w32_256x192"
    with pytest.raises(FileNotFoundError, match="has to be fetched by hand"):
        weights_file(name)
    (tmp_path / name).write_bytes(b"weights")
    assert weights_file(name) == Path(name)
