from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pose_track.models.score_map import ScoreMap
from pose_track.weights.metadata import read_score_map, write_metadata

MAP = ScoreMap(((0, 0), (0.5, 0.8), (1, 0.9)))
TENSORS = {"odd": torch.arange(3, dtype=torch.uint8), "weight": torch.randn(4, 5), "half": torch.ones(3).half()}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(TENSORS, path, {"network": "é"})
    return path


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="np") as file:
        return dict(file.metadata())


@pytest.mark.parametrize("name", ["weights.safetensors", "other.safetensors"])
def test_entries_are_added_and_tensors_kept(weights: Path, name: str) -> None:
    out = weights.with_name(name)
    write_metadata(weights, out, {"score_map": "old"})
    write_metadata(out, out, {"score_map": str(MAP)})
    assert metadata(out) == {"network": "é", "score_map": str(MAP)}
    assert read_score_map(out) == MAP
    written = load_file(out)
    assert written.keys() == TENSORS.keys()
    assert all(torch.equal(written[key], tensor) for key, tensor in TENSORS.items())
    assert sorted(path.name for path in weights.parent.iterdir()) == sorted({weights.name, name})


def test_a_file_without_metadata(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    save_file(TENSORS, path)
    assert read_score_map(path) is None
    write_metadata(path, path, {"score_map": str(MAP)})
    assert read_score_map(path) == MAP


def test_files_that_hold_no_metadata(tmp_path: Path, weights: Path) -> None:
    pickled = tmp_path / "weights.pth"
    torch.save(TENSORS, pickled)
    assert read_score_map(pickled) is None
    with pytest.raises(ValueError, match=r"weights\.pth"):
        write_metadata(pickled, pickled, {})
    with pytest.raises(FileNotFoundError, match="missing"):
        write_metadata(weights, tmp_path / "missing" / "weights.safetensors", {})
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        write_metadata(tmp_path / "none.safetensors", weights, {})


def test_an_invalid_map_is_refused(weights: Path) -> None:
    write_metadata(weights, weights, {"score_map": "0:0 0.5:2"})
    with pytest.raises(ValueError, match=r"weights\.safetensors.*score_map"):
        read_score_map(weights)
