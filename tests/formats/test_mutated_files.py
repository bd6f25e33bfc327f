"""Files with random changes: each is read, or refused in one line. The time budget is small; seeds are fixed."""

import json
import random
from dataclasses import replace

import pytest
from sample_sequences import three_frames
from track_files import write_tracks

from pose_track.datasets.coco import load_boxes, load_coco_people
from pose_track.detection.recorded import RecordedDetector
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.structures.skeleton import COCO_17
from pose_track.utils.yaml_text import read_yaml_file

VALUES = [None, [], {}, "", "a", 0, -1, 1.5, True, 2**70, 10**400, 1e308, float("inf"), float("nan"), [[]], [1, 2]]
BYTES = [b"\x00", b"\xff", b"[" * 3000, b'"', b"1e999", b"9" * 5000, b"}", b"\n", b"\xef\xbb\xbf", b"&a [*a]"]
YAML = "detector:\n  name: compact\n  min_score: 0.3\ntracker: {weights: {oks: 1.0}, sigma_scale: 3}\n"


def write_recorded(source, path):
    entries = [{"image_id": n, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5} for n in range(3)]
    path.write_text(json.dumps(entries))


def write_yaml(source, path):
    path.write_text(YAML)


def read_all(path):
    """Read a sequence, and write it as MOT, which takes any, and in its own layout."""
    sequence = read_sequence(path, Problems(lenient=True))
    for layout in {"mot", getattr(sequence, "layout", "mot")}:
        FORMATS[layout].write(sequence, path.with_suffix(f".{layout}"))
    list(read_sequence(path))


KINDS = {
    "tracks.jsonl": (lambda source, path: write_tracks(path, COCO_17, [[1, 2], [], [2]]), read_all),
    "posetrack17.json": (FORMATS["posetrack17"].write, read_all),
    "posetrack18.json": (FORMATS["posetrack18"].write, read_all),
    "coco.json": (FORMATS["coco"].write, read_all),
    "alphapose.json": (FORMATS["alphapose"].write, read_all),
    "mot.txt": (FORMATS["mot"].write, read_all),
    "cvat.xml": (FORMATS["cvat"].write, read_all),
    "task.json": (FORMATS["label-studio"].write, read_all),
    "person.trc": (FORMATS["trc"].write, read_all),
    "table.csv": (FORMATS["deeplabcut"].write, read_all),
    "mmpose.json": (FORMATS["mmpose"].write, read_all),
    "boxes.json": (write_recorded, RecordedDetector),
    "boxes.txt": (FORMATS["mot"].write, RecordedDetector),
    "people.json": (FORMATS["coco-dataset"].write, lambda path: load_coco_people(path, COCO_17)),
    "skipped.json": (FORMATS["coco-dataset"].write, lambda path: load_coco_people(path, COCO_17, "skip")),
    "image_boxes.json": (FORMATS["coco-dataset"].write, load_boxes),
    "settings.yaml": (write_yaml, read_yaml_file),
}


def places(value, found):
    """All (container, key) below a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found.append((value, key))
        places(item, found)
    return found


def changed_value(text, rng):
    """JSON text, or one of its lines, with another value at a random place."""
    lines = text.split("\n") if text.startswith('{"type"') else [text]
    number = rng.randrange(len(lines))
    value = json.loads(lines[number] or "{}")
    container, key = rng.choice(places(value, [([value], 0)]))
    container[key] = rng.choice(VALUES)
    lines[number] = json.dumps(value)
    return "\n".join(lines).encode()


def changed_bytes(data, rng):
    """Bytes with a flipped, inserted, replaced or cut part."""
    start = rng.randrange(len(data))
    flipped = bytes([data[start] ^ 1 << rng.randrange(8)])
    end = start + rng.choice([0, 1, 9])
    return rng.choice(
        [data[:start], data[:start] + flipped + data[start + 1 :], data[:start] + rng.choice(BYTES) + data[end:]]
    )


@pytest.mark.parametrize("name", KINDS)
def test_changed_files_are_read_or_refused_in_one_line(tmp_path, name):
    write, read = KINDS[name]
    path, rng = tmp_path / name, random.Random(name)
    write(replace(three_frames(), extra={"width": 640, "height": 480}), path)
    read(path)
    original = path.read_bytes()
    is_json = name.endswith(("json", "jsonl"))
    messages = []
    for number in range(120):
        by_value = is_json and number % 2
        path.write_bytes(changed_value(original.decode(), rng) if by_value else changed_bytes(original, rng))
        try:
            read(path)
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 10
    assert [message for message in messages if name not in message or "\n" in message] == []
