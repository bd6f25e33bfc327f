"""Frame times, the rows of a track, and dropping short tracks."""

import pytest
from postprocessing.synthetic_tracks import broken_tracks, seconds, sequence_of, track_ids, walker

from pose_track.postprocessing.tracks import drop_short_tracks, frame_times, track_rows
from pose_track.structures.sequence import FrameInfo


def test_a_repeated_id_in_a_frame_is_an_error():
    with pytest.raises(ValueError, match=r"synthetic: frame 3 .* id 1 twice"):
        track_rows(sequence_of(9, walker(range(5)), walker([3], (90, 0))))


def test_frame_times():
    frames = [FrameInfo(3, pts_seconds=0.0), FrameInfo(4, pts_seconds=0.5)]
    assert frame_times(frames, 10).tolist() == [0.0, 0.5]
    assert frame_times(frames[::-1], 10).tolist() == [0.4, 0.3]  # times that do not increase are ignored
    assert frame_times([frames[0], FrameInfo(6)], 10).tolist() == pytest.approx([0.3, 0.6])
    assert frame_times([], 10).tolist() == []


@pytest.mark.parametrize(
    ("min_seconds", "expected"), [(0, [1, 2, 3]), (0.039, [1, 2, 3]), (0.05, [1, 2]), (0.6, [1]), (9, [])]
)
def test_short_tracks_are_dropped(min_seconds, expected):
    sequence = broken_tracks()
    assert track_ids(drop_short_tracks(sequence, seconds(sequence), min_seconds)) == expected
