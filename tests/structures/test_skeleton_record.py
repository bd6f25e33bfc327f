"""Skeletons as plain values, and in the header of results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pose_track.structures.skeleton import COCO_17, Skeleton
from pose_track.structures.skeleton_record import (
    DEFINITION_KEY,
    header_fields,
    is_built_in,
    named_skeleton,
    parse_skeleton,
    skeleton_record,
)

HORSE: dict[str, Any] = {
    "name": "horse",
    "joints": ["nose", "left_ear", "right_ear"],
    "pairs": [["left_ear", "right_ear"]],
    "edges": [["nose", "left_ear"]],
    "sigmas": [0.03, 0.04, 0.04],
    "colours": [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
    "detail": ["left_ear", "right_ear"],
}


@pytest.mark.parametrize("keys", [HORSE.keys(), ("name", "joints"), ("name", "joints", "sigmas")])
def test_records_lose_nothing(keys: tuple[str, ...]) -> None:
    record = {key: HORSE[key] for key in keys}
    skeleton = parse_skeleton(record)
    assert json.loads(json.dumps(skeleton_record(skeleton))) == record
    assert named_skeleton("horse", skeleton_record(skeleton)) == skeleton


def test_whole_numbers_are_sigmas_too() -> None:
    assert parse_skeleton({**HORSE, "sigmas": [1, 2, 3]}).sigmas.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": 5}, "name"),
        ({"name": "a/b"}, "'a/b'"),
        ({"name": "coco_17"}, "coco_17"),
        ({"joints": []}, "joints"),
        ({"joints": ["nose", True]}, r"joints\[1\]"),
        ({"joints": ["nose", "a,b"]}, "'a,b'"),
        ({"joints": ["nose", " "]}, "' '"),
        ({"edgs": []}, "edgs"),
        ({"edges": [["nose"]]}, r"edges\[0\]"),
        ({"edges": [["nose", "mane"]]}, "mane"),
        ({"sigmas": 0.1}, "sigmas"),
        ({"colours": [[0, 0, 256]] * 3}, r"colours\[0\]\[2\]"),
    ],
)
def test_faults_are_named_in_one_line(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named) as error:
        parse_skeleton({**HORSE, **changes})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [None, 5, "horse", [], {"joints": ["nose"]}, {"name": "horse"}])
def test_other_values_are_no_skeleton(value: object) -> None:
    with pytest.raises(ValueError, match="not a skeleton"):
        parse_skeleton(value)


def test_a_name_with_another_definition() -> None:
    assert named_skeleton("coco_17", None) is COCO_17
    for name, definition in (("horse", None), ("cow", HORSE), ("coco_17", HORSE), ("horse", {})):
        with pytest.raises(ValueError, match=f"{DEFINITION_KEY}|coco_17"):
            named_skeleton(name, definition)


def test_headers_hold_what_names_cannot_tell() -> None:
    horse = parse_skeleton(HORSE)
    assert header_fields(horse)[DEFINITION_KEY] == HORSE
    for skeleton in (COCO_17, Skeleton("my three", ("nose", "left_ear", "right_ear"))):
        assert header_fields(skeleton) == {"skeleton": skeleton.name, "joint_names": list(skeleton.joint_names)}
    assert (is_built_in(COCO_17), is_built_in(horse)) == (True, False)
