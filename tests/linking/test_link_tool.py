"""tools/link_poses.py, from its words to files, lines and exit codes."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from linking.made_walkers import raw_tracks, walkers
from shared_data import shared

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.registry import FORMATS, read_sequence

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "link_poses.py"


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    spec = importlib.util.spec_from_file_location("link_poses_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run(*words: object) -> Done:
        try:
            code = tool.main([str(word) for word in words])
        except SystemExit as error:
            code = error.code
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def pred(tmp_path: Path) -> Path:
    """A folder of three files of different kinds."""
    folder = tmp_path / "pred"
    folder.mkdir()
    FORMATS["posetrack17"].write(walkers("posetrack17"), folder / "a.json")
    FORMATS["posetrack18"].write(walkers("posetrack18"), folder / "b.json")
    raw_tracks(folder / "c.jsonl", walkers("coco"))
    return folder


def test_a_line_and_a_file_for_each(tmp_path: Path, pred: Path, run: Run) -> None:
    done = run("--pred", pred, "--out", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    names = ["a.json", "b.json", "c.jsonl"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for name, line in zip(names, done.out.splitlines(), strict=True):
        figures = r"8 frames, \d+ of 24 people, 3 tracks, \d+\.\d\d ms a frame"
        assert re.fullmatch(rf"{re.escape(str(pred / name))} -> {tmp_path}/out/{name}: {figures}", line)


def test_one_file(tmp_path: Path, pred: Path, run: Run) -> None:
    assert run("--pred", pred / "b.json", "--out", tmp_path / "out").code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.json"]


def test_a_broken_file_is_named_and_the_others_are_done(tmp_path: Path, pred: Path, run: Run) -> None:
    (pred / "a.json").write_text('{"annolist": [')
    done = run("--pred", pred, "--out", tmp_path / "out")
    assert (done.code, len(done.err.splitlines()), len(done.out.splitlines())) == (2, 1, 2)
    assert done.err.startswith(f"error: {pred / 'a.json'} is not whole JSON")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.json", "c.jsonl"]


def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path, pred: Path, run: Run) -> None:
    words = ("--pred", pred, "--out", tmp_path / "out")
    assert run(*words).code == 0
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert "a.json' is there already; give --overwrite" in done.err
    assert run(*words, "--overwrite").code == 0


def test_faults_are_left_out_where_one_is_lenient(tmp_path: Path, pred: Path, run: Run) -> None:
    told = json.loads((pred / "b.json").read_text())
    told["annotations"][0]["keypoints"][0] = "left"
    (pred / "b.json").write_text(json.dumps(told))
    words = ("--pred", pred / "b.json", "--out", tmp_path / "out")
    assert run(*words).code == 2
    done = run(*words, "--lenient")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(", 1 faults left out\n")


def test_scores_and_rate_have_their_effect(tmp_path: Path, pred: Path, run: Run) -> None:
    def kept(*words: object) -> tuple[int, int]:
        assert run("--pred", pred / "b.json", "--out", tmp_path / "out", "--overwrite", *words).code == 0
        people = read_posetrack(tmp_path / "out" / "b.json").people
        return len(people), int(people.has_joint.sum())

    all_people, all_joints = kept()
    assert kept("--min-person-score", "0.65")[0] < all_people
    assert kept("--min-joint-score", "0.5")[1] < all_joints
    for words in (["--min-person-score", "1.5"], ["--min-joint-score=-1"], ["--fps", "0"], ["--min-joint-score", "x"]):
        done = run("--pred", pred, "--out", tmp_path / "new", *words)
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)


def test_settings_of_the_tracker(tmp_path: Path, pred: Path, run: Run) -> None:
    def tracks(*words: object) -> int:
        done = run("--pred", pred / "b.json", "--out", tmp_path / "out", "--overwrite", *words)
        assert (done.code, done.err) == (0, "")
        return int(re.findall(r"(\d+) tracks", done.out)[0])

    (tmp_path / "mine.yaml").write_text("tracker:\n  min_start_score: 0.65\n")
    assert tracks("--preset", "fast") == 3
    assert tracks("--config", tmp_path / "mine.yaml") == 2
    assert tracks("--preset", "fast", "--tracker.min_start_score", "0.75") == 1
    assert tracks("--config", tmp_path / "mine.yaml", "--tracker.min_start_score", "0.1") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--preset", "slow"], "unknown preset 'slow'"),
        (["--preset", "fast", "--config", "a.yaml"], "not allowed with argument"),
        (["--config", "gone.yaml"], "there is no settings file 'gone.yaml'"),
        (["--tracker.min_start_scor", "1"], "did you mean 'tracker.min_start_score'"),
        (["--pose.flip_test", "1"], "'pose' is not a setting"),
        (["--fps", "1/0"], "fps must be a number above 0"),
        (["--framse", "x"], "did you mean '--frames'"),
        (["--frames", "gone"], "'gone' is no folder of pictures"),
    ],
)
def test_words_that_make_no_sense(tmp_path: Path, pred: Path, run: Run, words: list[str], message: str) -> None:
    done = run("--pred", pred / "b.json", "--out", tmp_path / "out", *words)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert message in done.err


def test_coco_results_and_the_order_of_their_joints(tmp_path: Path, run: Run) -> None:
    FORMATS["coco"].write(walkers("posetrack18"), tmp_path / "a.json")
    words = ("--pred", tmp_path / "a.json", "--out", tmp_path / "out", "--skeleton", "posetrack18_17")
    assert run(*words).code == 0
    before, after = (json.loads(path.read_text()) for path in (tmp_path / "a.json", tmp_path / "out" / "a.json"))
    assert len({entry.pop("track_id") for entry in after}) == 3
    for entry in before:
        del entry["track_id"]
    assert after == before


def test_only_what_is_needed_is_imported(tmp_path: Path, pred: Path) -> None:
    words = [str(TOOL), "--pred", str(pred), "--out", str(tmp_path / "out")]
    code = (
        f"import runpy, sys\nsys.argv = {words!r}\n"
        f"try:\n    runpy.run_path({str(TOOL)!r}, run_name='__main__')\n"
        "except SystemExit as error:\n    assert not error.code\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "pose_track.linking.files" in loaded
    assert not {"torch", "torchvision", "scipy", "cv2", "av", "filterpy", "pyarrow"} & loaded


def test_people_that_are_found_with_errors(tmp_path: Path, run: Run) -> None:
    """True people of real videos, linked by their true joints."""
    folder = shared("data/mpposetrack_gt")
    path = sorted(folder.glob("*.json"))[0]
    assert run("--pred", path, "--out", tmp_path, "--preset", "fast").code == 0
    truth, linked = read_sequence(path), read_sequence(tmp_path / path.name)
    same = 0
    before: dict[int, int] = {}
    pairs = 0
    for (_, true), (_, found) in zip(truth, linked, strict=True):
        now = dict(zip(true.track_ids.tolist(), found.track_ids.tolist(), strict=True))
        same += sum(before[who] == track_id for who, track_id in now.items() if who in before)
        pairs += len(before.keys() & now.keys())
        before = now
    assert pairs > 0
    assert same / pairs > 0.98
    assert np.unique(list(before.values())).size == len(before)
