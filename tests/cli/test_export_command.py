"""`pose-track export`, on the bundled network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import run_command

from pose_track.export.sample_crops import SAMPLE, crops_of_people
from pose_track.models.codec import Codec

pytest.importorskip("onnx", reason="exporting needs onnx; pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="exported networks are run by onnxruntime; pip install -e '.[onnx]'")

STEM = "hrnet_compact_posetrack_15_128x192"


def run(out: Path, *arguments: str) -> int:
    return run_command("export", "--out", out, *arguments)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    assert run(out, "--pose.flip_test", "true") == 0
    return out / f"{STEM}.onnx"


def test_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "new", "--to", "openvino") == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [f"{STEM}.bin", f"{STEM}.xml"]
    said = capsys.readouterr().out
    for words in (f"{STEM}.xml: ", "\n  decodes: false\n", "float32: joints differ by up to "):
        assert words in said
    assert "joints compared: 75, " in said


def test_metadata(exported: Path) -> None:
    from pose_track.runtime.onnx_runtime import open_session
    from pose_track.utils.hashing import file_sha256
    from pose_track.weights.resolve import bundled_weights

    metadata = open_session(str(exported), optimise=False).get_modelmeta().custom_metadata_map
    assert metadata["joints"].startswith("right_ankle,right_knee,")
    assert metadata["weights_sha256"] == file_sha256(bundled_weights("pose"))
    expected = {
        "network": "hrnet_compact", "skeleton": "posetrack_15", "input_size": "128x192", "heatmap_type": "dark",
        "decoding": "dark", "sigma": "2", "flip_test": "true", "opset": "17",
        "has_preprocessing": "true", "decodes": "false", "has_appearance": "false",
    }  # fmt: skip
    assert {key: metadata[key] for key in expected} == expected


def test_a_file_is_not_replaced_unasked(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = exported.read_bytes()
    assert run(exported.parent) == 2
    assert "already exists; give --overwrite" in capsys.readouterr().err
    assert exported.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--opset", "99"), "opset must be 13 to 20, got 99"),
        (("--to", "openvino", "--opset", "17"), "opset 17 has no effect on openvino"),
        (("--images", "nowhere"), "'nowhere' does not exist"),
        (("--pose.weights", "nothing.pth"), "there is no weights file 'nothing.pth'"),
        (
            ("--decode", "--pose.scales", "[1, 1.2]"),
            "pose.scales [1.0, 1.2] averages heatmaps",
        ),
        (("--preset", "fats"), "unknown preset 'fats'"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert run(tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_without_people(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "grey.png"), np.full((64, 64, 3), 128, np.uint8))
    with pytest.raises(ValueError, match=r"no people in .*--images"):
        crops_of_people(tmp_path, Codec("dark", (128, 192)), 1.25, 5)


def test_few_people_are_taken_again() -> None:
    crops = crops_of_people(SAMPLE, Codec("dark", (64, 96)), 1.25, 60)
    assert crops.shape == (60, 96, 64, 3)
    people = len(np.unique(crops, axis=0))
    assert 5 < people < 60
    np.testing.assert_array_equal(crops[people:], crops[: 60 - people])


def test_a_file_in_place_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert run(tmp_path / "file") == 2
    assert "file' is a file; give a folder as --out" in capsys.readouterr().err


def test_either_file_of_openvino_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"{STEM}.bin").write_text("mine")
    assert run(tmp_path, "--to", "openvino") == 2
    assert f"{STEM}.bin' already exists; give --overwrite" in capsys.readouterr().err
