"""Joint orders, flip pairs, sigmas and edges, written out as the data sets define them."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from pose_track.structures.skeleton import (
    COCO_17,
    COCO_WHOLEBODY_133,
    DEFAULT_SIGMA,
    HALPE_26,
    LSP_14,
    MPII_16,
    POSETRACK18_17,
    POSETRACK_15,
    SKELETONS,
    Skeleton,
    SkeletonName,
)

ORDERS = {
    "coco_17": "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
    "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle",
    "posetrack_15": "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow "
    "right_shoulder left_shoulder left_elbow left_wrist head_bottom nose head_top",
    "posetrack18_17": "nose head_bottom head_top left_ear right_ear left_shoulder right_shoulder left_elbow "
    "right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle",
    "mpii_16": "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax head_bottom head_top "
    "right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist",
    "lsp_14": "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow "
    "right_shoulder left_shoulder left_elbow left_wrist head_bottom head_top",
}
FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
HAND = ["hand_root", *(f"{finger}{k}" for finger in FINGERS for k in range(1, 5))]
ORDERS["halpe_26"] = (
    ORDERS["coco_17"] + " head_top head_bottom pelvis left_big_toe right_big_toe left_small_toe right_small_toe "
    "left_heel right_heel"
)
ORDERS["coco_wholebody_133"] = " ".join([
    ORDERS["coco_17"],
    "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel",
    *(f"face_{k}" for k in range(68)),
    *(f"{side}_{joint}" for side in ("left", "right") for joint in HAND),
])  # fmt: skip

FLIP_PAIRS = {
    "coco_17": [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)],
    "posetrack_15": [(0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)],
    "posetrack18_17": [(3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)],  # not (1, 2): neck and head top
    "mpii_16": [(0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)],
    "lsp_14": [(0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)],
}
FLIP_PAIRS["halpe_26"] = [*FLIP_PAIRS["coco_17"], (20, 21), (22, 23), (24, 25)]
# the face as in MMPose's configs/_base_/datasets/coco_wholebody.py; the rest of the face is in its middle
FACE_PAIRS = [
    *((k, 16 - k) for k in range(8)), *((k, 43 - k) for k in range(17, 22)), (31, 35), (32, 34),
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
    (48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67),
]  # fmt: skip
FLIP_PAIRS["coco_wholebody_133"] = [
    *FLIP_PAIRS["coco_17"],
    *((17 + k, 20 + k) for k in range(3)),
    *((23 + a, 23 + b) for a, b in FACE_PAIRS),
    *((91 + k, 112 + k) for k in range(21)),
]

COCO_LIMBS = [.079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089]  # fmt: skip
POSETRACK_LIMBS = [.089, .087, .107, .107, .087, .089, .062, .072, .079, .079, .072, .062]  # fmt: skip
SIGMAS = {
    "coco_17": [.026, .025, .025, .035, .035, *COCO_LIMBS],
    "posetrack_15": [*POSETRACK_LIMBS, .08, .026, .06],
    "posetrack18_17": [.026, .08, .06, .035, .035, *COCO_LIMBS],
    "mpii_16": [*POSETRACK_LIMBS[:6], .107, .079, .08, .06, *POSETRACK_LIMBS[6:]],
    "lsp_14": [*POSETRACK_LIMBS, .08, .06],
}  # fmt: skip
SIGMAS["halpe_26"] = [*SIGMAS["coco_17"], .026, .026, .066, *[.079] * 6]  # fmt: skip
FEET_AND_JAW = [.068, .066, .066, .092, .094, .094, .042, .043, .044, .043]  # fmt: skip


def test_every_skeleton_is_tested() -> None:
    assert ORDERS.keys() == FLIP_PAIRS.keys() == SKELETONS.keys() == SIGMAS.keys() | {"coco_wholebody_133"}
    skeletons = COCO_17, POSETRACK_15, POSETRACK18_17, MPII_16, LSP_14, HALPE_26, COCO_WHOLEBODY_133
    assert {s.name: s for s in skeletons} == SKELETONS
    assert set(get_args(SkeletonName)) == set(SKELETONS)


@pytest.mark.parametrize("name", ORDERS)
def test_order_flip_pairs_and_sigmas(name: str) -> None:
    skeleton = SKELETONS[name]
    assert list(skeleton.joint_names) == ORDERS[name].split()
    flipped = list(range(skeleton.num_joints))
    for a, b in FLIP_PAIRS[name]:
        flipped[a], flipped[b] = b, a
    assert skeleton.flip_indices.tolist() == flipped
    if name in SIGMAS:
        np.testing.assert_allclose(skeleton.sigmas, SIGMAS[name])


def test_sigmas_of_the_whole_body() -> None:
    """The sum of the published values guards all of them."""
    sigmas = COCO_WHOLEBODY_133.sigmas.tolist()
    assert sigmas[:27] == [*SIGMAS["coco_17"], *FEET_AND_JAW]
    assert sigmas[91:112] == sigmas[112:]
    assert sum(sigmas) == pytest.approx(3.861)
    assert (sigmas[23 + 47], sigmas[91 + 4], sigmas[132]) == (0.034, 0.047, 0.031)


def test_detail_is_what_is_finer_than_a_body() -> None:
    assert HALPE_26.body_joints.tolist() == list(range(20))
    assert COCO_WHOLEBODY_133.body_joints.tolist() == list(range(17))
    assert COCO_WHOLEBODY_133.body_twins == COCO_17.twins
    assert COCO_17.body_joints.tolist() == list(range(17))
    with pytest.raises(ValueError, match=r"no joint 'mane'"):
        Skeleton("horse", HORSE, detail=("mane",))
    with pytest.raises(ValueError, match=r"all joints of horse are detail"):
        Skeleton("horse", HORSE, detail=HORSE)


@pytest.mark.parametrize("name", ORDERS)
def test_edges_connect_every_joint_once(name: str) -> None:
    """A drawn person is connected and no line is drawn twice. PoseTrack18's ears are never annotated."""
    skeleton = SKELETONS[name]
    assert len(set(map(frozenset, skeleton.edges))) == len(skeleton.edges)
    connected = {skeleton.index("left_hip")}
    for _ in range(skeleton.num_joints):
        connected |= {joint for edge in skeleton.edges if connected & set(edge) for joint in edge}
    all_joints = set(range(skeleton.num_joints))
    unconnected = {"coco_17": {0, 1, 2, 3, 4}, "posetrack18_17": {3, 4}}  # COCO has no neck: its head is separate
    unconnected["coco_wholebody_133"] = {0, 1, 2, 3, 4, *range(23, 91)}  # nor has the face a line to the head
    assert connected == all_joints - unconnected.get(name, set())


def test_an_unknown_joint_lists_the_joints() -> None:
    with pytest.raises(ValueError, match=r"lsp_14.*'nose'.*right_ankle"):
        LSP_14.index("nose")
    assert Skeleton("two", ("left_eye", "right_eye")).index("right_eye") == 1


HORSE = ("nose", "left_ear", "right_ear", "L_hoof", "R_hoof", "tail")


def test_a_skeleton_of_ones_own_has_defaults() -> None:
    horse = Skeleton("horse", HORSE)
    assert horse.twins == ((1, 2), (3, 4))
    assert horse.flip_indices.tolist() == [0, 2, 1, 4, 3, 5]
    assert horse.joint_types == ("nose", "ear", "ear", "hoof", "hoof", "tail")
    assert horse.sigmas.tolist() == [0.026, 0.035, 0.035, DEFAULT_SIGMA, DEFAULT_SIGMA, DEFAULT_SIGMA]
    assert horse.edges == ()
    assert np.mean(SIGMAS["coco_17"]) == pytest.approx(DEFAULT_SIGMA, abs=5e-4)


def test_what_is_given_replaces_the_defaults() -> None:
    horse = Skeleton("horse", HORSE, (("tail", "nose"),), (("nose", "tail"),), (0.1,) * 6, ((1, 2, 3),) * 6)
    assert horse.flip_indices.tolist() == [5, 1, 2, 3, 4, 0]
    assert horse.edges == ((0, 5),)
    assert horse.sigmas.tolist() == [0.1] * 6
    assert Skeleton("one_side", ("left_ear",), pairs=()).flip_indices.tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((("nose", "nose"),), "'nose'"),
        ((("nose", "left_ear"),), "'right_ear'"),
        ((HORSE, (("nose", "mane"),)), "pair .*'mane'"),
        ((HORSE, (("nose", "nose"),)), "pair .*'nose'"),
        ((HORSE, (("nose", "tail"), ("tail", "left_ear"))), "'tail'"),
        ((HORSE, None, (("nose", "mane"),)), "edge .*'mane'"),
        ((HORSE, None, (("tail", "tail"),)), "edge .*'tail'"),
        ((HORSE, None, None, (0.1,) * 5), "6 joints .*5 sigmas"),
        ((HORSE, None, None, (0.1,) * 5 + (0.0,)), "sigmas .*0.0"),
        ((HORSE, None, None, (0.1,) * 5 + (float("nan"),)), "sigmas .*nan"),
        ((HORSE, None, None, None, ((0, 0, 0),)), "6 joints .*1 colours"),
    ],
)
def test_contradictions_are_errors(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Skeleton("horse", *arguments)
