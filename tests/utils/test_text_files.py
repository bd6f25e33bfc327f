import pytest

from pose_track.utils.text_files import read_text, utf8_lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_of_every_encoding(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes("1,ä\n2".encode(encoding))
    assert read_text(path) == "1,ä\n2"
    assert list(utf8_lines(path)) == ["1,ä\n".encode(), b"2"]


@pytest.mark.parametrize("data", [b"1,\xff", b"\xff\xfe1", b"\xff\xfe\x00\xd8"])
def test_other_bytes_are_named(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.txt"):
        read_text(tmp_path / "a.txt")


def test_lines_in_another_encoding_than_their_mark(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(ValueError, match=r"a\.txt"):
        list(utf8_lines(tmp_path / "a.txt"))


def test_lines_of_every_system(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1\r2\r\n3\n4")
    assert [line.strip() for line in utf8_lines(tmp_path / "a.txt")] == [b"1", b"2", b"3", b"4"]
