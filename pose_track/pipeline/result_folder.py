"""The folder of one video's results: which files it holds, of which run, and who may write into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

from pose_track.formats.tracks_jsonl import is_complete
from pose_track.pipeline.errors import explain_write_errors
from pose_track.pipeline.run_state import STATE_FILE
from pose_track.utils.folder_lock import is_locked, lock_owner, locked_folder

TRACKS_FILE, POSETRACK18_FILE, POSETRACK17_FILE, ANNOTATED_FILE = OUTPUT_FILES = (
    "tracks.jsonl",
    "tracks.posetrack18.json",
    "tracks.posetrack17.json",
    "annotated.mp4",
)


def check_output_folder(folder: Path, overwrite: bool, resume: bool = False) -> None:
    """Raises FileExistsError where the folder holds results that may not be replaced or continued; BlockingIOError
    where another run is writing into it.

    overwrite: whether results may be replaced; resume: whether those of an interrupted run may be continued.
    """
    if is_locked(folder):
        raise BlockingIOError(
            f"{lock_owner(folder)} is writing into {str(folder)!r}; wait for it, or give another --out"
        )
    check_results(folder, overwrite, resume)


def check_results(folder: Path, overwrite: bool, resume: bool) -> None:
    """As `check_output_folder`, for the process that has locked the folder."""
    existing = [folder / name for name in OUTPUT_FILES if (folder / name).exists()]
    if not existing or overwrite:
        return
    if is_finished(folder):
        run, remedy = "is finished", ""
    elif (folder / STATE_FILE).exists():
        if resume:
            return
        run, remedy = "was interrupted", "--resume to go on with it, "
    else:
        if resume and _has_header_only(folder / TRACKS_FILE):
            return
        run, remedy = "was interrupted and left no state to go on from", ""
    raise FileExistsError(
        f"{str(existing[0])!r} already exists, of a run that {run}; give {remedy}--overwrite to replace its results, "
        "or another --out"
    )


def is_finished(folder: Path) -> bool:
    """Whether the folder holds all results of a run. The state of a run is removed last."""
    try:
        return is_complete(folder / TRACKS_FILE) and not (folder / STATE_FILE).exists()
    except (OSError, ValueError):  # no tracks file, or one that was killed before its header
        return False


def _has_header_only(tracks: Path) -> bool:
    """Whether a run was killed before its first record."""
    if not tracks.exists():
        return False
    with tracks.open("rb") as file:
        return len(list(islice(file, 2))) < 2


def clear(folder: Path, keep_records: bool) -> None:
    """Create the folder, and remove the results of an older run and what a killed one left."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = (TRACKS_FILE, STATE_FILE) if keep_records else ()
    for name in (STATE_FILE, *OUTPUT_FILES, f"{ANNOTATED_FILE}.partial"):
        if name not in kept:
            (folder / name).unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """`locked_folder`, with errors that name the remedy."""
    with ExitStack() as stack:
        with explain_write_errors(folder):
            stack.enter_context(locked_folder(folder))
        yield
