from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pose_track.detection.recorded import RecordedDetector
from pose_track.structures.frames import Detections, Frame


def detect(detector: RecordedDetector, index: int) -> Detections:
    return detector(Frame(index, index / 25, np.zeros((4, 4, 3), np.uint8)))


def coco_file(folder: Path) -> Path:
    entries = [
        {"image_id": 0, "category_id": 1, "bbox": [1, 2, 10, 20], "score": 0.4},
        {"image_id": 0, "category_id": 1, "bbox": [5, 6, 10, 20], "score": 0.9},
        {"image_id": 0, "category_id": 18, "bbox": [0, 0, 3, 3], "score": 0.99},
        {"image_id": 3, "bbox": [7, 8, 1.5, 2.5], "score": 1},
    ]
    (folder / "boxes.json").write_text(json.dumps(entries))
    return folder / "boxes.json"


def mot_file(folder: Path) -> Path:
    lines = [
        "1,-1,1,2,10,20,0.4,-1,-1,-1",
        "1,-1,5,6,10,20,0.9",
        "",
        "4,-1,7,8,1.5,2.5,63.2,-1,-1,-1",
        "5,-1,1,1,2,2,-3",
    ]
    (folder / "boxes.txt").write_text("\n".join(lines) + "\n\n")
    return folder / "boxes.txt"


@pytest.mark.parametrize("write", [coco_file, mot_file])
def test_both_formats(tmp_path: Path, write: object) -> None:
    detector = RecordedDetector(write(tmp_path))  # type: ignore[operator]
    first = detect(detector, 0)
    assert first.boxes.tolist() == [[5, 6, 15, 26], [1, 2, 11, 22]]
    np.testing.assert_allclose(first.scores, [0.9, 0.4])
    assert first.sources is not None
    assert first.sources.tolist() == ["recorded", "recorded"]
    assert detect(detector, 3).boxes.tolist() == [[7, 8, 8.5, 10.5]]
    assert detect(detector, 3).scores.tolist() == [1.0]  # 63.2 in one of the files


@pytest.mark.parametrize("write", [coco_file, mot_file])
def test_frames_without_boxes(tmp_path: Path, write: object) -> None:
    detector = RecordedDetector(write(tmp_path))  # type: ignore[operator]
    assert [len(detect(detector, index)) for index in (1, 2, 99)] == [0, 0, 0]


def test_min_score(tmp_path: Path) -> None:
    detector = RecordedDetector(mot_file(tmp_path), min_score=0.5)
    np.testing.assert_allclose(detect(detector, 0).scores, [0.9])
    assert len(detect(detector, 4)) == 0
    assert detect(RecordedDetector(mot_file(tmp_path)), 4).scores.tolist() == [0.0]  # a negative confidence


@pytest.mark.parametrize(
    "line",
    [
        "2,-1,1,2,10,20",  # no confidence
        "2,-1,1,2,ten,20,0.5",
        "0,-1,1,2,10,20,0.5",  # frames count from 1
        "1.5,-1,1,2,10,20,0.5",
        "2,-1,1,2,nan,20,0.5",
        "2,-1,1,2,10,20,1e999",
        "2,-1,1,2,0,20,0.5",  # no width
        "frame,id,left,top,width,height,confidence",
    ],
)
def test_invalid_lines_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "boxes.txt"
    path.write_text(f"1,-1,1,2,10,20,0.4\n{line}\n")
    with pytest.raises(ValueError, match=r"boxes\.txt, line 2") as caught:
        RecordedDetector(path)
    assert line[:12] in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "JSON"),
        ("[" * 100_000, "nest|recursion"),
        ("[{}, 1", "JSON"),
        ('[{"image_id": 1e999, "bbox": [1, 2, 3, 4], "score": 0.5}]', "entry 0: .*image_id"),
        ('[{"image_id": NaN, "bbox": [1, 2, 3, 4], "score": 0.5}]', "entry 0: .*image_id"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, "4"], "score": 0.5}]', "entry 0: .*bbox"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 1e300], "score": 0.5}]', "entry 0: .*bbox"),
        ('[{"image_id": 1, "bbox": 4, "score": 0.5}]', "entry 0: .*bbox"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 4], "score": null}]', "entry 0: .*score"),
        ('[{"image_id": 1, "category_id": "person", "bbox": [1, 2, 3, 4], "score": 1}]', "entry 0: .*category_id"),
        ('[{"image_id": "", "bbox": [1, 2, 3, 4], "score": 0.5}]', "entry 0: .*image_id"),
        (
            '[{"image_id": "a/0.jpg", "bbox": [1, 2, 3, 4], "score": 1}, '
            '{"image_id": "b/0.jpg", "bbox": [1, 2, 3, 4], "score": 1}]',
            "'a'.*'b'",
        ),
        ('{"annotations": []}', "list of detections"),
        ("[3]", "entry 0"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 4]}]', "entry 0"),
        ('[{"image_id": 1, "bbox": [1, 2, 3], "score": 0.5}]', "entry 0"),
        ('[{"image_id": 1, "bbox": [1, 2, -3, 4], "score": 0.5}]', "entry 0"),
        ('[{"image_id": [1], "bbox": [1, 2, 3, 4], "score": 0.5}]', "entry 0"),
    ],
)
def test_invalid_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"boxes\.json.*{message}"):
        RecordedDetector(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("write", [coco_file, mot_file])
def test_other_encodings(tmp_path: Path, write: object, encoding: str) -> None:
    path = write(tmp_path)  # type: ignore[operator]
    path.write_text(path.read_text(), encoding=encoding)
    assert len(detect(RecordedDetector(path), 0)) == 2


@pytest.mark.parametrize("folder", ["", "images/", "C:\\images\\"])
def test_names_of_pictures(tmp_path: Path, folder: str) -> None:
    names = [f"{folder}f_{number:02d}.jpg" for number in (3, 7, 11)]
    entries = [{"image_id": name, "bbox": [n, 0, 3, 4], "score": 0.5} for n, name in enumerate(names)]
    (tmp_path / "boxes.json").write_text(json.dumps(entries))
    detector, image = RecordedDetector(tmp_path / "boxes.json"), np.zeros((4, 4, 3), np.uint8)
    assert detector(Frame(1, 0.04, image, "f_07.jpg")).boxes.tolist() == [[1, 0, 4, 4]]
    assert len(detector(Frame(3, 0.12, image, "f_08.jpg"))) == 0  # not the third frame's boxes
    assert detect(detector, 11).boxes.tolist() == [[2, 0, 5, 4]]  # of a video


@pytest.mark.parametrize("name", ["boxes.json", "boxes.jsonl"])
def test_an_entry_a_line(tmp_path: Path, name: str) -> None:
    entries = json.loads(coco_file(tmp_path).read_text())
    (tmp_path / name).write_text("\n".join(map(json.dumps, entries)))
    assert len(detect(RecordedDetector(tmp_path / name), 0)) == 2


def test_whole_numbers_with_decimals(tmp_path: Path) -> None:
    (tmp_path / "boxes.txt").write_text("2.00,-1.00,318.11,105.90,91.95,171.17,0.90,-1.00,-1.00,-1.00\n")
    (tmp_path / "boxes.json").write_text('[{"image_id": 1.0, "category_id": 1.0, "bbox": [1, 2, 3, 4], "score": 0.5}]')
    for name in ("boxes.txt", "boxes.json"):
        assert len(detect(RecordedDetector(tmp_path / name), 1)) == 1


def test_boxes_of_other_categories_alone_are_an_error(tmp_path: Path) -> None:
    entries = [{"image_id": i, "category_id": i % 2 * 3, "bbox": [1, 2, 3, 4], "score": 0.5} for i in range(4)]
    (tmp_path / "boxes.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"boxes\.json .*category_id 1.* 0, 3"):
        RecordedDetector(tmp_path / "boxes.json")


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"boxes\.txt.*\.json"):
        RecordedDetector(tmp_path / "boxes.txt")
    (tmp_path / "empty.txt").write_text("")
    assert len(detect(RecordedDetector(tmp_path / "empty.txt"), 0)) == 0
