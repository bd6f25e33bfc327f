"""COCO data sets with images, made from a video."""

import json
import shutil

import cv2
import numpy as np
import pytest
from command_line import run_command
from formats.track_files import write_tracks
from make_video import make_video, numbered_image

from pose_track.datasets.coco import load_coco_people
from pose_track.datasets.extract_images import extract_images
from pose_track.datasets.images import ImageStore
from pose_track.formats.registry import read_sequence
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17


@pytest.fixture
def tracks(tmp_path):
    make_video(tmp_path / "clip.mp4", num_frames=4)
    write_tracks(tmp_path / "tracks.jsonl", COCO_17, [[1, 2], [], [2], [1]])
    return tmp_path / "tracks.jsonl"


def convert(tracks, out, *options):
    return run_command("convert", tracks, out, "--to", "coco-dataset", *options)


def test_each_image_of_the_data_set_is_the_frame(tracks, tmp_path):
    out = tmp_path / "set/people.json"
    assert convert(tracks, out, "--images", tmp_path / "clip.mp4") == 0
    images = json.loads(out.read_text())["images"]
    assert sorted(image["file_name"] for image in images) == sorted(p.name for p in (tmp_path / "set/images").iterdir())
    for image in images:
        picture = cv2.imread(str(tmp_path / "set/images" / image["file_name"]))[..., ::-1]
        assert np.abs(picture.astype(int) - numbered_image(image["id"])).mean() < 6


def test_corrected_annotations_are_labels_for_training(tracks, tmp_path):
    """From CVAT, through a data set with images, to the samples that `train` reads."""
    assert run_command("convert", tracks, tmp_path / "cvat.xml", "--to", "cvat") == 0
    assert convert(tmp_path / "cvat.xml", tmp_path / "set/people.json", "--images", tmp_path / "clip.mp4") == 0
    labels = load_coco_people(tmp_path / "set/people.json", COCO_17, "skip")
    images = ImageStore(tmp_path / "set/images")
    for label in labels:
        assert np.abs(images.read(label.file_name).astype(int) - numbered_image(label.image_id)).mean() < 6
    sequence = read_sequence(tracks)
    people = [person for _, frame in sequence for person in frame.joints]
    assert len(labels) == len(people)
    for label, joints in zip(labels, people, strict=True):
        np.testing.assert_array_equal(label.visibility > 0, np.isfinite(joints[:, 0]))
        np.testing.assert_allclose(label.joints[label.visibility > 0], joints[label.visibility > 0], atol=0.011)


def test_a_folder_of_images_is_never_replaced(tracks, tmp_path, capsys):
    out = tmp_path / "set/people.json"
    (tmp_path / "set/images").mkdir(parents=True)
    assert convert(tracks, out, "--images", tmp_path / "clip.mp4", "--overwrite") == 2
    assert "already exists" in capsys.readouterr().err
    assert not out.exists()
    assert run_command("convert", tracks, out, "--to", "csv", "--images", tmp_path / "clip.mp4") == 2
    assert "--images goes with --to coco-dataset" in capsys.readouterr().err


def test_a_video_that_is_too_short(tracks, tmp_path):
    make_video(tmp_path / "short.mp4", num_frames=2)
    with pytest.raises(ValueError, match="lacks 2 frames of clip, such as 2"):
        extract_images(read_sequence(tracks), tmp_path / "short.mp4", tmp_path / "images")
    assert not (tmp_path / "images").exists()


def test_an_image_name_must_stay_in_the_folder(tracks, tmp_path):
    people = PoseAnnotations.empty(COCO_17)
    for name in ("../a.jpg", "/a.jpg"):
        sequence = PoseSequence("clip", COCO_17, (FrameInfo(0, name),), people, np.zeros(0, np.int64))
        with pytest.raises(ValueError, match="leads out of the folder"):
            extract_images(sequence, tmp_path / "clip.mp4", tmp_path / "images")


def test_datumaro_reads_the_data_set(tracks, tmp_path):
    datumaro = pytest.importorskip("datumaro", reason="needs datumaro")
    assert convert(tracks, tmp_path / "set/people.json", "--images", tmp_path / "clip.mp4") == 0
    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    shutil.copytree(tmp_path / "set/images", folder / "images/train")
    shutil.copy(tmp_path / "set/people.json", folder / "annotations/person_keypoints_train.json")
    dataset = datumaro.Dataset.import_from(str(folder), "coco_person_keypoints")
    items = {item.id: item for item in dataset}
    assert len(items) == 4
    points = [one for item in items.values() for one in item.annotations if isinstance(one, datumaro.Points)]
    assert len(points) == 4
    assert all(len(one.points) == 34 for one in points)
    assert all(item.media.data.shape == (128, 192, 3) for item in items.values())
