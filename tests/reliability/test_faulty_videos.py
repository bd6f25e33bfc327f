"""Videos of fifteen kinds, cut and flipped by the hundred: no hang, no foreign error, no frame lost, nothing silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import pytest
from command_line import run_command
from faulty_files import (
    FORMATS,
    NUM_FRAMES,
    Format,
    Tally,
    cuts,
    flips,
    num_decoded_by_ffmpeg,
    read,
    within_limit,
    write_source,
)
from stub_stages import stub_stages

import pose_track.build.stages
from pose_track.formats.tracks_jsonl import read_tracks

MAX_MISSING_SHARE = 0.01
NUM_TRACKED_FLIPS = 3
MAX_SILENT = {"cuts": 0, "flips": 1}  # of a video; a wrong length or time may hide a frame

pytestmark = pytest.mark.slow
formats = pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)


@formats
def test_the_whole_video_has_no_fault(tmp_path: Path, format: Format) -> None:
    reading = read(write_source(format, tmp_path))
    assert (len(reading.frames), reading.num_faults, reading.error) == (NUM_FRAMES, 0, "")


@formats
@pytest.mark.parametrize("copies", [cuts, flips])
def test_no_frame_is_lost_and_no_cut_is_silent(
    tmp_path: Path, format: Format, copies: Callable[[Path], Iterator[Path]]
) -> None:
    tally = Tally()
    for copy in copies(write_source(format, tmp_path)):
        tally.add(read(copy), num_decoded_by_ffmpeg(copy))
    print(f"\n| {format.name} | {copies.__name__} | {tally.row()} |")
    assert tally.num_missing <= MAX_MISSING_SHARE * tally.num_decodable
    assert not format.has_length or tally.num_silent <= MAX_SILENT[copies.__name__]


@formats
def test_faulty_copies_are_tracked_to_their_end(
    tmp_path: Path, format: Format, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings, profile: stub_stages(settings))
    monkeypatch.chdir(tmp_path)
    source = write_source(format, tmp_path)
    for number, copy in enumerate(chain(islice(cuts(source), 4, None, 9), flips(source, NUM_TRACKED_FLIPS))):
        reading = read(copy)
        assert track(copy, f"out{number}") == (2 if reading.error else 0)
        errors = capsys.readouterr().err
        assert "Traceback" not in errors
        assert not reading.error or copy.name in errors.splitlines()[-1]
        tracks = tmp_path / f"out{number}" / copy.stem / "tracks.jsonl"
        assert tracks.exists() == bool(reading.frames)
        if reading.frames:
            assert len(list(read_tracks(tracks)[1])) == len(reading.frames)
            assert tracks.read_text().count('"type":"fault"') == reading.num_faults


def track(video: Path, out: str) -> int:
    return within_limit(lambda: run_command("track", video, "--no-render", "--out", out), video.name)
