"""`pose-track evaluate`, from its arguments to tables, files and exit codes."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from command_line import run_command
from sequence_pair_files import edit, file17, file18, write_case
from shared_data import shared

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton_record import header_fields

NAMES = {
    "AP": {"ap": "ap", "precision": "pre", "recall": "rec"},
    "MOT": {"mota": "mota", "motp": "motp", "mot_precision": "pre", "mot_recall": "rec"},
}


class Done(NamedTuple):
    """The result of a run. warned: the messages of its log."""

    code: int
    out: str
    err: str
    warned: list[str]


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Run:
    def run(*arguments: object) -> Done:
        caplog.clear()
        code = run_command("evaluate", *arguments)
        return Done(code, *capsys.readouterr(), [record.getMessage() for record in caplog.records])

    return run


@pytest.fixture
def on(run: Run) -> Run:
    """The same on the folders gt and pred of a folder."""
    return lambda root, *arguments: run("--gt", root / "gt", "--pred", root / "pred", *arguments)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    write_case(tmp_path)
    return tmp_path


def test_perfect_predictions(case: Path, on: Run) -> None:
    done = on(case)
    assert (done.code, done.err, done.warned) == (0, "", [])
    lines = done.out.splitlines()
    assert lines[:2] == ["sequences 2, frames 6, labelled 6, people 12, predicted 12", "poseval, in percent"]
    assert lines[2].split() == ["Head", "Shou", "Elb", "Wri", "Hip", "Knee", "Ankl", "Total"]
    table = {line[:15].strip(): line[15:].split() for line in lines[3:20]}
    for name in ("AP", "MOTA", "MOTP", "IDF1", "HOTA"):
        assert table[name] == ["100.0"] * 8
    assert table["Objects"][-1] == str(2 * 2 * 2 * 15)  # the last frame of each sequence does not count
    assert lines[-1] == "clean: AP 100.0, MOTA 100.0, MOTP 100.0, IDF1 100.0, HOTA 100.0"


def test_options(case: Path, on: Run) -> None:
    done = on(case, "--mode", "clean", "--latex", "--per-sequence", "--json", case / "found.json")
    assert done.code == 0
    assert "\nclean, in percent\n" in done.out
    assert r"\begin{tabular}" in done.out
    assert re.search(r"^b +100\.0 +100\.0 +100\.0 +100\.0$", done.out, re.MULTILINE)
    found = json.loads((case / "found.json").read_text())
    assert found["modes"]["clean"]["objects"] == [12] * 15 + [180]
    assert list(found["sequences"]) == ["a", "b"]
    assert "tabular" not in on(case).out


@pytest.mark.parametrize("name", ["a17", "b17quirks", "c18", "d18quirks"])
def test_metrics_of_the_official_tool(name: str, tmp_path: Path, on: Run) -> None:
    root = shared(f"data/poseval_cases/{name}")
    assert on(root, "--json", tmp_path / "found.json").code == 0
    found = json.loads((tmp_path / "found.json").read_text())
    results = {"total": found["modes"], **found["sequences"]}
    assert set(results) == {path.name.rsplit("_", 2)[0] for path in (root / "expected").iterdir()}
    for sequence, modes in results.items():
        for metrics, names in NAMES.items():
            expected = json.loads((root / "expected" / f"{sequence}_{metrics}_metrics.json").read_text())
            for name, official in names.items():
                values = np.array(modes["poseval"][name], float)
                np.testing.assert_allclose(values, expected[official], rtol=0, atol=1e-6, err_msg=f"{sequence} {name}")


def person(place: int, change: Callable[[Any], object]) -> Callable[[Path], object]:
    """Of frame 1 of pred/b.json."""
    return lambda root: edit(root / "pred" / "b.json", lambda data: change(data["annolist"][1]["annorect"][place]))


def first_point(person: Any) -> Any:
    return person["annopoints"][0]["point"][0]


def cut(root: Path) -> None:
    text = (root / "pred" / "b.json").read_text()
    (root / "pred" / "b.json").write_text(text[: len(text) // 2])


def remove_head(root: Path) -> None:
    edit(root / "gt" / "b.json", lambda data: data["annolist"][1]["annorect"][0].pop("x1"))


B, PERSON = r"b\.json", (r"b\.json", "frame 1", "person 1")


def drop_frame(root: Path) -> None:
    edit(root / "pred" / "b.json", lambda data: data["annolist"].pop())


# what is done to the files, patterns of the error, and what remains with --lenient: sequences, frames, people,
# predicted people
ERRORS: dict[str, tuple[Callable[[Path], object], tuple[str, ...], tuple[int, int, int, int]]] = {
    "no file": (lambda root: (root / "pred" / "b.json").unlink(), (B, "no prediction"), (1, 3, 6, 6)),
    "cut short": (cut, (B, "line 1"), (1, 3, 6, 6)),
    "frames": (drop_frame, (B, "2 frames instead of 3", r"frame 2 \(images/b/00000003.jpg\)"), (1, 3, 6, 6)),
    "id twice": (person(1, lambda p: p.update(track_id=[0])), (*PERSON, "id 0"), (2, 6, 12, 11)),
    "id is a word": (person(1, lambda p: p.update(track_id=["x"])), (*PERSON, "x"), (2, 6, 12, 11)),
    "id is broken": (person(1, lambda p: p.update(track_id=[1.5])), (*PERSON, "1.5"), (2, 6, 12, 11)),
    "no id": (person(1, lambda p: p.pop("track_id")), (r"\bb\b", *PERSON[1:], "no track id"), (2, 6, 12, 12)),
    "no head": (remove_head, (B, "frame 1", "person 0", "head"), (2, 5, 10, 10)),
    "NaN": (person(1, lambda p: first_point(p).update(x=[math.nan])), (*PERSON, "nan"), (2, 6, 12, 12)),
}


@pytest.mark.parametrize("error", ERRORS)
def test_invalid_files(case: Path, on: Run, error: str) -> None:
    damage, names, counts_left = ERRORS[error]
    damage(case)
    done = on(case, "--json", case / "found.json")
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    for name in names:
        assert re.search(name, line), line
    assert not (case / "found.json").exists()
    lenient = on(case, "--lenient")
    assert (lenient.code, lenient.err) == (0, "")
    counts = re.match(r"sequences (\d+), frames (\d+), labelled \d+, people (\d+), predicted (\d+)\n", lenient.out)
    assert counts is not None
    assert tuple(map(int, counts.groups())) == counts_left
    assert len(lenient.warned) == 2
    assert lenient.warned[0].endswith(" 1")
    assert re.search(names[-1], lenient.warned[1])


def test_image_ids_of_another_edition(tmp_path: Path, on: Run) -> None:
    write_case(tmp_path, file18)
    assert on(tmp_path).code == 0

    def renumber(data: Any) -> None:
        for image in data["images"]:
            image["id"] += 5
        for annotation in data["annotations"]:
            annotation["image_id"] += 5

    edit(tmp_path / "pred" / "b.json", renumber)
    done = on(tmp_path)
    assert done.code == 2
    assert "10000005" in done.err


def test_layouts_may_differ(tmp_path: Path, run: Run) -> None:
    for name, layout in (("17", file17), ("18", file18)):
        (tmp_path / name).mkdir()
        write_case(tmp_path / name, layout)
    for gt, prediction in (("17", "18"), ("18", "17")):
        done = run("--gt", tmp_path / gt / "gt", "--pred", f"{tmp_path / prediction / 'pred'}/")
        assert (done.code, done.err, done.warned) == (0, "", [])
        assert "clean: AP 100.0, MOTA 100.0" in done.out


@pytest.mark.parametrize("fault", [None, "damage", "killed"])
def test_tracks_of_this_program(case: Path, run: Run, fault: str | None) -> None:
    """They are evaluated as they are; of a run that did not end well, a warning comes first."""
    gt, tracks = case / "gt" / "a.json", case / "tracks.jsonl"
    poses = read_posetrack(case / "pred" / "a.json")
    header = {
        "version": "1",
        "source": "a.mp4",
        "fps": 25.0,
        "width": 640,
        "height": 480,
        "settings": {},
        "weights": {},
    }
    with TracksWriter(tracks, {**header, **header_fields(poses.skeleton)}) as writer:
        for info, people in poses:
            tracked = annotations_to_poses(people, poses.skeleton)
            writer.write(TrackedPoses(info.index, info.index / 25, tracked, people.track_ids + 1))
            killed = tracks.read_bytes()
        if fault == "damage":
            writer.write_damage(1, "its data is damaged")
    if fault == "killed":
        tracks.write_bytes(killed)
    done = run("--gt", gt, "--pred", tracks)
    assert done.code == 0, done.err
    assert done.out == run("--gt", gt, "--pred", case / "pred" / "a.json").out
    assert [str(tracks) in warning for warning in done.warned] == [True] * (fault is not None)


def test_poses_without_track_ids(case: Path, on: Run) -> None:
    for path in (case / "pred").iterdir():
        edit(path, lambda data: [p.pop("track_id") for f in data["annolist"] for p in f["annorect"]])
    done = on(case, "--json", case / "found.json")
    assert done.code == 0
    assert "MOTA  " not in done.out
    assert done.out.endswith("\nclean: AP 100.0, MOTA -, MOTP -, IDF1 -, HOTA -\n")
    assert json.loads((case / "found.json").read_text())["modes"]["clean"]["mota"] == [None] * 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gt", "here"], "--pred"),
        (["--gt", "here", "--pred", "there", "--mode", "other"], "'other'"),
        (["--gt", "nowhere", "--pred", "there"], "'nowhere'"),
    ],
)
def test_invalid_arguments(run: Run, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert message in done.err


def test_the_command(case: Path) -> None:
    """Warnings are printed, and no slow or unneeded package is imported."""
    (case / "pred" / "b.json").unlink()
    arguments = ["--gt", str(case / "gt"), "--pred", str(case / "pred")]
    command = [sys.executable, "-X", "importtime", "-m", "pose_track", "evaluate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    lenient = subprocess.run([*command, "--lenient"], capture_output=True, text=True, check=True)
    assert lenient.stdout.startswith("sequences 1,")
    assert "WARNING: left out: sequences 1" in lenient.stderr
    imported = {line.rpartition("|")[2].strip() for line in lenient.stderr.splitlines()}
    assert {"numpy", "pose_track.evaluation.posetrack"} <= imported
    assert not {"torch", "pydantic", "av", "cv2", "scipy", "yaml", "matplotlib", "pyarrow"} & imported


def test_plots_of_the_errors(case: Path, on: Run) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    done = on(case, "--plots", case / "plots/new")
    assert (done.code, done.err) == (0, "")
    assert done.out == on(case).out
    names = ("distances", "errors_by_joint", "errors_by_sequence")
    found = {path.name: path.read_bytes()[:4] for path in (case / "plots/new").iterdir()}
    assert found == {f"{n}.pdf": b"%PDF" for n in names} | {f"{n}.png": b"\x89PNG" for n in names}
