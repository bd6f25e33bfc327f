"""All steps together."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from postprocessing.synthetic_tracks import seconds, sequence_of, track_ids, walker

from pose_track.postprocessing.filters import butterworth
from pose_track.postprocessing.interpolate import InterpolateLimits
from pose_track.postprocessing.postprocess import postprocess
from pose_track.postprocessing.stitch import StitchLimits

STITCH, INTERPOLATE = StitchLimits(1.0, 0.15, 0.1), InterpolateLimits(0.5, 0.7)

# (first frame, length, shift, frame step) of each track
pieces = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30), st.integers(0, 3), st.integers(1, 2)), max_size=4)


@given(pieces, st.sampled_from([0.0, 0.3]))
@settings(derandomize=True, deadline=None, max_examples=12)
def test_no_pose_is_lost_and_ids_stay_unique(pieces, min_seconds):
    walkers = [
        walker(range(first, min(first + length, 60), step), (15 * shift, 0), track_id=track_id)
        for track_id, (first, length, shift, step) in enumerate(pieces, start=1)
    ]
    sequence = sequence_of(60, *walkers)
    result, summary = postprocess(
        sequence, seconds(sequence), STITCH, INTERPOLATE, min_seconds, lambda path, t: butterworth(path, t, 5.0)
    )
    keys = list(zip(result.frame_indices.tolist(), result.people.track_ids.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    assert summary.tracks_before - summary.stitched - summary.dropped == summary.tracks_after == len(track_ids(result))
    is_original = np.array([extra["source"] == "detector" for extra in result.people.extra], bool)
    assert (~is_original).sum() == summary.interpolated
    if min_seconds == 0:
        assert result.frame_indices[is_original].tolist() == sequence.frame_indices.tolist()
        assert np.allclose(result.people.boxes[is_original], sequence.people.boxes)
