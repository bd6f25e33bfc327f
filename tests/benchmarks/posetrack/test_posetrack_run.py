"""`pose-track posetrack` from its options to its report, with stub stages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stub_stages import one_person, stub_stages
from tiny_posetrack import ROOT, benchmark, joints, report, write_posetrack_dataset

import pose_track.build.stages
from pose_track.cli.exit_codes import EXIT_ERROR, EXIT_INTERRUPTED
from pose_track.config.fields import setting_names
from pose_track.config.load import configs_folder, load_settings
from pose_track.config.settings import PoseTrackSettings
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.structures.frames import Detections, Frame

YEARS = ("2017", "2018", "2021")
Detect = Callable[[Frame], Detections]


def never(frame: Frame) -> Detections:
    raise AssertionError("a frame is tracked again")


@pytest.fixture
def use_detector(monkeypatch: pytest.MonkeyPatch) -> Callable[[Detect], None]:
    """Replaces the networks by a detector function, `one_person` at first."""

    def use(detect: Detect) -> None:
        monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings: stub_stages(settings, detect))

    use(one_person)
    return use


@pytest.fixture
def data(tmp_path: Path, use_detector: Callable[[Detect], None]) -> Path:
    write_posetrack_dataset(tmp_path / "data")
    return tmp_path / "data"


def total(root: Path, metric: str, mode: str = "clean") -> float:
    return report(root)["modes"][mode][metric][-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.usefixtures("use_detector")
def test_perfect_predictions_have_perfect_metrics(
    year: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_posetrack_dataset(tmp_path / "data", year, num_frames=6, unlabelled=(3,))
    assert benchmark(tmp_path / "data", year=year) == 0
    for metric in ("ap", "precision", "recall", "mota", "mot_precision", "mot_recall", "idf1"):
        assert total(tmp_path / "data", metric) == pytest.approx(100), metric
    stdout = capsys.readouterr().out
    assert "2 sequences, 12 frames, 10 labelled frames, 8 people" in stdout
    assert "2 of 2 sequences." in stdout
    assert "MOTA" in stdout
    for kind in ("ap", "mota"):
        for gt_file in sorted(folder.glob("*.json")):
            submission = read_posetrack(tmp_path / "out" / kind / gt_file.name)
            gt = read_posetrack(gt_file)
            assert submission.layout == gt.layout
            assert [(f.image_name, f.image_id) for f in submission.frames] == [
                (f.image_name, f.image_id) for f in gt.frames
            ]
            assert submission.frame_indices.tolist() == [1, 2, 3, 4, 5]  # also in the unlabelled frame
            predicted = submission.people.joints[1][submission.people.has_joint[1]]
            np.testing.assert_allclose(np.sort(predicted, axis=0), np.sort(joints(2), axis=0), atol=0.02)


@pytest.mark.usefixtures("use_detector")
def test_images_without_annotations_are_tracked_but_not_submitted(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path / "data", num_frames=6, listed=(2, 4))
    assert benchmark(tmp_path / "data") == 0
    assert len((tmp_path / "out/raw/a.jsonl").read_text().splitlines()) == 7
    assert len(read_posetrack(tmp_path / "out/mota/a.json")) == 2
    assert report(tmp_path / "data")["tracking"]["frames"] == 12


def test_second_run_tracks_nothing(data: Path, use_detector: Callable[[Detect], None]) -> None:
    assert benchmark(data) == 0
    first = {path: path.read_bytes() for path in sorted((data.parent / "out").rglob("*")) if path.is_file()}
    assert {path.relative_to(data.parent / "out").as_posix() for path in first} == {
        *(f"{kind}/{name}.json" for kind in ("ap", "mota") for name in "ab"),
        *(f"{kind}/{name}.jsonl" for kind in ("raw", "tracked") for name in "ab"),
        *("report.md", "report.json"),
    }
    use_detector(never)
    assert benchmark(data) == 0
    assert {path: path.read_bytes() for path in first} == first


def test_joint_threshold_may_change_without_tracking_again(data: Path, use_detector: Callable[[Detect], None]) -> None:
    assert benchmark(data) == 0
    use_detector(never)
    assert benchmark(data, "--submission.min_joint_score", "0.81") == 0  # all joints score 0.8
    assert total(data, "ap") == pytest.approx(100)  # AP counts all joints
    assert total(data, "mot_recall") == 0
    assert benchmark(data) == 0
    assert total(data, "mota") == pytest.approx(100)


@pytest.mark.parametrize("kind", ["raw", "tracked"])
def test_sequence_without_either_file_is_tracked_again(
    kind: str, data: Path, use_detector: Callable[[Detect], None]
) -> None:
    frames_seen = []

    def recording(frame: Frame) -> Detections:
        frames_seen.append(frame.index)
        return one_person(frame)

    assert benchmark(data) == 0
    removed = data.parent / "out" / kind / "b.jsonl"
    header, *frames = removed.read_bytes().splitlines(keepends=True)
    for rest in (None, [header, *frames[:-1]]):
        removed.unlink() if rest is None else removed.write_bytes(b"".join(rest))
        use_detector(recording)
        assert benchmark(data) == 0
        assert frames_seen == [0, 1, 2, 3, 4]  # of b only
        assert removed.read_bytes().splitlines(keepends=True)[1:] == frames
        frames_seen.clear()


@pytest.mark.parametrize("setting", ["submission.min_person_score", "tracker.min_start_score"])
def test_low_score_people_are_not_tracked(setting: str, data: Path) -> None:
    assert benchmark(data, f"--{setting}", "0.91") == 0  # people score 0.9
    assert total(data, "ap") == pytest.approx(100)
    assert total(data, "mot_recall") == 0


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (["--detector.max_iou", "0.4"], "detector.max_iou 0.5, now 0.4"),
        (["--pose.flip_test", "true"], "pose.flip_test False, now True"),
        (["--reader.image_fps", "30"], "reader.image_fps 25.0, now 30.0"),
        (["--pose.weights", "other.safetensors"], "pose.weights '"),
        (["--tracker.matching", "greedy"], "tracker.matching 'hungarian', now 'greedy'"),
        (["--tracker.flow.max_frames", "3"], "tracker.flow.max_frames 30, now 3"),
        (["--tracker", "fast"], "tracker.weights.oks 0.0, now 1.0"),
        (["--submission.min_person_score", "0.3"], "submission.min_person_score 0.38, now 0.3"),
    ],
)
def test_other_settings_need_another_folder(
    words: list[str], difference: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    (data / "other.safetensors").write_bytes(b"other weights")
    assert benchmark(data) == 0
    before = (data.parent / "out/raw/a.jsonl").read_bytes()
    assert benchmark(data, *words) == EXIT_ERROR
    stderr = capsys.readouterr().err
    assert difference in stderr
    assert "choose another --out" in stderr
    assert (data.parent / "out/raw/a.jsonl").read_bytes() == before
    assert benchmark(data, *words, "--out", data.parent / "other") == 0


def test_folder_of_another_data_set(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_posetrack_dataset(data.parent / "more", names=("b", "c"))
    assert benchmark(data) == 0
    assert benchmark(data.parent / "more") == EXIT_ERROR
    assert "such as a;" in capsys.readouterr().err


def test_folder_that_cannot_be_written(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data.parent / "out").write_text("mine")
    assert benchmark(data) == EXIT_ERROR
    assert f"'{data.parent / 'out'}'" in capsys.readouterr().err


def broken_image(data: Path) -> None:
    (data / "images/val/a/000003.jpg").write_bytes(b"not an image")


def missing_image(data: Path) -> None:
    (data / "images/val/a/000003.jpg").unlink()


def broken_annotations(data: Path) -> None:
    (data / "annotations/val/a.json").write_text('{"images": [')


def no_head_box(data: Path) -> None:
    path = data / "annotations/val/a.json"
    path.write_text(path.read_text().replace('"bbox_head": [10, 10, 30, 40], ', ""))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_image, "000003.jpg"),
        (missing_image, "1 of 5 images are missing"),
        (broken_annotations, "a.json"),
        (no_head_box, "head box"),
    ],
)
def test_failed_sequence_is_reported_and_the_others_measured(
    damage: Callable[[Path], None],
    message: str,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(data)
    assert benchmark(data) == EXIT_ERROR
    stdout = capsys.readouterr().out
    assert "1 of 2 sequences. 1 failed and NOT in the metrics: a." in stdout
    assert any(record.message.startswith("a ") and message in record.message for record in caplog.records)
    written = report(data)
    assert message in written["failed"]["a"]
    assert list(written["sequences"]) == ["b"]
    assert total(data, "mota") == pytest.approx(100)
    text = (data.parent / "out/report.md").read_text()
    assert "1 of 2 sequences. 1 failed" in text
    assert message in text
    for kind in ("ap", "mota"):
        assert [path.name for path in (data.parent / "out" / kind).iterdir()] == ["b.json"]


def test_sequence_that_fails_later_loses_its_submission(data: Path) -> None:
    assert benchmark(data) == 0
    broken_annotations(data)
    assert benchmark(data) == EXIT_ERROR
    assert not (data.parent / "out/mota/a.json").exists()
    assert (data.parent / "out/raw/a.jsonl").exists()


def test_interrupt_keeps_the_finished_sequences(
    data: Path, use_detector: Callable[[Detect], None], capsys: pytest.CaptureFixture[str]
) -> None:
    frames_seen: list[int] = []

    def interrupted(frame: Frame) -> Detections:
        frames_seen.append(frame.index)
        if len(frames_seen) == 8:
            raise KeyboardInterrupt
        return one_person(frame)

    use_detector(interrupted)
    assert benchmark(data) == EXIT_INTERRUPTED
    assert [path.name for path in (data.parent / "out/raw").iterdir()] == ["a.jsonl"]
    assert "interrupted" in capsys.readouterr().err
    frames_seen.clear()
    assert benchmark(data) == 0
    assert frames_seen == [0, 1, 2, 3, 4]  # of b only
    assert total(data, "mota") == pytest.approx(100)


def test_report_states_how_it_was_produced(data: Path) -> None:
    assert benchmark(data, "--submission.min_joint_score", "0.3") == 0
    written = report(data)
    assert set(written) == {
        *("data", "tracking", "failed", "settings", "weights", "annotations", "versions", "modes", "sequences")
    }
    assert written["data"] == {
        **{"year": "2018", "split": "val", "sequences": 2, "frames": 10, "labelled_frames": 10, "people": 8}
    }
    assert written["settings"]["submission"]["min_joint_score"] == 0.3
    assert len(written["weights"]["pose"]["sha256"]) == len(written["annotations"]["a.json"]) == 64
    assert {"pose_track", "python", "torch", "numpy"} <= set(written["versions"])
    assert written["tracking"]["frames_per_second"] > 0
    text = (data.parent / "out/report.md").read_text()
    for part in (
        *("# PoseTrack 2018, val", "## poseval", "## clean", r"\begin{tabular}", "min_joint_score: 0.3", "sha256:"),
        *("10 frames", "a second", written["tracking"]["devices"][0]),
        written["annotations"]["a.json"],
    ):
        assert part in text


def test_no_labelled_people(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_posetrack_dataset(data.parent / "test", num_frames=3, unlabelled=range(3), split="test")
    assert benchmark(data.parent / "test", "--split", "test") == 0
    assert "0 of 2 sequences. 2 without labelled people." in capsys.readouterr().out
    assert report(data)["modes"] == {}
    assert len(read_posetrack(data.parent / "out/mota/a.json").people) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--year", "2019"], "invalid choice: '2019'"),
        (["--reader.start_seconds", "3"], "'reader.start_seconds'"),
        (["--output.render", "false"], "'output'"),
        (["--detector.name", "recorded", "--detector.boxes", "a.json"], "boxes of one video only"),
        (["--submission.min_joint_scor", "0"], "'submission.min_joint_score'"),
        (["--config", "none.yaml"], "'none.yaml'"),
        (["--split", "trian"], "no .json files"),
        (["--mode", "exact"], "invalid choice: 'exact'"),
        (["--root", "nowhere"], "'nowhere/annotations/val'"),
    ],
)
def test_command_errors(words: list[str], message: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark(data, *words) == EXIT_ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (data.parent / "out").exists()


def test_modes(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark(data) == 0
    poseval = capsys.readouterr().out
    assert benchmark(data, "--mode", "clean") == 0
    assert capsys.readouterr().out != poseval  # poseval leaves out each sequence's last frame


def test_no_pytorch_where_all_poses_are_saved(data: Path) -> None:
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


def test_default_config() -> None:
    path = configs_folder() / "benchmark" / "bundled.yaml"
    settings = load_settings(PoseTrackSettings, path)
    assert (settings.detector.weights, settings.pose.weights) == (None, "bundled")
    assert settings.detector.min_score <= 0.1  # low enough for a sweep
    assert settings.tracker.min_start_score <= settings.submission.min_person_score
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert "posetrack" in head[0]


def test_settings_without_effect_do_not_exist() -> None:
    names = set(setting_names(PoseTrackSettings))
    assert {name for name in names if name.startswith(("reader.", "output.", "submission."))} == {
        *(
            "reader.decoder",
            "reader.image_fps",
            "reader.max_pixels",
            "submission.min_person_score",
            "submission.min_joint_score",
        )
    }
