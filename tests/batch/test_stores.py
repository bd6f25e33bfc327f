"""Videos and results in a store: one in memory, an S3 server on this machine, and a web server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from batch_runs import batch, make_videos, summary
from stub_stages import stub_stages

from pose_track.batch.recipe import Recipe
from pose_track.batch.remote_tree import RemoteTree
from pose_track.batch.results import MARKER, Figures, identify, make_marker, what_changed
from pose_track.batch.sources import find_videos
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import Settings
from pose_track.pipeline.track_file import track_file

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")

RECIPE = Recipe({"a": 1}, {})


@pytest.fixture
def store() -> Iterator[Any]:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield memory
    memory.store.clear()


def test_videos_of_a_store(store: Any, tmp_path: Path) -> None:
    for path in ("in/a.mp4", "in/sub/b.mkv", "in/notes.txt", "in/.hidden/c.mp4"):
        store.pipe_file(path, b"content")
    places = {str(PurePosixPath("a.mp4")), str(PurePosixPath("sub/b.mkv"))}
    found = find_videos(["memory://in"], tmp_path)
    assert {str(video.place) for video in found} == places
    assert all(video.source.startswith("memory://") for video in found)
    assert [str(video.place) for video in find_videos(["memory://in/sub/b.mkv"], tmp_path)] == ["b.mkv"]
    assert [str(video.place) for video in find_videos(["memory://in/*.mp4"], tmp_path)] == ["a.mp4"]
    with pytest.raises(FileNotFoundError, match="no video"):
        find_videos(["memory://elsewhere"], tmp_path)


def test_videos_of_a_manifest_may_be_in_a_store(store: Any, tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text('{"path": "memory://in/a.mp4", "reader.stride": 2}\n')
    (video,) = find_videos([str(tmp_path / "list.jsonl")], tmp_path / "out")
    assert (video.source, str(video.place), dict(video.settings)) == (
        *("memory://in/a.mp4", "in/a.mp4"), {"reader.stride": "2"},
    )  # fmt: skip


def test_results_are_published_with_their_marker_last(store: Any, tmp_path: Path) -> None:
    store.pipe_file("in/a.mp4", b"content")
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "tracks.jsonl").write_text("{}")
    marker = make_marker(folder, identify("memory://in/a.mp4"), RECIPE, Figures(1, 1, 1, 0, 1.0, 1.0))
    tree = RemoteTree("memory://out")
    order: list[str] = []
    tree._store = _Noting(store, order)
    tree.publish(folder, "sub/a", marker, overwrite=False)
    assert order == ["put /out/sub/a/tracks.jsonl", f"pipe /out/sub/a/{MARKER}"]
    assert tree.marker("sub/a") == marker
    assert what_changed(marker, "memory://in/a.mp4", RECIPE) == ""
    assert not folder.exists()
    with pytest.raises(FileExistsError, match="--overwrite"):
        tree.check_free("sub/a", overwrite=False)
    store.pipe_file("in/a.mp4", b"another")
    assert what_changed(marker, "memory://in/a.mp4", RECIPE) == "the video has changed"


class _Noting:
    """A store that notes what is written."""

    def __init__(self, store: Any, order: list[str]) -> None:
        self._store, self._order = store, order

    def put_file(self, source: str, path: str) -> None:
        self._order.append(f"put {path}")
        self._store.put_file(source, path)

    def pipe_file(self, path: str, content: bytes) -> None:
        self._order.append(f"pipe {path}")
        self._store.pipe_file(path, content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of an S3 server with the bucket `videos`."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test"),
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    store = fsspec.filesystem("s3", use_listings_cache=False)
    store.mkdir("videos")
    yield store
    server.stop()
    fsspec.filesystem("s3").clear_instance_cache()


def test_a_batch_from_bucket_to_bucket(bucket: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its records are those of single runs; the second time nothing is done, and a result without marker is."""
    make_videos(tmp_path / "in", "a.mp4", "sub/b.mp4", "sub/c.mp4")
    bucket.put(str(tmp_path / "in") + "/", "videos/in/", recursive=True)
    arguments = ("s3://videos/in", "--results", "s3://videos/out", "--out", tmp_path / "runs")
    assert batch(*arguments, workers=2) == 0
    settings = load_settings(Settings, preset_path("fast"))
    for name in ("a", "sub/b", "sub/c"):
        url = f"s3://videos/in/{name}.mp4"
        track_file(tmp_path / "in" / f"{name}.mp4", tmp_path / name, stub_stages(settings), settings, name=url)
        for file in (tmp_path / name).iterdir():
            if file.is_file():
                assert bucket.cat_file(f"videos/out/{name}/{file.name}") == file.read_bytes(), file
        marker = json.loads(bucket.cat_file(f"videos/out/{name}/{MARKER}"))
        assert sorted(marker["files"]) == sorted(file.name for file in (tmp_path / name).iterdir() if file.is_file())
    assert sorted(summary(tmp_path / "runs")) == ["a", "sub/b", "sub/c"]
    assert not list((tmp_path / "runs").rglob("*.mp4"))
    capfd.readouterr()
    bucket.rm_file(f"videos/out/a/{MARKER}")
    assert batch(*arguments) == 0
    assert "3/3 videos, 2 skipped" in capfd.readouterr().out
    assert bucket.exists(f"videos/out/a/{MARKER}")


def test_a_video_of_a_web_server(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    make_videos(tmp_path / "in", "a.mp4")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "in"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/a.mp4"
        assert batch(url, "--out", tmp_path / "runs") == 0
        server.shutdown()
    header = json.loads((tmp_path / "runs/a/tracks.jsonl").open().readline())
    assert header["source"] == url
