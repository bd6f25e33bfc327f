"""The working folders of a batch."""

from __future__ import annotations

from pathlib import Path

from pose_track.batch.results import control_folder
from pose_track.batch.track_handler import WORK, remove_leftovers
from pose_track.utils.folder_lock import LOCK_FILES, locked_folder


def test_leftovers_of_killed_workers(tmp_path: Path) -> None:
    """What an interrupted attempt has written stays, and so does what is in use."""
    work = control_folder(tmp_path) / WORK
    for name in ("nothing", "begun", "used"):
        (work / name).mkdir(parents=True)
        (work / name / LOCK_FILES[0]).touch()
    (work / "begun" / "results").mkdir()
    with locked_folder(work / "used"):
        remove_leftovers(tmp_path)
        assert {path.name for path in work.iterdir()} == {"begun", "used"}
    remove_leftovers(tmp_path)
    assert [path.name for path in work.iterdir()] == ["begun"]
    (work / "begun" / "results").rmdir()
    remove_leftovers(tmp_path)
    assert not work.exists()
    remove_leftovers(tmp_path)
