"""Files in PoseTrack's layouts, and comparison of what is read."""

import json
import re

from formats.sample_sequences import assert_same
from shared_data import shared

from pose_track.structures.skeleton import POSETRACK18_17


def put(path, content):
    """Write JSON, with NaN as Python writes it."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def point(joint, x=1.5, y=2.5, **more):
    return {"id": [joint], "x": [x], "y": [y], "is_visible": [1]} | more


def rect(*points, **more):
    return {
        "x1": [10],
        "y1": [20],
        "x2": [40],
        "y2": [60],
        "track_id": [7],
        "annopoints": [{"point": [*points]}],
    } | more


def frame(*rects, number=1, **more):
    image = [{"name": f"images/a/{number:08d}.jpg"}]
    return {"image": image, "imgnum": [number], "is_labeled": [1], "annorect": [*rects]} | more


def file17(path, *frames, **more):
    return put(path, {"annolist": [*frames]} | more)


def image(number=0, **more):
    """A frame of 2018 with id 100 + number."""
    return {"file_name": f"images/a/{number:06d}.jpg", "id": 100 + number, "is_labeled": True} | more


def annotation(image_id=100, joints=None, **more):
    """joints: (x, y, flag) by name."""
    keypoints = [v for name in POSETRACK18_17.joint_names for v in (joints or {}).get(name, (0, 0, 0))]
    return {"id": 1, "image_id": image_id, "category_id": 1, "track_id": 7, "keypoints": keypoints} | more


CATEGORY = {"id": 1, "name": "person", "keypoints": list(POSETRACK18_17.joint_names)}


def file18(path, images, annotations, **more):
    return put(path, {"images": images, "annotations": annotations, "categories": [CATEGORY]} | more)


def shared_files(*patterns):
    """The recorded files; skips the test where there are none."""
    return [file for pattern in patterns for file in sorted(shared("data").glob(pattern))] or shared(patterns[0])


CASES = ("poseval_cases/*/gt/*.json", "poseval_cases/*/pred/*.json")
REAL17 = ("mpposetrack_gt/*.json",)
REAL18 = ("posetrack18_sample/annotations/val/*.json", "posetrack18_sample/annotations/test_posetrack18_val.json")


def mentions(text, parts):
    """Whether a message holds these parts, in order, from its start. parts: separated by " ... "."""
    return re.match(".*".join(map(re.escape, parts.split(" ... "))), text) is not None


def assert_same_file(a, b):
    """Two sequences are equal, including their frames and `extra`."""
    assert_same(a, b)
    assert (a.layout, dict(a.extra)) == (b.layout, dict(b.extra))
    assert_same_frames(a, b, "image_id", "extra")


def assert_same_frames(a, b, *more_fields):
    assert len(a) == len(b)
    for one, other in zip(a.frames, b.frames, strict=True):
        for name in ("index", "image_name", "is_labelled", *more_fields):
            assert getattr(one, name) == getattr(other, name), (name, one, other)
        regions = [[region.tolist() for region in frame.ignore_regions] for frame in (one, other)]
        assert regions[0] == regions[1]
