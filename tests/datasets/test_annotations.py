from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pose_track.datasets.annotations import fields, numbers, read_entries
from pose_track.formats.validate import objects

ENTRIES = [(f"a.json: entry {i}", i) for i in range(6)]


def read(entry: int) -> str | None:
    if entry in (2, 4):
        raise ValueError(f"is {entry}")
    return None if entry == 1 else str(entry)


def test_the_first_broken_entry_stops() -> None:
    with pytest.raises(ValueError, match=r'^a\.json: entry 2 is 2; correct or remove it, or .* on_broken "skip"$'):
        read_entries(Path("a.json"), ENTRIES, read)


def test_broken_entries_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_entries(Path("a.json"), ENTRIES, read, "skip") == ["0", "3", "5"]
    assert [r.message for r in caplog.records] == ["a.json: 2 broken entries left out, the first: a.json: entry 2 is 2"]


def test_nothing_is_logged_where_nothing_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    assert read_entries(Path("a.json"), ENTRIES[:2], read, "skip") == ["0"]
    assert not caplog.records


def test_other_faults_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        read_entries(Path("a.json"), ENTRIES, lambda entry: 1 // entry, "skip")
    with pytest.raises(ValueError, match=r"on_broken must be .* got 'ignore'"):
        read_entries(Path("a.json"), ENTRIES, read, "ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [[1], [1, 2, 3], [[1, 2]], [1, [2]], ["a", 2], {"x": 1}, None, 5])
def test_numbers_of_another_shape(value: Any) -> None:
    with pytest.raises(ValueError, match="needs 2 numbers as center, got"):
        numbers(value, (2,), "center")


def test_missing_fields_are_all_named() -> None:
    with pytest.raises(ValueError, match="has no scale, no joints"):
        fields({"center": 1}, "center", "scale", "joints")


@pytest.mark.parametrize("value", [{}, [1], [{}, None], "text"])
def test_not_a_list_of_objects(value: Any) -> None:
    with pytest.raises(ValueError, match=r"a.json: images must be a list of objects, got"):
        objects(value, "a.json: images")
