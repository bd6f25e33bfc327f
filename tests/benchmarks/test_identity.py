"""`pose-track benchmark identity` on a few short clips of drawn people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from command_line import run_command

from pose_track.benchmarks.identity.clips import LabelledClip, read_truth
from pose_track.benchmarks.identity.config import IdentityConfig
from pose_track.benchmarks.identity.score import score_tracker
from pose_track.benchmarks.identity.stored_networks import networks_digest
from pose_track.config.load import configs_folder, load_settings, preset_path
from pose_track.config.settings import Settings
from pose_track.datasets.composed.backdrops import Backdrops
from pose_track.datasets.composed.clip import SIZE
from pose_track.datasets.composed.events import Event
from pose_track.datasets.composed.figures import photographed_people
from pose_track.datasets.cutouts import Cutouts, Outline
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.synthetic.camera import Camera
from pose_track.video.reader import open_video

GROUPS = [
    {"name": "walk", "count": 1, "people": [2, 2], "seconds": 1},
    {"name": "cuts", "count": 1, "people": [1, 1], "seconds": 1, "shots": 2, "clothes": "like"},
]


def write_config(folder: Path, **changes: Any) -> Path:
    path = folder / "identity.yaml"
    photographs = {"annotations": "none.json", "images": "none.tar"}
    content = {"split": "all", "photographs": photographs, "drawn_people": 4, "clips": GROUPS}
    path.write_text(yaml.safe_dump({**content, **changes}))
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config and, in `out`, the results of one run."""
    root = tmp_path_factory.mktemp("identity")
    real = {"name": "absent_clip", "video": "none.mp4", "gt": "none.txt"}
    config = write_config(root, real=[real])
    words = ("--data", root, "--out", root / "out", "--json", root / "out.json", "--device", "cpu")
    assert run_command("benchmark", "identity", config, *words) == 0
    return root


def test_a_run(root: Path) -> None:
    """It composes, tracks, stores the boxes of the detector and scores, with the most that linking could reach."""
    result, out = json.loads((root / "out.json").read_text()), root / "out"
    assert result["people"] == "drawn"
    assert result["absent"] == ["absent_clip"]
    assert set(result["trackers"]) == {"ours", "perfect ids"}
    ours, perfect = (result["trackers"][name]["groups"] for name in ("ours", "perfect ids"))
    assert set(ours) == {"all composed", "like clothes", "unlike clothes", "walk", "cuts"}
    assert ours["all composed"]["boxes"] == ours["walk"]["boxes"] + ours["cuts"]["boxes"] > 40
    assert perfect["all composed"]["switches"] == perfect["all composed"]["strangers"] == 0
    assert perfect["all composed"]["idf1"] > 0.5  # drawn people are detected
    assert result["trackers"]["ours"]["events"]["cut_unlike"]["events"] == 1
    for name in ("walk_000", "cuts_000"):
        for path in (out / "detections" / f"{name}.txt", out / "results" / "ours" / f"{name}.txt"):
            assert path.is_file()
    with open_video(out / "clips" / "cuts_000" / "video.mp4") as reader:
        assert (reader.info.width, reader.info.height) == SIZE
        assert sum(1 for _ in reader) == 50
    boxes = np.loadtxt(out / "detections" / "walk_000.txt", delimiter=",", ndmin=2)
    assert boxes[:, 6].min() >= 0.1


def test_another_run_on_the_same_networks(root: Path, tmp_path: Path) -> None:
    """It has the same results, finds nothing new in the stored networks, and other networks are stored apart."""
    stored, results = (root / "out" / name for name in ("networks", "results"))
    (first,) = stored.iterdir()
    sizes = {path.name: path.stat().st_size for path in first.iterdir()}
    assert set(sizes) == {"walk_000.npz", "cuts_000.npz"}
    words = ("--data", root, "--out", root / "out", "--json", tmp_path / "a.json", "--device", "cpu")
    assert run_command("benchmark", "identity", root / "identity.yaml", *words, "--name", "again") == 0
    for name in ("walk_000.txt", "cuts_000.txt"):
        assert (results / "again" / name).read_bytes() == (results / "ours" / name).read_bytes()
    assert {path.name: path.stat().st_size for path in first.iterdir()} == sizes
    settings = load_settings(Settings, preset_path("fast"))
    weights = {"pose": {"file": "pose.safetensors", "sha256": "1"}}
    flipped = load_settings(Settings, preset_path("fast"), {"pose.flip_test": "true"})
    linked = load_settings(Settings, preset_path("fast"), {"tracker.matching": "greedy"})
    assert networks_digest(settings, weights) == networks_digest(linked, weights)
    assert networks_digest(settings, weights) != networks_digest(flipped, weights)
    assert networks_digest(settings, weights) != networks_digest(settings, {"pose": {**weights["pose"], "sha256": "2"}})


def test_results_of_any_tracker(root: Path, tmp_path: Path) -> None:
    """Truth as a result is perfect; the clips are not composed again."""
    clips = root / "out" / "clips"
    before = {path: path.stat().st_mtime_ns for path in clips.rglob("*.mp4")}
    given = tmp_path / "truth"
    given.mkdir()
    for clip in clips.iterdir():
        shutil.copy(clip / "gt" / "gt.txt", given / f"{clip.name}.txt")
    words = ("--data", root, "--out", root / "out", "--json", tmp_path / "a.json", "--results", f"truth={given}")
    assert run_command("benchmark", "identity", root / "identity.yaml", *words) == 0
    assert {path: path.stat().st_mtime_ns for path in clips.rglob("*.mp4")} == before
    truth = json.loads((tmp_path / "a.json").read_text())["trackers"]["truth"]
    assert run_command("benchmark", "identity", root / "identity.yaml", *words, "--groups", "walk") == 0
    assert set(json.loads((tmp_path / "a.json").read_text())["trackers"]["truth"]["groups"]) == {
        "all composed", "unlike clothes", "walk",
    }  # fmt: skip
    for metric in ("idf1", "hota", "mota"):
        assert truth["groups"]["all composed"][metric] == 1
    assert all(event["switched"] == event["taken"] == 0 for event in truth["events"].values())


def test_errors_of_events(tmp_path: Path) -> None:
    """One id for two people, one after the other: it is taken across the cut, and not in the crossing before."""
    (tmp_path / "results").mkdir()
    lines = [f"{f},{1 if f <= 10 else 2},10,10,40,90,1,1,1.0\n" for f in range(1, 21)]
    (tmp_path / "gt.txt").write_text("".join(lines))
    (tmp_path / "results" / "a.txt").write_text("".join(f"{f},3,10,10,40,90,1,-1,-1,-1\n" for f in range(1, 21)))
    events = (Event("crossing", 2, 4, (1, 9)), Event("cut_alike", 10, 10, (2,)), Event("dissolve_unlike", 9, 18, (3,)))
    clip = LabelledClip("a", "cuts", "like", Path("a.mp4"), tmp_path / "gt.txt", events=events)
    scores = score_tracker([clip], tmp_path / "results", 0.3)
    assert {kind: (one.switched, one.taken) for kind, one in scores.events.items()} == {
        "crossing": (0, 1), "cut_alike": (0, 1), "dissolve_unlike": (0, 0),
    }  # fmt: skip
    assert scores.groups["like clothes"]["strangers"] == 1
    with pytest.raises(FileNotFoundError, match=r"b\.txt"):
        score_tracker([LabelledClip("b", "b", "", Path("b"), tmp_path / "gt.txt")], tmp_path / "results", 0.3)


def test_truth_of_motchallenge(tmp_path: Path) -> None:
    """Class, score and visibility decide who is counted, ignored or left out."""
    rows = ["1,1,0,0,9,9,1,1,0.9", "1,2,0,0,9,9,1,1,0.1", "1,3,0,0,9,9,0,7,1", "1,4,0,0,9,9,0,1,1", "1,5,0,0,9,9,1,3,1"]
    path = tmp_path / "gt.txt"
    path.write_text("\n".join([*rows, "2,6,0,0,9,9,1,-1,-1,-1"]) + "\n")
    truth = read_truth(LabelledClip("a", "a", "", Path("a.mp4"), path), 0.3)
    counted = dict(zip(truth.ids.tolist(), truth.counted.tolist(), strict=True))
    assert counted == {1: True, 2: False, 3: False, 6: True}


def test_photographed_people_and_scenes(tmp_path: Path) -> None:
    """People of the split are cut out; a scene is a bright, wide, coloured image without people."""
    rng = np.random.default_rng(0)
    bright = np.clip(rng.normal([90, 140, 160], 40, (60, 120, 3)), 0, 255).astype(np.uint8)
    for name, image in {"bright": bright, "dark": bright // 8, "person": bright}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    mask = np.zeros((60, 120, 3), np.uint8)
    mask[5:55, 20:40] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    store, nobody = ImageStore(tmp_path), np.zeros((0, 4))
    people = Cutouts(store, [Outline("person.png", np.array([20.0, 5, 39, 54]), "mask.png", (120, 60))])
    cast = photographed_people(people, "all")
    assert len(cast) == 1
    assert cast.read(0).phases[0].alpha.shape == (50, 20)
    labels = [ImageLabel(f"{name}.png", 120, 60, nobody, nobody, True, "street", name) for name in ("bright", "dark")]
    labels.append(ImageLabel("person.png", 120, 60, np.array([[20.0, 5, 39, 54]]), nobody, True, "street", "person"))
    scenes = Backdrops(store, labels, ["street"])
    for seed in range(5):
        assert scenes.draw(np.random.default_rng(seed), Camera(*SIZE, 600.0)).mean() > 100
    with pytest.raises(ValueError, match="without people"):
        Backdrops(store, labels, ["beach"])


def test_shipped_cuts() -> None:
    """200 cuts and 100 dissolves."""
    cuts = load_settings(IdentityConfig, configs_folder() / "benchmark" / "identity_cuts.yaml").clips
    counts = dict.fromkeys(("cut", "dissolve"), 0)
    for group in cuts:
        counts[group.transition] += group.count * (group.shots - 1)
    assert counts == {"cut": 200, "dissolve": 100}


def test_shipped_config() -> None:
    shipped = load_settings(IdentityConfig, configs_folder() / "benchmark" / "identity.yaml")
    assert {group.transition for group in shipped.clips} == {"cut", "dissolve", "fade"}
    assert {group.clothes for group in shipped.clips} == {"like", "unlike"}
    assert any(group.alike_scenes for group in shipped.clips)


@pytest.mark.parametrize(
    ("changes", "words", "message"),
    [
        ({"clisp": []}, [], "'clisp'"),
        ({"clips": [{"name": "a", "count": 1, "people": [4, 2]}]}, [], "people"),
        ({"clips": [{"name": "a", "count": 0}, {"name": "a", "count": 0}]}, [], "'a'"),
        ({"drawn_people": 2, "clips": [{"name": "a", "count": 1, "people": [3, 3]}]}, [], "3 people"),
        ({}, ["--results", "a=nowhere", "--tracker.matching", "greedy"], "--results"),
        ({}, ["--results", "nowhere"], "NAME=FOLDER"),
        ({"clips": []}, ["--groups", "walk"], "walk"),
    ],
)
def test_errors(
    changes: dict[str, Any], words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, **changes)
    assert run_command("benchmark", "identity", config, "--data", tmp_path, "--out", tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err


def test_clips_of_other_settings_are_refused(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, seed=5)
    assert run_command("benchmark", "identity", config, "--data", root, "--out", root / "out") == 2
    assert str(root / "out") in capsys.readouterr().err
