from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml
from made_coco import write_set

from pose_track.datasets.coco import load_boxes, load_people
from pose_track.datasets.images import ImageStore
from pose_track.datasets.top_down import PoseAugmentation
from pose_track.models.centre import centre_compact
from pose_track.models.hrnet import hrnet_compact
from pose_track.models.weights import load_weights
from pose_track.settings import load_settings
from pose_track.skeleton import POSETRACK_15
from pose_track.training.experiment import Experiment, Joined, build_network, build_task

ROOT = Path(__file__).resolve().parents[2]
SOURCE = {"annotations": "people.json", "images": "images"}
SHORT = {"num_samples": 4, "batch_size": 2, "warmup_samples": 2, "evaluate_every": 4}
POSE = {"task": "pose", "train": [SOURCE], "val": SOURCE, "pose": {"input_size": [32, 64]}, "loop": SHORT}
DETECTOR = {"task": "detector", "train": [SOURCE], "val": SOURCE, "loop": SHORT}


def write(folder: Path, values: dict[str, object], root: Path | None = None) -> Path:
    """A config whose data lie in `root`."""
    text = yaml.safe_dump(values)
    if root is not None:
        text = text.replace("people.json", str(root / "people.json")).replace(": images", f": {root / 'images'}")
    path = folder / "run.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "train").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configs(path: Path) -> None:
    experiment = load_settings(Experiment, path)
    assert experiment.loop.num_steps > 100
    assert path.name.startswith(experiment.task)


def test_overrides(tmp_path: Path) -> None:
    overrides = {
        "pose.augmentation.rotation": "10",
        "pose.input_size": "[64, 96]",
        "loop.learning_rate": "0.5",
        "loop.num_samples": "300",
        "init_weights": "other.safetensors",
        "threads": "2",
    }
    experiment = load_settings(Experiment, write(tmp_path, POSE), overrides)
    assert experiment.pose.augmentation == PoseAugmentation(rotation=10.0)
    assert experiment.pose.input_size == (64, 96)
    assert (experiment.loop.learning_rate, experiment.loop.num_samples, experiment.loop.batch_size) == (0.5, 300, 2)
    assert (experiment.init_weights, experiment.threads) == (Path("other.safetensors"), 2)
    assert experiment.train[0].annotations == Path("people.json")


@pytest.mark.parametrize(
    ("base", "key", "value", "message"),
    [
        (POSE, "pose.augmentation.rotatoin", "3", "did you mean 'pose.augmentation.rotation'"),
        (POSE, "loop.batchsize", "3", "did you mean 'loop.batch_size'"),
        (DETECTOR, "detector.augmentation.aspekt", "2", "did you mean 'detector.augmentation.aspect'"),
        (POSE, "pose.network", "hrnet_w23", "pose.network = 'hrnet_w23'"),
        (POSE, "pose.input_size", "[60, 96]", r"pose.input_size must be multiples of 32, got \[60, 96\]"),
        (POSE, "pose.sigma", "0", "pose.sigma"),
        (POSE, "pose.augmentation.scale", "2", "scale must be at least 0 and below 1, got 2"),
        (POSE, "loop.batch_size", "0", "batch_size must be above 0, got 0"),
        (POSE, "loop.num_samples", "1", "num_samples 1 do not fill one batch of 2"),
        (POSE, "detector.canvas", "320", "detector has no effect on task pose"),
        (DETECTOR, "pose.sigma", "3", "pose has no effect on task detector"),
        (DETECTOR, "detector.canvas", "100", "detector.canvas must be a multiple of 64, got 100"),
        (DETECTOR, "detector.augmentation.long_side", "[3, 2]", "long_side must be two lengths"),
        (DETECTOR, "train", "[]", "train"),
        (DETECTOR, "threads", "-1", "threads"),
        (DETECTOR, "task", "both", "task = 'both'"),
    ],
)
def test_faulty_settings(tmp_path: Path, base: dict[str, object], key: str, value: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_settings(Experiment, write(tmp_path, base), {key: value})
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a data set of four pictures."""
    root = tmp_path_factory.mktemp("made")
    write_set(root, 4)
    return root


def load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_tool", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_tool("train")


def test_the_keypoint_tool(tmp_path: Path, made: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = write(tmp_path, POSE, made), tmp_path / "out"
    assert tool.main([str(config), "--out", str(out), "--loop.seed", "5"]) == 0
    assert capsys.readouterr().out.startswith("pck ")
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint.pt", "log.csv", "weights.safetensors"]
    notes = load_weights(hrnet_compact(15), out / "weights.safetensors")
    settings = json.loads(notes["settings"])
    assert (notes["task"], settings["pose"]["input_size"], settings["loop"]["seed"]) == ("pose", [32, 64], 5)
    assert 0 <= float(notes["pck"]) <= 1
    assert str(made) not in str(notes)  # where the data lay is nobody's business

    before = (out / "weights.safetensors").read_bytes()
    assert tool.main([str(config), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error == f"error: {out} holds a checkpoint; give --resume to go on with it, or another --out\n"
    assert (out / "weights.safetensors").read_bytes() == before
    assert tool.main([str(config), "--out", str(out), "--resume"]) == 0  # at its end: measured again
    assert "pck " in capsys.readouterr().out


def test_the_detector_tool(tmp_path: Path, made: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = write(tmp_path, DETECTOR, made), tmp_path / "out"
    assert tool.main([str(config), "--out", str(out), "--detector.canvas", "64", "--detector.long_side=64"]) == 0
    assert capsys.readouterr().out.startswith("ap50 ")
    notes = load_weights(centre_compact(), out / "weights.safetensors")
    assert notes["task"] == "detector"
    assert "ap50_all" in notes


def test_a_broken_picture_ends_the_run_in_one_line(
    tmp_path: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path, 2)
    (tmp_path / "images" / "1.png").write_bytes(b"broken")
    assert tool.main([str(write(tmp_path, DETECTOR, tmp_path)), "--out", str(tmp_path / "out")]) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert "1.png: not a picture that OpenCV reads" in line


def test_nothing_to_measure_with(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    category = {"id": 1, "name": "person", "keypoints": ["nose"]}
    (tmp_path / "people.json").write_text(json.dumps({"images": [], "annotations": [], "categories": [category]}))
    for values, message in ((POSE, "has no person"), (DETECTOR, "has no picture in which everyone is labelled")):
        experiment = load_settings(Experiment, write(tmp_path, values, tmp_path))
        with pytest.raises(ValueError, match=rf"people\.json {message}"):
            build_task(experiment, "cpu")


def test_first_weights(tmp_path: Path, made: Path) -> None:
    """The same for the same seed; those of a file where one is given."""

    def first(**overrides: str) -> torch.Tensor:
        values = {key.replace("__", "."): value for key, value in overrides.items()}
        network = build_network(load_settings(Experiment, write(tmp_path, POSE, made), values))
        return network.get_parameter("conv1.weight").detach()

    assert torch.equal(first(), first())
    assert not torch.equal(first(), first(loop__seed="1"))
    network = hrnet_compact(15)
    torch.save(network.state_dict(), tmp_path / "start.pth")
    assert torch.equal(first(init_weights=str(tmp_path / "start.pth")), network.conv1.weight)


def test_drawn_figures_are_a_data_set(tmp_path: Path) -> None:
    load_tool("make_figures").main(["--out", str(tmp_path), "--pictures", "2", "--seed", "6"])
    pictures, people = load_boxes(tmp_path / "figures.json"), load_people(tmp_path / "figures.json", POSETRACK_15)
    store = ImageStore(tmp_path / "images")
    assert [picture.file_name for picture in pictures] == ["000006.jpg", "000007.jpg"]
    assert all(store.read(p.file_name).shape == (p.height, p.width, 3) for p in pictures)
    assert {picture.source for picture in pictures} == {"figures"}
    assert 0 < len(people) <= sum(len(picture.boxes) for picture in pictures) <= 7
    for person in people:
        seen = person.joints[person.visibility > 0]
        assert (seen > person.box[:2] - 12).all()
        assert (seen < person.box[2:] + 12).all()


class Letters:
    def __init__(self, letters: str) -> None:
        self.letters, self.seeds = letters, list[int]()

    def __len__(self) -> int:
        return len(self.letters)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return self.letters[index]

    def reseed(self, seed: int) -> None:
        self.seeds.append(seed)


def test_joined_data_sets() -> None:
    parts = [Letters("ab"), Letters(""), Letters("cde")]
    joined = Joined(parts)  # type: ignore[arg-type]
    assert len(joined) == 5
    assert [str(joined[i]) for i in range(5)] == list("abcde")
    joined.reseed(3)
    joined.reseed(4)
    seeds = [seed for part in parts for seed in part.seeds]
    assert len(set(seeds)) == len(seeds) == 6
