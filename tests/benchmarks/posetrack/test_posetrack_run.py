"""tools/run_posetrack.py from its words to its report, with stages that find people by rule."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_posetrack import ROOT, benchmark, joints, make_data, report
from stub_stages import one_person, stub_stages

import pose_track.build.stages
from pose_track.cli.parser import EXIT_FAULT, EXIT_INTERRUPTED
from pose_track.config.load import configs_folder, load_settings, setting_names
from pose_track.config.settings import PoseTrackSettings
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.structures.frames import Detections, Frame

YEARS = ("2017", "2018", "2021")
Detect = Callable[[Frame], Detections]


def never(frame: Frame) -> Detections:
    raise AssertionError("a frame is looked at again")


@pytest.fixture
def appearance(monkeypatch: pytest.MonkeyPatch) -> Callable[[Detect], None]:
    """Puts a detector in the place of the networks."""

    def use(detect: Detect) -> None:
        monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings: stub_stages(settings, detect))

    use(one_person)
    return use


@pytest.fixture
def data(tmp_path: Path, appearance: Callable[[Detect], None]) -> Path:
    make_data(tmp_path / "data")
    return tmp_path / "data"


def total(root: Path, figure: str, mode: str = "clean") -> float:
    return report(root)["modes"][mode][figure][-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.usefixtures("appearance")
def test_what_agrees_with_the_truth_has_all_figures_full(
    year: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_data(tmp_path / "data", year, num_frames=6, unlabelled=(3,))
    assert benchmark(tmp_path / "data", year=year) == 0
    for figure in ("ap", "precision", "recall", "mota", "mot_precision", "mot_recall", "idf1"):
        assert total(tmp_path / "data", figure) == pytest.approx(100), figure
    stdout = capsys.readouterr().out
    assert "2 sequences, 12 frames, 10 labelled frames, 8 people" in stdout
    assert "Figures of 2 of 2 sequences." in stdout
    assert "MOTA" in stdout
    for kind in ("ap", "mota"):
        for truth_file in sorted(folder.glob("*.json")):
            made = read_posetrack(tmp_path / "out" / kind / truth_file.name)
            truth = read_posetrack(truth_file)
            assert made.layout == truth.layout
            assert [(f.image_name, f.image_id) for f in made.frames] == [
                (f.image_name, f.image_id) for f in truth.frames
            ]
            assert made.frame_of.tolist() == [1, 2, 3, 4, 5]  # also in the unlabelled frame
            found = made.people.joints[1][made.people.has_joint[1]]
            np.testing.assert_allclose(np.sort(found, axis=0), np.sort(joints(2), axis=0), atol=0.02)


@pytest.mark.usefixtures("appearance")
def test_pictures_that_are_not_listed_are_tracked_but_not_submitted(tmp_path: Path) -> None:
    make_data(tmp_path / "data", num_frames=6, listed=(2, 4))
    assert benchmark(tmp_path / "data") == 0
    assert len((tmp_path / "out/raw/a.jsonl").read_text().splitlines()) == 7
    assert len(read_posetrack(tmp_path / "out/mota/a.json")) == 2
    assert report(tmp_path / "data")["tracking"]["frames"] == 12


def test_the_second_run_tracks_nothing(data: Path, appearance: Callable[[Detect], None]) -> None:
    assert benchmark(data) == 0
    first = {path: path.read_bytes() for path in sorted((data.parent / "out").rglob("*")) if path.is_file()}
    assert {path.relative_to(data.parent / "out").as_posix() for path in first} == {
        *(f"{kind}/{name}.json" for kind in ("ap", "mota") for name in "ab"),
        *(f"{kind}/{name}.jsonl" for kind in ("raw", "tracked") for name in "ab"),
        *("report.md", "report.json"),
    }
    appearance(never)
    assert benchmark(data) == 0
    assert {path: path.read_bytes() for path in first} == first


def test_the_threshold_of_joints_may_change_without_tracking_again(
    data: Path, appearance: Callable[[Detect], None]
) -> None:
    assert benchmark(data) == 0
    appearance(never)
    assert benchmark(data, "--submission.min_joint_score", "0.81") == 0  # all joints score 0.8
    assert total(data, "ap") == pytest.approx(100)  # nothing is dropped there
    assert total(data, "mot_recall") == 0
    assert benchmark(data) == 0
    assert total(data, "mota") == pytest.approx(100)


@pytest.mark.parametrize("kind", ["raw", "tracked"])
def test_a_sequence_that_lacks_either_file_is_tracked_again(
    kind: str, data: Path, appearance: Callable[[Detect], None]
) -> None:
    seen = []

    def noted(frame: Frame) -> Detections:
        seen.append(frame.index)
        return one_person(frame)

    assert benchmark(data) == 0
    lost = data.parent / "out" / kind / "b.jsonl"
    header, *frames = lost.read_bytes().splitlines(keepends=True)
    for rest in (None, [header, *frames[:-1]]):
        lost.unlink() if rest is None else lost.write_bytes(b"".join(rest))
        appearance(noted)
        assert benchmark(data) == 0
        assert seen == [0, 1, 2, 3, 4]  # of b alone
        assert lost.read_bytes().splitlines(keepends=True)[1:] == frames
        seen.clear()


@pytest.mark.parametrize("setting", ["submission.min_person_score", "tracker.min_start_score"])
def test_who_scores_too_low_is_not_tracked(setting: str, data: Path) -> None:
    assert benchmark(data, f"--{setting}", "0.91") == 0  # people score 0.9
    assert total(data, "ap") == pytest.approx(100)
    assert total(data, "mot_recall") == 0


@pytest.mark.parametrize(
    ("words", "differing"),
    [
        (["--detector.max_iou", "0.4"], "detector.max_iou 0.5, now 0.4"),
        (["--pose.flip_test", "true"], "pose.flip_test False, now True"),
        (["--reader.image_fps", "30"], "reader.image_fps 25.0, now 30.0"),
        (["--pose.weights", "other.safetensors"], "pose.weights '"),
        (["--tracker.matching", "greedy"], "tracker.matching 'hungarian', now 'greedy'"),
        (["--tracker.flow.max_frames", "3"], "tracker.flow.max_frames 30, now 3"),
        (["--tracker", "fast"], "tracker.weights.oks 0.0, now 1.0"),
        (["--submission.min_person_score", "0.3"], "submission.min_person_score 0.2, now 0.3"),
    ],
)
def test_other_settings_need_another_folder(
    words: list[str], differing: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    (data / "other.safetensors").write_bytes(b"other weights")
    assert benchmark(data) == 0
    before = (data.parent / "out/raw/a.jsonl").read_bytes()
    assert benchmark(data, *words) == EXIT_FAULT
    stderr = capsys.readouterr().err
    assert differing in stderr
    assert "choose another --out" in stderr
    assert (data.parent / "out/raw/a.jsonl").read_bytes() == before
    assert benchmark(data, *words, "--out", data.parent / "other") == 0


def test_a_folder_of_other_data_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_data(data.parent / "more", names=("b", "c"))
    assert benchmark(data) == 0
    assert benchmark(data.parent / "more") == EXIT_FAULT
    assert "holds sequences that are not in this data, such as a" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data.parent / "out").write_text("mine")
    assert benchmark(data) == EXIT_FAULT
    assert f"cannot write into '{data.parent / 'out'}'" in capsys.readouterr().err


def broken_picture(data: Path) -> None:
    (data / "images/val/a/000003.jpg").write_bytes(b"not a picture")


def missing_picture(data: Path) -> None:
    (data / "images/val/a/000003.jpg").unlink()


def broken_annotations(data: Path) -> None:
    (data / "annotations/val/a.json").write_text('{"images": [')


def no_head_box(data: Path) -> None:
    path = data / "annotations/val/a.json"
    path.write_text(path.read_text().replace('"bbox_head": [10, 10, 30, 40], ', ""))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (broken_picture, "000003.jpg"),
        (missing_picture, "1 of 5 pictures are missing"),
        (broken_annotations, "a.json"),
        (no_head_box, "head box"),
    ],
)
def test_a_broken_sequence_is_reported_and_the_others_measured(
    how: Callable[[Path], None],
    message: str,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    how(data)
    assert benchmark(data) == EXIT_FAULT
    stdout = capsys.readouterr().out
    assert "Figures of 1 of 2 sequences. 1 broken and NOT in the figures: a." in stdout
    assert any("a is left out" in record.message and message in record.message for record in caplog.records)
    found = report(data)
    assert message in found["broken"]["a"]
    assert list(found["sequences"]) == ["b"]
    assert total(data, "mota") == pytest.approx(100)
    text = (data.parent / "out/report.md").read_text()
    assert "Figures of 1 of 2 sequences. 1 broken" in text
    assert message in text
    for kind in ("ap", "mota"):
        assert [path.name for path in (data.parent / "out" / kind).iterdir()] == ["b.json"]


def test_what_breaks_later_leaves_no_submission_behind(data: Path) -> None:
    assert benchmark(data) == 0
    broken_annotations(data)
    assert benchmark(data) == EXIT_FAULT
    assert not (data.parent / "out/mota/a.json").exists()
    assert (data.parent / "out/raw/a.jsonl").exists()


def test_an_interrupt_keeps_the_finished_sequences(
    data: Path, appearance: Callable[[Detect], None], capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []

    def interrupted(frame: Frame) -> Detections:
        seen.append(frame.index)
        if len(seen) == 8:
            raise KeyboardInterrupt
        return one_person(frame)

    appearance(interrupted)
    assert benchmark(data) == EXIT_INTERRUPTED
    assert [path.name for path in (data.parent / "out/raw").iterdir()] == ["a.jsonl"]
    assert "interrupted" in capsys.readouterr().err
    seen.clear()
    assert benchmark(data) == 0
    assert seen == [0, 1, 2, 3, 4]  # of b alone
    assert total(data, "mota") == pytest.approx(100)


def test_the_report_has_what_produced_it(data: Path) -> None:
    assert benchmark(data, "--submission.min_joint_score", "0.3") == 0
    found = report(data)
    assert set(found) == {
        *("data", "tracking", "broken", "settings", "weights", "annotations", "versions", "modes", "sequences")
    }
    assert found["data"] == {
        **{"year": "2018", "split": "val", "sequences": 2, "frames": 10, "labelled_frames": 10, "people": 8}
    }
    assert found["settings"]["submission"]["min_joint_score"] == 0.3
    assert len(found["weights"]["pose"]["sha256"]) == len(found["annotations"]["a.json"]) == 64
    assert {"pose_track", "python", "torch", "numpy"} <= set(found["versions"])
    assert found["tracking"]["frames_per_second"] > 0
    text = (data.parent / "out/report.md").read_text()
    for part in (
        *("# PoseTrack 2018, val", "## poseval", "## clean", r"\begin{tabular}", "min_joint_score: 0.3", "sha256:"),
        *("10 frames", "a second", found["tracking"]["devices"][0]),
        found["annotations"]["a.json"],
    ):
        assert part in text


def test_nothing_to_measure(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_data(data.parent / "test", num_frames=3, unlabelled=range(3), split="test")
    assert benchmark(data.parent / "test", "--split", "test") == 0
    assert "Figures of 0 of 2 sequences. 2 without labelled people." in capsys.readouterr().out
    assert report(data)["modes"] == {}
    assert len(read_posetrack(data.parent / "out/mota/a.json").people) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--year", "2019"], "invalid choice: '2019'"),
        (["--reader.start_seconds", "3"], "'reader.start_seconds' is not a setting"),
        (["--output.render", "false"], "'output' is not a setting"),
        (["--detector.name", "recorded", "--detector.boxes", "a.json"], "boxes of one video only"),
        (["--submission.min_joint_scor", "0"], "did you mean 'submission.min_joint_score'"),
        (["--config", "none.yaml"], "no settings file 'none.yaml'"),
        (["--split", "trian"], "there are no .json files in"),
        (["--mode", "exact"], "invalid choice: 'exact'"),
        (["--root", "nowhere"], "there are no .json files in 'nowhere/annotations/val'"),
    ],
)
def test_bad_words(words: list[str], message: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark(data, *words) == EXIT_FAULT
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (data.parent / "out").exists()


def test_the_modes_of_the_table(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark(data) == 0
    poseval = capsys.readouterr().out
    assert benchmark(data, "--mode", "clean") == 0
    assert capsys.readouterr().out != poseval  # poseval leaves out each sequence's last frame


def test_no_pytorch_where_all_is_tracked(data: Path) -> None:
    assert benchmark(data) == 0
    code = f"""
import runpy, sys
sys.argv = ["run_posetrack.py", "--root", {str(data)!r}, "--year", "2018", "--out", {str(data.parent / "out")!r}]
try:
    runpy.run_path({str(ROOT / "tools/run_posetrack.py")!r}, run_name="__main__")
except SystemExit as error:
    assert error.code == 0, error.code
assert not {{"torch", "torchvision", "scipy"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "MOTA" in done.stdout


def test_the_config_of_the_benchmark() -> None:
    path = configs_folder() / "benchmark" / "bundled.yaml"
    settings = load_settings(PoseTrackSettings, path)
    assert (settings.detector.weights, settings.pose.weights) == (None, "bundled")
    assert settings.detector.min_score <= 0.1  # raw poses hold what a sweep needs
    assert settings.tracker.min_start_score <= settings.submission.min_person_score
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert head[0].startswith("# python tools/run_posetrack.py")


def test_settings_without_effect_are_not_there() -> None:
    names = set(setting_names(PoseTrackSettings))
    assert {name for name in names if name.startswith(("reader.", "output.", "submission."))} == {
        *("reader.decoder", "reader.image_fps", "submission.min_person_score", "submission.min_joint_score")
    }
