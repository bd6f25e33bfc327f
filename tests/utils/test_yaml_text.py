from __future__ import annotations

from pathlib import Path

import pytest

from pose_track.utils.yaml_text import parse_yaml, read_yaml_file

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))


def test_aliases_and_merged_keys() -> None:
    assert parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: *a") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 3, "y": 2},
        "c": {"x": 1, "y": 2},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' .*line 3"),
        ("s: {a: 1, a: 1}", "'a'"),
        ("a: [1", "line 1"),
        ("[" * 20_000, "deep"),
        (BOMB, "aliases"),
        ("a: &a [*a]", "aliases"),
        ("day: 2026-02-31", "day"),
        ("a: " + "9" * 5000, "digits"),
        ("? [1, 2]\n: 3\n? {a: 1}\n: 4", "unhashable"),
        ("a: \x00", "special characters"),
    ],
)
def test_faults_are_one_line_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.yaml .*{message}") as error:
        read_yaml_file(tmp_path / "a.yaml")
    assert "\n" not in str(error.value)
    assert "unicode string" not in str(error.value)


def test_text_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("a: ä".encode("utf-16"))
    assert read_yaml_file(tmp_path / "a.yaml") == {"a": "ä"}
