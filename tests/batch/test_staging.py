"""Copies of remote videos: made once and ahead, within a limit, and gone afterwards, whatever is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from batch_runs import STUBS, batch, failures, make_videos, summary
from stub_stages import one_person, stub_stages

from pose_track.batch.driver import Batch, Video
from pose_track.batch.plan import plan_videos
from pose_track.batch.recipe import Recipe
from pose_track.batch.results import Figures
from pose_track.batch.staging import Staging
from pose_track.batch.task import Outcome, Report, Task
from pose_track.batch.track_handler import TrackHandler, TrackTask, Upcoming, open_staging
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import Settings
from pose_track.pipeline.stages import Stages
from pose_track.structures.frames import Detections, Frame

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")

RECIPE = Recipe({}, {})

SIZE = 1000
"""Bytes of each video of the store, unless it says otherwise."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder, whose files are given as file://, so that other processes have the same store."""
    folder = tmp_path / "store"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(name.encode() * SIZE)
    return folder


def url(store: Path, name: str) -> str:
    return f"file://{store / name}.mp4"


def copies(folder: Path) -> list[str]:
    """The names of the videos that have a copy."""
    return sorted(path.name.partition("-")[2] for path in folder.glob("*/*.mp4"))


def wait_until(condition: Callable[[], bool], limit_seconds: float = 20) -> None:
    end = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def stage_ahead(staging: Staging, store: Path, name: str) -> None:
    """Copy a video ahead, to the end."""
    with staging.ahead(name, url(store, name)):
        staging._ahead.join(10)
        assert not staging._ahead.is_alive()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_copy_is_gone_after_its_use(error: type[BaseException], store: Path, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staged")

    def use() -> None:
        with staging.staged("a", url(store, "a")) as path:
            assert (path.read_bytes(), path.name.endswith("-a.mp4")) == (b"a" * SIZE, True)
            raise error

    with pytest.raises(error):
        use()
    assert list((tmp_path / "staged").iterdir()) == []


def test_a_copy_that_was_made_ahead_is_used(store: Path, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staged")
    stage_ahead(staging, store, "a")
    (copy,) = (tmp_path / "staged").glob("*/*.mp4")
    copy.write_bytes(b"ahead")
    with Staging(tmp_path / "staged").staged("a", url(store, "a")) as path:
        assert path.read_bytes() == b"ahead"
    assert list((tmp_path / "staged").iterdir()) == []


def test_a_video_that_has_changed_is_copied_again(store: Path, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staged")
    stage_ahead(staging, store, "a")
    (store / "a.mp4").write_bytes(b"another")
    with staging.staged("a", url(store, "a")) as path:
        assert path.read_bytes() == b"another"
        assert copies(tmp_path / "staged") == ["a.mp4"]


KILLED = """
import os, signal, sys
from pathlib import Path
from fsspec.implementations.local import LocalFileSystem
from pose_track.batch.recipe import Recipe
from pose_track.batch.results import Figures
from pose_track.batch.staging import Staging

def half(self, source, target, **options):
    Path(target).write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3] == "copy":
    LocalFileSystem.get_file = half
with Staging(Path(sys.argv[1])).staged("a", sys.argv[2]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("moment", ["copy", "use"])
def test_what_a_killed_process_leaves(moment: str, store: Path, tmp_path: Path) -> None:
    """Another attempt, or the end of the batch, removes it; the place that it had is free for others."""
    folder = tmp_path / "staged"

    def kill() -> None:
        done = subprocess.run([sys.executable, "-c", KILLED, str(folder), url(store, "a"), moment], timeout=60)
        assert done.returncode == -9
        assert list(folder.glob("*/*"))

    kill()
    with Staging(folder).staged("a", url(store, "a")) as path:
        assert path.read_bytes() == b"a" * SIZE
    assert list(folder.iterdir()) == []
    kill()
    with Staging(folder, SIZE).staged("b", url(store, "b")):
        assert copies(folder) == ["b.mp4"]
    kill()
    Staging(folder).clean()
    assert not folder.exists()


def test_a_video_that_is_larger_than_the_limit(store: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"a\.mp4' has 9\.31e-07 GiB, and copies may have 4\.66e-07; .*--staging-limit"
    ):
        Staging(tmp_path / "staged", SIZE // 2).staged("a", url(store, "a")).__enter__()
    assert list((tmp_path / "staged").iterdir()) == []


def test_a_worker_waits_while_the_limit_is_reached(store: Path, tmp_path: Path) -> None:
    first, second = (Staging(tmp_path / "staged", 2 * SIZE - 1) for _ in range(2))
    seen: list[list[str]] = []

    def use() -> None:
        with second.staged("b", url(store, "b")):
            seen.append(copies(tmp_path / "staged"))

    with first.staged("a", url(store, "a")):
        thread = threading.Thread(target=use)
        thread.start()
        wait_until(lambda: second.is_waiting)
        assert copies(tmp_path / "staged") == ["a.mp4"]
    thread.join(20)
    assert seen == [["b.mp4"]]
    assert not second.is_waiting


def test_what_is_tracked_now_comes_before_what_is_copied_ahead(store: Path, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staged", 2 * SIZE)
    with staging.staged("a", url(store, "a")):
        stage_ahead(staging, store, "b")
        with Staging(tmp_path / "staged", 2 * SIZE).staged("c", url(store, "c")):
            assert copies(tmp_path / "staged") == ["a.mp4", "c.mp4"]
            with staging.ahead("b", url(store, "b")):
                pass  # there is no room, and it ends with the tracking
            staging._ahead.join(10)
            assert not staging._ahead.is_alive()
            assert copies(tmp_path / "staged") == ["a.mp4", "c.mp4"]


def test_copies_ahead_leave_each_other_alone(store: Path, tmp_path: Path) -> None:
    first, second = (Staging(tmp_path / "staged", SIZE) for _ in range(2))
    stage_ahead(first, store, "a")
    with second.ahead("b", url(store, "b")):
        pass
    second._ahead.join(10)
    assert copies(tmp_path / "staged") == ["a.mp4"]


def test_there_is_one_copy_ahead_at_a_time(store: Path, tmp_path: Path) -> None:
    """While one waits for room, there is no other, though it had room."""
    (store / "b.mp4").write_bytes(b"b")
    staging, other = (Staging(tmp_path / "staged", SIZE + 1) for _ in range(2))
    with other.staged("c", url(store, "c")):
        with staging.ahead("a", url(store, "a")), staging.ahead("b", url(store, "b")):
            pass
        staging._ahead.join(10)
        assert copies(tmp_path / "staged") == ["c.mp4"]


def test_copies_in_use_are_not_cleaned_away(store: Path, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staged")
    stage_ahead(staging, store, "b")
    with staging.staged("a", url(store, "a")) as path:
        Staging(tmp_path / "staged").clean()
        assert copies(tmp_path / "staged") == ["a.mp4"]
        assert path.exists()


def settings_of(own: object = None) -> Settings:
    return load_settings(Settings, preset_path("fast"))


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of a store of this process alone."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield "memory://in"
    store.store.clear()


def test_the_next_video_is_copied_while_one_is_tracked(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_videos(tmp_path / "in", "a.mp4", "b.mp4")
    fsspec.filesystem("memory").put(f"{tmp_path / 'in'}/", "/in/", recursive=True)
    first, second = plan_videos([memory], tmp_path / "out", settings_of, STUBS)
    staged = tmp_path / "out/.batch/staged"

    def detect(frame: Frame) -> Detections:
        """Tracking does not end before the other video is there."""
        wait_until(lambda: len(copies(staged)) == expected)
        return one_person(frame)

    def build(self: TrackHandler, settings: Settings) -> Stages:
        return stub_stages(settings, detect)

    monkeypatch.setattr(TrackHandler, "_build", build)
    handler = TrackHandler(tmp_path / "out", STUBS)
    expected = 2
    work = TrackTask(first.source, first.recipe, upcoming=Upcoming(second.name, second.source))
    assert handler.run(Task(first.name, msgspec.to_builtins(work)))["frames"] == 6
    assert copies(staged) == ["b.mp4"]
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", None)  # it is not copied again
    expected = 1
    assert handler.run(Task(second.name, msgspec.to_builtins(TrackTask(second.source, second.recipe))))["frames"] == 7
    open_staging(tmp_path / "out").clean()
    assert not staged.exists()


class Listing:
    """An executor of some workers that do nothing, and notes its tasks. held: a video that another batch has in its
    hands at first."""

    def __init__(self, workers: int, held: str = "") -> None:
        self._workers, self._held, self._tasks, self.done = workers, held, list[Task](), list[TrackTask]()

    def room(self) -> int:
        return self._workers - len(self._tasks)

    def submit(self, task: Task) -> None:
        assert self.room() > 0
        self._tasks.append(task)
        self.done.append(msgspec.convert(task.arguments, TrackTask))

    def poll(self, timeout_seconds: float) -> list[Report]:
        """The first task has ended."""
        if not self._tasks:
            return []
        names = [task.name for task in self._tasks]
        name = self._tasks.pop(names.index(self._held) if self._held in names else 0).name
        if name == self._held:
            self._held = ""
            return [Report("1", name, outcome=Outcome("busy"))]
        return [Report("1", name, outcome=Outcome("done", result=asdict(Figures(1, 1, 1, 0, 1.0, 1.0))))]

    def stop(self) -> None:
        pass


def listed(videos: list[Video], out: Path, workers: int = 1, held: str = "") -> Listing:
    executor = Listing(workers, held)
    Batch(videos, out, executor, ()).run()
    return executor


def test_each_worker_is_told_of_another_video(tmp_path: Path) -> None:
    """Not of one that begins at once, nor of one that has a result."""
    videos = [Video(name, f"memory://in/{name}.mp4", RECIPE) for name in "abcdef"]
    done = listed(videos, tmp_path, workers=2).done
    assert [work.source[-5] for work in done] == list("abcdef")
    assert [work.upcoming and work.upcoming.name for work in done] == ["c", "d", "e", "f", None, None]
    (tmp_path / "d").mkdir()
    (tmp_path / "d/_DONE.json").write_text("{}")
    done = listed(videos, tmp_path, workers=2).done
    assert [work.upcoming and work.upcoming.name for work in done] == ["c", "e", "f", None, None]


def test_a_video_that_could_not_be_copied_ahead_is_named_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose_track.batch.driver._BUSY_SECONDS", 0.01)
    videos = [Video(name, f"memory://in/{name}.mp4", RECIPE) for name in "abcdefgh"]
    done = listed(videos, tmp_path, workers=3, held="b").done
    told = [(work.source[-5], work.upcoming and work.upcoming.name) for work in done]
    assert told[:5] == [("a", "d"), ("b", "e"), ("c", "f"), ("d", "e"), ("e", "g")]


def test_the_largest_videos_come_first(tmp_path: Path) -> None:
    """Those of equal size in their order; files of this machine are not copied."""
    videos = [Video(str(number), f"{number}.mp4", RECIPE, weight) for number, weight in enumerate([1, 5, 1, 7, 5])]
    done = listed(videos, tmp_path).done
    assert [work.source for work in done] == ["3.mp4", "1.mp4", "4.mp4", "0.mp4", "2.mp4"]
    assert {work.upcoming for work in done} == {None}


def test_a_batch_within_a_limit(tmp_path: Path) -> None:
    """Two workers with room for one copy; a video without room fails alone, and nothing is left."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    make_videos(tmp_path / "in", "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    most = max(path.stat().st_size for path in (tmp_path / "in").iterdir())
    with (tmp_path / "in/large.mp4").open("wb") as file:
        file.truncate(most + 2)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "in"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_address[1]}"
        urls = [f"{root}/{name}.mp4" for name in ("a", "b", "large", "c", "d")]
        limit = ("--staging-limit", (most + 1) / 2**30)
        assert batch(*urls, "--out", tmp_path / "runs", *limit, workers=2) == EXIT_ERROR
        server.shutdown()
    assert {name for name, row in summary(tmp_path / "runs").items() if row["status"] == "done"} == set("abcd")
    (failure,) = failures(tmp_path / "runs").values()
    assert (failure["video"], failure["attempts"]) == ("large", 1)
    assert "--staging-limit" in failure["reason"]
    assert not (tmp_path / "runs/.batch/staged").exists()
