import gc
import math
from pathlib import Path

import pytest

from pose_track.formats.json_text import gc_paused, parse_json
from pose_track.formats.posetrack.reader import read_posetrack

FILE = Path("a.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"a\.json .*line 1, column 1: expecting value"),
        (b'{"annolist": [\n{"image": [', r"line 2, column 12: expecting value"),
        (b'{"annolist": [\n{"image": "a.jp', r"line 2, column 11: unterminated string"),
        (b'{"a": 1} {', r"line 1, column 10: extra data"),
        (b'["\xff"]', r"a\.json .*UTF-8.*byte 2 .*0xff"),
        (b"[" * 100_000, r"a\.json cannot be read: .*recursion"),
        (b"[NaN, " + b"9" * 5000 + b"]", r"a\.json cannot be read: .*digits"),
    ],
)
def test_invalid_text(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text, FILE)


def test_text_that_python_writes():
    assert parse_json(b'{"a": [1, 2.5, "x", null, true]}', FILE) == {"a": [1, 2.5, "x", None, True]}
    assert parse_json(b"\xef\xbb\xbf[1]", FILE) == [1]
    nan, inf = parse_json(b"[NaN, -Infinity]", FILE)
    assert math.isnan(nan)
    assert inf == -math.inf


@pytest.mark.parametrize("cut", [1, 20, 60])
@pytest.mark.parametrize(
    "layout",
    [
        b'{"annolist": [{"image": [{"name": "a.jpg"}], "annorect": []}]}',
        b'{"images": [], "annotations": [], "categories": [{"id": 1}]}',
    ],
)
def test_truncated_files(tmp_path, layout, cut):
    path = tmp_path / "a.json"
    path.write_bytes(layout)
    read_posetrack(path)
    path.write_bytes(layout[:-cut])
    with pytest.raises(ValueError, match=r"a\.json .*line 1, column \d+"):
        read_posetrack(path)


def test_deeply_nested_lists(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(
        b'{"annolist": [{"image": [{"name": "a"}], "annorect": [{"annopoints": [{"point": ' + b"[" * 100_000
    )
    with pytest.raises(ValueError, match=r"a\.json cannot be read: .*recursion"):
        read_posetrack(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.json"):
        read_posetrack(tmp_path / "a.json")


@pytest.mark.parametrize("fails", [False, True])
def test_collector_is_paused_and_restored(fails):
    assert gc.isenabled()
    try:
        with gc_paused():
            assert not gc.isenabled()
            with gc_paused():
                pass
            assert not gc.isenabled()
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert gc.isenabled()
