"""Left and right over time, frame by frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from limbs.standing_people import chosen_sides, exchanged, is_right, standing

from pose_track.limbs.online import SideFilter
from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, HALPE_26, LSP_14, POSETRACK_15, Skeleton

PARTS = [(), ("wrist",), ("elbow", "wrist"), ("ankle",), ("knee", "ankle"), ("hip", "knee", "ankle"), ("shoulder",)]


def walk(num: int) -> list[Poses]:
    """Steps of a hundredth of the body height to the right, with a little jitter."""
    rng = np.random.default_rng(0)
    frames = [standing(x=50 + 1.0 * index) for index in range(num)]
    return [replace(f, joints=f.joints + rng.normal(size=f.joints.shape).astype(np.float32) * 0.3) for f in frames]


class TestExchangesOfTheNetwork:
    @pytest.mark.parametrize("skeleton", [POSETRACK_15, COCO_17, LSP_14], ids=str)
    def test_nothing_changes_without_one(self, skeleton: Skeleton) -> None:
        frames = [standing(x=50 + index, skeleton=skeleton) for index in range(5)]
        assert all(is_right(a, b).all() for a, b in zip(chosen_sides(frames), frames, strict=True))

    @pytest.mark.parametrize("parts", PARTS, ids=lambda parts: "+".join(parts) or "all")
    @pytest.mark.parametrize("places", [[5], [5, 6, 7], [3, 5, 9, 12]], ids=str)
    def test_those_of_some_frames_are_undone(self, parts: tuple[str, ...], places: list[int]) -> None:
        truth = walk(20)
        given = [exchanged(pose, *parts) if index in places else pose for index, pose in enumerate(truth)]
        assert all(is_right(a, b).all() for a, b in zip(chosen_sides(given, truth), truth, strict=True))

    @pytest.mark.parametrize(
        ("skeleton", "joint", "detail"), [(HALPE_26, "ankle", "big_toe"), (COCO_WHOLEBODY_133, "wrist", "ring_finger3")]
    )
    def test_detail_follows_its_limb(self, skeleton: Skeleton, joint: str, detail: str) -> None:
        """Whatever the network says of the detail alone, which decides nothing."""
        truth = [standing(x=50 + index, skeleton=skeleton) for index in range(10)]
        parts = [part for part in set(skeleton.joint_types) if part == joint or part.startswith(detail)]
        limb = [skeleton.index(f"{side}_{part}") for side in ("left", "right") for part in parts]
        for places, given_parts in (([5], parts), ([5], [detail])):
            given = [exchanged(pose, *given_parts) if n in places else pose for n, pose in enumerate(truth)]
            chosen = chosen_sides(given, truth)
            right = [is_right(a, b)[limb].all() for a, b in zip(chosen, truth, strict=True)]
            assert right == [n != 5 or given_parts == parts for n in range(10)]

    def test_scores_and_features_go_with_their_joints(self) -> None:
        truth = [
            replace(
                pose,
                features=np.arange(15, dtype=np.float32).reshape(1, 15, 1),
                joint_scores=np.linspace(0.5, 0.9, 15)[None],
            )  # type: ignore[arg-type]
            for pose in walk(6)
        ]
        chosen = chosen_sides([*truth[:5], exchanged(truth[5])])[-1]
        assert chosen.features is not None
        np.testing.assert_array_equal(chosen.features, truth[5].features)
        np.testing.assert_array_equal(chosen.joint_scores, truth[5].joint_scores)

    def test_wrong_first_sides_are_corrected_in_time(self) -> None:
        truth = walk(30)
        chosen = chosen_sides([exchanged(pose) if index < 3 else pose for index, pose in enumerate(truth)])
        right = [is_right(a, b).all() for a, b in zip(chosen, truth, strict=True)]
        assert not right[0]
        assert right[10:] == [True] * 20
        assert np.diff(np.array(right, int)).tolist().count(1) == 1  # once


class TestTurns:
    @pytest.mark.parametrize("num_frames", [8, 25, 60])
    def test_a_real_turn_is_followed(self, num_frames: int) -> None:
        frames = [standing(turn=np.pi * index / num_frames) for index in range(num_frames + 5)]
        assert all(is_right(a, b).all() for a, b in zip(chosen_sides(frames, frames), frames, strict=True))

    @pytest.mark.parametrize("num_frames", [8, 13, 25, 60])
    def test_without_a_flow_it_is_followed_soon(self, num_frames: int) -> None:
        """Across the profile, the left arm may come to lie where the right one was."""
        frames = [standing(turn=np.pi * index / num_frames) for index in range(num_frames // 2 + 12)]
        wrong = [not is_right(a, b).all() for a, b in zip(chosen_sides(frames), frames, strict=True)]
        assert sum(wrong) <= 6
        assert not any(wrong[num_frames // 2 + 8 :])

    def test_exchanges_amid_a_turn_are_undone(self) -> None:
        truth = [standing(turn=np.pi * index / 40) for index in range(45)]
        given = [exchanged(pose) if index in (8, 32, 33) else pose for index, pose in enumerate(truth)]
        assert all(is_right(a, b).all() for a, b in zip(chosen_sides(given, truth), truth, strict=True))


class TestBeliefs:
    def test_people_do_not_depend_on_each_other(self) -> None:
        sides = SideFilter(POSETRACK_15)
        one, other = standing(), exchanged(standing(x=90), "wrist")
        both = Poses(
            *(
                np.concatenate([getattr(one, name), getattr(other, name)])
                for name in ("joints", "joint_scores", "boxes", "scores")
            ),
            skeleton=POSETRACK_15,
        )  # type: ignore[misc]
        together, beliefs = sides.choose(both, both.joints, both.joint_scores, sides.unknown(2))
        for index, person in enumerate((one, other)):
            alone, belief = sides.choose(person, person.joints, person.joint_scores, sides.unknown(1))
            np.testing.assert_array_equal(together.joints[index], alone.joints[0])
            np.testing.assert_allclose(beliefs[index], belief[0], rtol=1e-5)

    def test_they_are_probabilities(self) -> None:
        sides = SideFilter(COCO_17)  # two groups of pairs
        person = standing(skeleton=COCO_17)
        _, beliefs = sides.choose(person, person.joints, person.joint_scores, sides.unknown(1))
        np.testing.assert_allclose([beliefs[0, :4].sum(), beliefs[0, 4:].sum()], 1, rtol=1e-5)
        assert beliefs[0, 4] == beliefs[0, 4:].max()  # no exchange

    def test_joints_that_are_not_seen_decide_nothing(self) -> None:
        unseen = replace(standing(), joint_scores=np.zeros((1, 15), np.float32))
        chosen = chosen_sides([standing(), exchanged(unseen), standing()])
        assert is_right(chosen[2], standing()).all()

    def test_skeletons_without_sides_and_frames_without_people(self) -> None:
        worm = Skeleton("worm", ("head", "middle", "tail"))
        sides, nobody = SideFilter(worm), Poses.empty(worm)
        assert sides.choose(nobody, nobody.joints, nobody.joint_scores, sides.unknown(0))[0] is nobody
        pose = Poses(np.ones((1, 3, 2)), np.ones((1, 3)), np.ones((1, 4)), np.ones(1), worm)  # type: ignore[arg-type]
        np.testing.assert_array_equal(sides.choose(pose, pose.joints, pose.joint_scores, sides.unknown(1))[0].joints, 1)
