from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pose_track.datasets.annotations import get_fields, read_entries, to_array
from pose_track.formats.validate import object_list

ENTRIES = [(f"a.json: entry {i}", i) for i in range(6)]


def read(entry: int) -> str | None:
    if entry in (2, 4):
        raise ValueError(f"is {entry}")
    return None if entry == 1 else str(entry)


def test_the_first_broken_entry_stops() -> None:
    with pytest.raises(ValueError, match=r'^a\.json: entry 2 is 2; .*on_broken "skip"'):
        read_entries(Path("a.json"), ENTRIES, read)


def test_broken_entries_are_skipped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_entries(Path("a.json"), ENTRIES, read, "skip") == ["0", "3", "5"]
    (message,) = caplog.messages
    assert message.startswith("a.json: ")
    assert "2 broken entries" in message
    assert "entry 2 is 2" in message


def test_no_log_without_broken_entries(caplog: pytest.LogCaptureFixture) -> None:
    assert read_entries(Path("a.json"), ENTRIES[:2], read, "skip") == ["0"]
    assert not caplog.records


def test_other_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        read_entries(Path("a.json"), ENTRIES, lambda entry: 1 // entry, "skip")
    with pytest.raises(ValueError, match=r"on_broken .*'ignore'"):
        read_entries(Path("a.json"), ENTRIES, read, "ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [[1], [1, 2, 3], [[1, 2]], [1, [2]], ["a", 2], {"x": 1}, None, 5])
def test_values_of_another_shape(value: Any) -> None:
    with pytest.raises(ValueError, match="2 numbers as center"):
        to_array(value, (2,), "center")


def test_missing_fields_are_all_named() -> None:
    with pytest.raises(ValueError, match=r"scale.*joints"):
        get_fields({"center": 1}, "center", "scale", "joints")


@pytest.mark.parametrize("value", [{}, [1], [{}, None], "text"])
def test_not_a_list_of_objects(value: Any) -> None:
    with pytest.raises(ValueError, match=r"a\.json: images .*list of objects"):
        object_list(value, "a.json: images")
