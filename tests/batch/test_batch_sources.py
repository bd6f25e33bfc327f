"""Which videos a batch is about, what their results are called, and manifests."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from pose_track.batch.manifest import read_manifest
from pose_track.batch.naming import result_names
from pose_track.batch.sources import Found, find_videos


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*places: str) -> None:
    for place in places:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).touch()


def places(*sources: str, out: str = "out") -> list[str]:
    return [str(video.place) for video in find_videos(sources, Path(out))]


def test_folders_are_searched(folder: Path) -> None:
    """For videos, and folders of images without any; results, hidden files and other files are passed over."""
    touch("in/b.MP4", "in/a.mov", "in/notes.txt", "in/.hidden.mp4", "in/.cache/c.mp4")
    touch("in/shots/1.png", "in/shots/2.png", "in/mixed/1.png", "in/mixed/v.mkv")
    touch("in/runs/a/tracks.jsonl", "in/runs/a/annotated.mp4", "in/out/x/annotated.mp4")
    assert places("in", out="in/out") == ["a.mov", "b.MP4", "mixed/v.mkv", "shots"]
    assert find_videos(["in"], Path("in/out"))[3].source == "in/shots"
    assert places("in/shots") == ["shots"]


def test_links_in_circles(folder: Path) -> None:
    touch("in/a.mp4", "other/b.mp4")
    Path("in/loop").symlink_to(folder / "in")
    Path("in/other").symlink_to(folder / "other")
    Path("in/dead.mp4").symlink_to("nothing")
    assert places("in") == ["a.mp4", "other/b.mp4"]
    with pytest.raises(FileNotFoundError, match="is a link to a file that does not exist"):
        find_videos(["in/dead.mp4"], Path("out"))


def test_patterns(folder: Path) -> None:
    """Places are below the part without wildcards. Without a suffix, only videos are meant."""
    touch("in/x/a.mp4", "in/y/a.mp4", "in/y/deep/b.mp4", "in/y/notes.txt", "in/y/c.dat", "in/out/annotated.mp4")
    assert places("in/*/a.mp4") == ["x/a.mp4", "y/a.mp4"]
    assert places("in/*", out="in/out") == ["x/a.mp4", "y/a.mp4", "y/deep/b.mp4"]
    assert places("in/**/*.mp4", out="in/out") == ["x/a.mp4", "y/a.mp4", "y/deep/b.mp4"]
    assert places("in/y/*") == ["a.mp4", "deep/b.mp4"]
    assert places("in/y/*.dat") == ["c.dat"]
    with pytest.raises(FileNotFoundError, match="there is no video in"):
        find_videos(["in/*.mp4"], Path("out"))


def test_each_video_once(folder: Path) -> None:
    touch("in/a.mp4", "in/b.mp4")
    assert places("in", "in/a.mp4", "in/*.mp4", str(folder / "in" / "b.mp4")) == ["a.mp4", "b.mp4"]


def names(*videos: str) -> list[str]:
    return result_names([Found(video, PurePosixPath(video)) for video in videos])


def test_names_never_collide() -> None:
    assert names("clip.mp4") == ["clip"]
    assert names("clip.mp4", "clip.avi", "other.mp4") == ["clip.mp4", "clip.avi", "other"]
    assert names("clip.mp4", "CLIP.avi") == ["clip.mp4", "CLIP.avi"]
    assert names("clip.mp4", "clip/a.mp4") == ["clip.mp4", "clip/a"]
    assert names(".batch.mp4", "...mp4", "a.b.mp4") == [".batch.mp4", "...mp4", "a.b"]
    assert names("summary.csv.mp4") == ["summary.csv.mp4"]
    hashed = names("clip.mp4", "clip.avi", "clip.mp4/a.mp4")
    assert hashed[0].startswith("clip.mp4-")
    assert hashed[1:] == ["clip.avi", "clip.mp4/a"]


def test_one_video_with_two_settings() -> None:
    place = PurePosixPath("a.mp4")
    found = [Found("in/a.mp4", place, {"reader.stride": stride}) for stride in ("1", "2")]
    first, second = result_names(found)
    assert first != second
    assert first.startswith("a.mp4-")
    assert result_names(found[::-1]) == [second, first]


def test_manifests(folder: Path) -> None:
    """The three kinds say the same; columns of the user have no effect, and empty values leave the default."""
    Path("list.csv").write_text("path,subject,reader.stride,pose.flip_test\nx/a.mp4,Ann,2,\ny/b.mp4,,,true\n")
    Path("list.jsonl").write_text(
        '{"path": "x/a.mp4", "subject": "Ann", "reader": {"stride": 2}}\n\n'
        '{"path": "y/b.mp4", "pose.flip_test": true}\n'
    )
    expected = [("x/a.mp4", {"reader.stride": "2"}), ("y/b.mp4", {"pose.flip_test": "true"})]
    assert list(read_manifest(Path("list.csv"))) == expected
    assert list(read_manifest(Path("list.jsonl"))) == expected
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"path": ["x/a.mp4", "y/b.mp4"], "reader.stride": [2.0, float("nan")], "pose.flip_test": [None, True]}
    parquet.write_table(pyarrow.table(columns), "list.parquet")
    assert list(read_manifest(Path("list.parquet"))) == expected


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "file\na.mp4\n", "line 2: needs a 'path'"),
        ("a.csv", "path\na.mp4,b\n", "line 2: has more values than there are columns"),
        ("a.jsonl", '{"path": 3}\n', "line 1: needs a 'path', the path of a video, got 3"),
        ("a.jsonl", "a.mp4\n", "line 1: is no JSON"),
        ("a.jsonl", "[]\n", "line 1: must be an object"),
    ],
)
def test_wrong_manifests(name: str, text: str, words: str, folder: Path) -> None:
    Path(name).write_text(text)
    with pytest.raises(ValueError, match=words):
        list(read_manifest(Path(name)))


def test_rows_of_a_manifest_mirror_the_folder_that_holds_them(folder: Path) -> None:
    touch("data/x/a.mp4", "data/y/b.mp4")
    Path("lists").mkdir()
    Path("lists/list.csv").write_text(f"path\n../data/x/a.mp4\n{folder / 'data' / 'y' / 'b.mp4'}\n")
    assert places("lists/list.csv") == ["x/a.mp4", "y/b.mp4"]
