"""Left and right over whole tracks."""

from __future__ import annotations

import numpy as np
import pytest
from limbs.standing_people import HEIGHT, exchanged, standing

from pose_track.limbs.offline import best_sides
from pose_track.limbs.online import reorder_joints
from pose_track.structures.frames import Poses


def wrong_joints(frames: list[Poses], truth: list[Poses]) -> list[int]:
    """Number of joints of each frame that are on the wrong side after the choice."""
    joints, scores = (np.concatenate([getattr(f, name) for f in frames]) for name in ("joints", "joint_scores"))
    order = best_sides(joints, scores, np.full(len(frames), HEIGHT), frames[0].skeleton)
    chosen = [reorder_joints(frame, row[None]) for frame, row in zip(frames, order, strict=True)]
    return [int((a.joints != b.joints).any(axis=-1).sum()) for a, b in zip(chosen, truth, strict=True)]


@pytest.mark.parametrize("parts", [(), ("wrist",), ("knee", "ankle"), ("shoulder", "elbow")], ids=str)
@pytest.mark.parametrize("places", [[5], [0, 1, 2], [7, 8, 9, 10, 18]], ids=str)
def test_exchanges_are_undone_also_at_the_beginning(parts: tuple[str, ...], places: list[int]) -> None:
    truth = [standing(x=50 + index) for index in range(20)]
    given = [exchanged(pose, *parts) if index in places else pose for index, pose in enumerate(truth)]
    assert wrong_joints(given, truth) == [0] * 20


@pytest.mark.parametrize("num_frames", [8, 13, 25, 60])
def test_real_turns_are_followed(num_frames: int) -> None:
    """In one frame at most, the one at the profile, joints that lie there together are exchanged."""
    turn = [standing(turn=np.pi * index / num_frames) for index in range(num_frames + 5)]
    wrong = wrong_joints(turn, turn)
    assert np.count_nonzero(wrong) <= 1
    assert not any(wrong[: num_frames // 2] + wrong[num_frames // 2 + 2 :])


def test_a_single_frame() -> None:
    assert wrong_joints([standing()], [standing()]) == [0]
