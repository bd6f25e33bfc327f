"""An order of people by what they are, not by their places or names in a file, so that no tie hangs on either."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.evaluation.crowd import Crowd


def in_canonical_order(crowd: Crowd) -> Crowd:
    """The same people with tracks renumbered by their contents, those of each frame in order of their track.

    Whatever their order and ids, the same people come out as the same arrays: tracks are told apart by all that is
    known of their people, and where two are alike in that, either may stand for the other.
    """
    if not len(crowd):
        return crowd
    people = [crowd.frame, crowd.head_sizes, crowd.scores, crowd.joints.reshape(len(crowd), -1), crowd.joint_scores]
    content = np.column_stack(people) + 0.0  # no -0.0, and one NaN for all: equal values have equal bytes
    content[np.isnan(content)] = np.nan
    by_track = np.argsort(crowd.track, kind="stable")
    tracks, starts = np.unique(crowd.track[by_track], return_index=True)
    memory, size = content[by_track].tobytes(), content.shape[1] * content.itemsize
    ends = np.append(starts[1:], len(crowd))
    told = [memory[a * size : b * size] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    rank = np.zeros(int(tracks.max(initial=-1)) + 1, np.int64)
    rank[tracks[sorted(range(len(told)), key=told.__getitem__)]] = np.arange(len(told))
    order = np.lexsort((rank[crowd.track], crowd.frame))
    return replace(crowd[order], track=rank[crowd.track][order])
