"""`pose-track render`: results drawn again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from make_video import HEIGHT, WIDTH, make_video, without_packet
from shared_data import shared
from stub_stages import stub_stages

from pose_track.config.settings import Settings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.result_folder import ANNOTATED_FILE, TRACKS_FILE
from pose_track.pipeline.track_file import track_file
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame
from pose_track.video.reader import open_video
from pose_track.video.source import DamageError


def two_people(frame: Frame) -> Detections:
    """Two people whose boxes are no whole numbers of pixels."""
    x = 10 + 1.37 * frame.index
    return Detections([[x, 20.123, x + 40.456, 100.789], [x + 80, 15, x + 120, 90.5]], [0.91234, 0.87655])  # type: ignore[arg-type]


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """The folder of a tracked video, which lies beside it."""
    return track(make_video(tmp_path / "clip.mp4"), tmp_path / "result", {})


def track(video: Path, folder: Path, sections: dict[str, dict[str, object]]) -> Path:
    settings = Settings.model_validate(sections)
    track_file(video, folder, stub_stages(settings, two_people), settings)
    return folder


def images(path: Path) -> list[ImageArray]:
    with open_video(path) as reader:
        return [frame.image for frame in reader]


# settings of both commands
@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"style": {"trail_seconds": 0.5, "colour_by": "side", "privacy": "blur_heads", "time": True}},
        {"style": {"fade_unsure": True, "background": "dimmed"}, "output": {"min_joint_score": 0.1, "long_side": 160}},
        {"output": {"fps": 7, "crf": 30}},
    ],
)
def test_render_gives_the_frames_of_track(tmp_path: Path, sections: dict[str, dict[str, object]]) -> None:
    folder = track(make_video(tmp_path / "clip.mp4"), tmp_path / "result", sections)
    config = tmp_path / "style.yaml"
    config.write_text(json.dumps(sections))
    assert run_command("render", folder, "--out", tmp_path / "again.mp4", "--config", config) == 0
    drawn = images(tmp_path / "again.mp4")
    assert len(drawn) > 5
    assert all((a == b).all() for a, b in zip(drawn, images(folder / ANNOTATED_FILE), strict=True))


def test_joints_are_drawn_from_the_score_of_the_run_on(tmp_path: Path) -> None:
    video = make_video(tmp_path / "clip.mp4")
    folder = track(video, tmp_path / "result", {"output": {"min_joint_score": 0.9}})  # joints have 0.8
    drawn = render(folder, tmp_path / "again.mp4")
    assert (drawn == images(folder / ANNOTATED_FILE)[-1]).all()
    assert (drawn != render(folder, tmp_path / "more.mp4", "--output.min_joint_score", 0.5)).any()


def test_a_folder_of_images_has_the_rate_of_its_result(tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "shots"
    folder.mkdir()
    for number, image in enumerate(images(make_video(tmp_path / "clip.mp4", num_frames=5))):
        cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
    result = track(folder, tmp_path / "result", {"reader": {"image_fps": 4.0}})
    render(result, tmp_path / "again.mp4")
    with open_video(tmp_path / "again.mp4") as reader:
        assert [frame.pts_seconds for frame in reader] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0], abs=1e-4)


def test_older_images_are_replaced(result: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames"
    out.mkdir()
    for name in ("000099.png", "mine.png"):
        (out / name).touch()
    assert run_command("render", result, "--out", out) == 2
    assert (out / "000099.png").exists()
    assert run_command("render", result, "--out", out, "--overwrite") == 0
    assert sorted(path.name for path in out.iterdir()) == [f"{n:06d}.png" for n in range(12)] + ["mine.png"]


def test_frames_of_a_part_with_a_stride(tmp_path: Path) -> None:
    video = make_video(tmp_path / "clip.mp4", num_frames=20)
    folder = track(video, tmp_path / "result", {"reader": {"start_seconds": 0.5, "stride": 3}})
    assert run_command("render", folder, "--out", tmp_path / "again.mp4") == 0
    again = images(tmp_path / "again.mp4")
    assert len(again) == 5
    assert all((a == b).all() for a, b in zip(again, images(folder / ANNOTATED_FILE), strict=True))


def test_a_damaged_video_is_drawn_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = without_packet(make_video(tmp_path / "clip.ts", num_frames=40))
    with pytest.raises(DamageError):
        track(video, tmp_path / "result", {})
    assert run_command("render", tmp_path / "result", "--out", tmp_path / "again.mp4") == 2
    assert "is damaged at frame" in capsys.readouterr().err
    assert len(images(tmp_path / "again.mp4")) == len(images(tmp_path / "result" / ANNOTATED_FILE))


def test_names_in_the_result_and_of_the_user(result: Path, tmp_path: Path) -> None:
    tracks = result / TRACKS_FILE
    plain = render(result, tmp_path / "plain.mp4")
    lines = tracks.read_text().splitlines(keepends=True)
    tracks.write_text(json.dumps({**json.loads(lines[0]), "names": {"1": "Wilhelmina"}}) + "\n" + "".join(lines[1:]))
    named = render(result, tmp_path / "named.mp4")
    assert (named != plain).any()
    chosen = render(result, tmp_path / "chosen.mp4", "--style.names", "{1: '1'}")
    assert (chosen == plain).all()


def render(result: Path, out: Path, *options: object) -> ImageArray:
    """The last frame that `render` draws."""
    assert run_command("render", result, "--out", out, *options) == 0
    return images(out)[-1]


def convert(result: Path, to: str, name: str) -> Path:
    assert run_command("convert", result / TRACKS_FILE, result.parent / name, "--to", to) == 0
    return result.parent / name


# format of another program, file
@pytest.mark.parametrize(
    ("to", "name"), [("posetrack18", "a.json"), ("posetrack17", "b.json"), ("coco", "c.json"), ("mot", "d.txt")]
)
def test_other_formats(result: Path, tmp_path: Path, to: str, name: str) -> None:
    other = convert(result, to, name)
    drawn = render(other, tmp_path / "out.mp4", "--video", tmp_path / "clip.mp4")
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    undrawn = images(tmp_path / "clip.mp4")[-1]
    assert np.abs(drawn.astype(int) - undrawn).max() > 100  # people are drawn
    assert len(images(tmp_path / "out.mp4")) == 12


def test_a_finished_result(result: Path, tmp_path: Path) -> None:
    finished = result / "finished.jsonl"
    assert run_command("finish", result / TRACKS_FILE, finished) == 0
    assert render(finished, tmp_path / "out.mp4").any()


def test_transparent_images_without_the_video(result: Path, tmp_path: Path) -> None:
    import cv2

    (tmp_path / "clip.mp4").unlink()
    out = tmp_path / "frames"
    assert run_command("render", result, "--out", out, "--style.background", "transparent") == 0
    image = cv2.imread(str(out / "000011.png"), cv2.IMREAD_UNCHANGED)
    assert image.shape == (HEIGHT, WIDTH, 4)
    assert image[0, -1, 3] == 0
    assert (image[..., 3] == 255).any()
    assert len(list(out.iterdir())) == 12


def test_crops_of_each_person(result: Path, tmp_path: Path) -> None:
    out = tmp_path / "crops"
    words = ("--crops", "--style.names", "{2: Ann / Lee}", "--style.privacy", "pixelate_people")
    assert run_command("render", result, "--out", out, *words) == 0
    names = ["person_1.mp4", "person_2_Ann_Lee.mp4", "person_3.mp4", "person_4.mp4"]
    assert sorted(path.name for path in out.iterdir()) == names
    first, third = (images(out / names[n]) for n in (0, 2))
    assert len(first) in (7, 8)  # the images change in frame 8, where new tracks begin; the flow may lose her before
    assert len(third) == 4
    assert first[0].shape == (102, 52, 3)  # 1.25 times the box, even
    assert run_command("render", result, "--out", out, *words) == 2  # nothing is replaced without --overwrite


def test_crops_of_chosen_people(result: Path, tmp_path: Path) -> None:
    assert run_command("render", result, "--out", tmp_path / "one", "--crops", "--style.only_ids", "[2]") == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["person_2.mp4"]


# what is done before, arguments, a part of the message
@pytest.mark.parametrize(
    ("prepare", "words", "message"),
    [
        (lambda folder: (folder / "clip.mp4").unlink(), (), "give it with --video"),
        (lambda folder: None, ("--video", "missing.mp4"), "'missing.mp4' does not exist"),
        (lambda folder: make_video(folder / "clip.mp4", size=(96, 64)), (), "192x128"),
        (lambda folder: (folder / "out.mp4").touch(), (), "--overwrite"),
        (lambda folder: None, ("--style.background", "transparent"), "no transparency"),
        (lambda folder: None, ("--output.codec", "prores"), "does not hold prores"),
        (lambda folder: None, ("--style.colour", "red"), "style.colour"),
        (lambda folder: None, ("--style.colourby", "id"), "style.colour_by"),
        (lambda folder: (folder / "result" / TRACKS_FILE).unlink(), (), "holds no tracks.jsonl"),
    ],
)
def test_errors(
    result: Path,
    tmp_path: Path,
    prepare: Callable[[Path], object],
    words: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert run_command("render", result, "--out", tmp_path / "out.mp4", *words) == 2
    assert message in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_video_is_never_replaced(result: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "clip.mp4", result / TRACKS_FILE):
        before = path.read_bytes()
        assert run_command("render", result, "--out", path, "--overwrite") == 2
        assert path.read_bytes() == before


def test_a_shorter_video_is_drawn_with_a_warning(
    result: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_video(tmp_path / "clip.mp4", num_frames=8)
    assert len(images(tmp_path / "clip.mp4")) == 8
    render(result, tmp_path / "out.mp4")
    assert len(images(tmp_path / "out.mp4")) == 8
    assert "ends before the last 4 frames of the result" in caplog.text


def test_the_sample_of_another_program(tmp_path: Path) -> None:
    """Boxes with ids in MOTChallenge's layout, without a video: drawn on nothing once the size is known."""
    truth = shared("data/pets09_s2l1_gt/gt.txt")
    video = make_video(tmp_path / "clip.mp4", num_frames=60, size=(768, 576))
    assert render(truth, tmp_path / "out.mp4", "--video", video).shape == (576, 768, 3)


def test_drawing_does_not_change_the_records(result: Path) -> None:
    """What is rounded for drawing is not rounded twice in the file."""
    _, records = read_tracks(result / TRACKS_FILE)
    people = list(records)[-1]
    assert people.track_ids.tolist() == [3, 4]
    assert people.poses.scores.tolist() == pytest.approx([0.9123, 0.8766], abs=1e-4)
    assert people.poses.boxes[0].tolist() == pytest.approx([25.07, 20.12, 65.53, 100.79], abs=1e-4)
