import gc
import math
from pathlib import Path

import pytest

from pose_track.formats.json_text import no_collection, parse_json
from pose_track.formats.posetrack.reader import read_posetrack

FILE = Path("a.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"a\.json is not whole JSON: at line 1, column 1 expecting value; get or write the file anew"),
        (b'{"annolist": [\n{"image": [', r"at line 2, column 12 expecting value"),
        (b'{"annolist": [\n{"image": "a.jp', r"at line 2, column 11 unterminated string"),
        (b'{"a": 1} {', r"at line 1, column 10 extra data"),
        (b'["\xff"]', r"a\.json is not text in UTF-8: its byte 2 is 0xff"),
        (b"[" * 100_000, r"a\.json cannot be read: .*recursion"),
        (b"[NaN, " + b"9" * 5000 + b"]", r"a\.json cannot be read: .*digits"),
    ],
)
def test_broken_text(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text, FILE)


def test_what_python_writes_is_read():
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
    with pytest.raises(ValueError, match=r"a\.json is not whole JSON: at line 1, column \d+ "):
        read_posetrack(path)


def test_lists_in_lists_without_end(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(
        b'{"annolist": [{"image": [{"name": "a"}], "annorect": [{"annopoints": [{"point": ' + b"[" * 100_000
    )
    with pytest.raises(ValueError, match=r"a\.json cannot be read: .*recursion"):
        read_posetrack(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.json"):
        read_posetrack(tmp_path / "a.json")


@pytest.mark.parametrize("fails", [False, True])
def test_the_collector_rests_and_comes_back(fails):
    assert gc.isenabled()
    try:
        with no_collection():
            assert not gc.isenabled()
            with no_collection():
                pass
            assert not gc.isenabled()
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert gc.isenabled()
