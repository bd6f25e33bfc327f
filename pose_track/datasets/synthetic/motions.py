"""Periodic movements as joint angles, and random poses. A movement maps a phase, 2 pi a cycle, to a `Pose`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pose_track.datasets.synthetic.body import Array, Pose

TAU = 2.0 * np.pi


def _swing_knee(phase: float) -> float:
    """The bend of a knee while the leg swings forward, 0 to 1; the hip angle is sin(phase)."""
    return float(max(0.0, np.cos(phase - 0.35)) ** 1.5)


def _level_foot(leg: Array, lean: float) -> float:
    """The ankle angle at which the foot is level. lean: of the pelvis, forward."""
    return float(leg[0] - leg[3] - lean)


def walk(phase: float, vigour: float = 1.0) -> Pose:
    """A walking cycle; vigour 1 is a brisk walk."""
    pose = Pose()
    for row, shift in enumerate((0.0, np.pi)):
        p = phase + shift
        lift = _swing_knee(p)
        pose.legs[row] = [0.42 * vigour * np.sin(p) + 0.08, 0.02, 0.1, 0.08 + 0.95 * lift, 0.0]
        stance = max(0.0, -np.cos(p)) ** 0.5
        pose.legs[row, 4] = stance * _level_foot(pose.legs[row], 0.03) + 0.45 * max(0.0, -np.sin(p)) ** 3 * vigour
        pose.arms[row] = [-0.45 * vigour * np.sin(p) + 0.03, 0.1, 0.1, 0.25 + 0.2 * max(0.0, -np.sin(p)), 0.0]
    pose.root[:] = [0.03, 0.02 * np.cos(phase), 0.08 * np.sin(phase) * -1]
    pose.chest[2] = 0.16 * np.sin(phase)
    return pose


def run(phase: float, vigour: float = 1.0) -> Pose:
    """A running cycle, with a flight phase in each half."""
    pose = Pose()
    for row, shift in enumerate((0.0, np.pi)):
        p = phase + shift
        pose.legs[row] = [0.75 * vigour * np.sin(p) + 0.25, 0.0, 0.05, 0.3 + 1.5 * _swing_knee(p), 0.0]
        pose.legs[row, 4] = 0.5 * max(0.0, -np.sin(p))
        pose.arms[row] = [-0.75 * vigour * np.sin(p), 0.15, 0.15, 1.5 - 0.2 * np.sin(p), 0.0]
    pose.root[:] = [0.16, 0.02 * np.cos(phase), -0.12 * np.sin(phase)]
    pose.chest[2] = 0.25 * np.sin(phase)
    pose.head[0] = -0.12
    pose.lift = 0.09 * vigour * abs(float(np.sin(phase)))
    return pose


def wave(phase: float, side: int = 1) -> Pose:
    """Waving with the arm in row `side`; the forearm moves to and fro once a cycle."""
    pose = idle(phase * 0.2)
    pose.arms[side] = [0.1, 1.75, 1.5, 0.75 + 0.45 * np.sin(phase), 0.1]
    pose.spine[1] = 0.05 * (1 if side else -1)
    return pose


def squat(phase: float, depth: float = 1.0) -> Pose:
    """A squat, with the arms forward at the bottom."""
    d = depth * 0.5 * (1.0 - np.cos(phase))
    pose = Pose()
    pose.legs[:] = [0.05 + 1.85 * d, 0.12 + 0.12 * d, 0.3, 0.05 + 1.95 * d, -0.55 * d]
    pose.arms[:] = [0.1 + 1.3 * d, 0.1, 0.1, 0.25, 0.0]
    pose.root[0] = 0.45 * d
    pose.spine[0], pose.head[0] = 0.2 * d, -0.45 * d
    return pose


def jack(phase: float) -> Pose:
    """A jumping jack."""
    d = 0.5 * (1.0 - np.cos(phase))
    pose = Pose()
    pose.legs[:] = [0.0, 0.05 + 0.4 * d, 0.2, 0.1, 0.1 * d]
    pose.arms[:] = [0.05, 0.15 + 2.6 * d, 0.4, 0.25, 0.0]
    pose.lift = 0.08 * abs(float(np.sin(phase)))
    return pose


def idle(phase: float) -> Pose:
    """Standing; the weight shifts from foot to foot, and the head turns."""
    sway = float(np.sin(phase))
    pose = Pose()
    pose.root[1], pose.spine[1] = 0.04 * sway, -0.05 * sway
    pose.legs[:, 1] = 0.07
    pose.legs[:, 1] += [0.05 * sway, -0.05 * sway]
    pose.legs[0 if sway > 0 else 1, 3] += 0.2 * abs(sway)
    pose.legs[0 if sway > 0 else 1, 0] += 0.1 * abs(sway)
    pose.head[:] = [0.05, 0.03 * sway, 0.35 * np.sin(0.7 * phase + 1.0)]
    return pose


# Typical arm poses in photographs (both rows: forward, sideways, twist, elbow, wrist).
_ARM_POSES = (
    ((0.05, 0.12, 0.2, 0.3, 0.0), (0.05, 0.12, 0.2, 0.3, 0.0)),  # hanging
    ((-0.45, 0.75, -0.75, 1.75, 0.0), (-0.45, 0.75, -0.75, 1.75, 0.0)),  # hands on the hips
    ((0.55, 0.05, -0.75, 1.75, 0.0), (0.5, 0.05, -0.75, 1.65, 0.0)),  # folded
    ((0.45, 0.1, 0.0, 1.9, 0.1), (0.3, 0.15, -0.4, 1.3, 0.0)),  # holding something
    ((0.1, 2.6, 0.5, 0.3, 0.0), (0.1, 2.6, 0.5, 0.3, 0.0)),  # both up
    ((0.0, 1.5, 0.5, 0.15, 0.0), (0.0, 1.5, 0.5, 0.15, 0.0)),  # spread
    ((1.5, 0.1, 0.1, 0.1, 0.0), (0.1, 0.15, 0.2, 0.3, 0.0)),  # pointing
    ((0.1, 1.75, 1.5, 1.9, 0.1), (0.1, 0.12, 0.2, 0.3, 0.0)),  # hand to the head
    ((2.7, 0.1, 0.0, 0.3, 0.0), (0.0, 0.25, 0.2, 0.4, 0.0)),  # reaching up
    ((0.9, 0.5, 0.3, 1.4, 0.2), (-0.7, 0.4, 0.2, 0.8, 0.0)),  # throwing about
)


def _stand(rng: np.random.Generator) -> Pose:
    return idle(rng.uniform(0, TAU))


def _lunge(rng: np.random.Generator) -> Pose:
    pose, front = Pose(), int(rng.integers(2))
    d = rng.uniform(0.4, 1.1)
    pose.legs[front] = [1.1 * d, 0.1, 0.1, 1.3 * d, 0.0]
    pose.legs[1 - front] = [-0.35 * d, 0.1, 0.1, 0.5 * d, 0.6 * d]
    pose.root[0] = rng.uniform(-0.05, 0.4)
    pose.legs[front, 4] = _level_foot(pose.legs[front], pose.root[0])
    return pose


def _kick(rng: np.random.Generator) -> Pose:
    pose, side = idle(0.0), int(rng.integers(2))
    pose.legs[side] = [rng.uniform(0.5, 1.5), rng.uniform(0, 0.5), 0.2, rng.uniform(0.1, 1.6), 0.3]
    pose.root[0] = rng.uniform(-0.25, 0.1)
    return pose


def _bow(rng: np.random.Generator) -> Pose:
    pose, d = Pose(), rng.uniform(0.3, 1.0)
    pose.root[0], pose.spine[0], pose.chest[0] = 0.9 * d, 0.4 * d, 0.3 * d
    pose.legs[:, 0] += 0.9 * d + 0.2 * d
    pose.legs[:, 3] += 0.4 * d
    pose.legs[:, 4] = _level_foot(pose.legs[0], pose.root[0])
    return pose


def _sit(rng: np.random.Generator) -> Pose:
    """Sitting, as on a low bench, which is not drawn."""
    pose = Pose()
    pose.legs[:] = [rng.uniform(1.3, 1.6), rng.uniform(0.05, 0.3), 0.1, rng.uniform(1.3, 1.9), 0.0]
    pose.root[0] = rng.uniform(-0.2, 0.3)
    pose.legs[:, 4] = _level_foot(pose.legs[0], pose.root[0])
    return pose


_RANDOM_POSES: tuple[tuple[float, Callable[[np.random.Generator], Pose]], ...] = (
    (5.0, _stand),
    (4.0, lambda rng: walk(rng.uniform(0, TAU), rng.uniform(0.5, 1.2))),
    (2.5, lambda rng: run(rng.uniform(0, TAU), rng.uniform(0.7, 1.2))),
    (0.7, lambda rng: squat(rng.uniform(0, TAU), rng.uniform(0.4, 1.05))),
    (0.7, lambda rng: jack(rng.uniform(0, TAU))),
    (0.7, lambda rng: wave(rng.uniform(0, TAU), int(rng.integers(2)))),
    (1.0, _lunge), (1.0, _kick), (0.8, _bow), (0.8, _sit),
)  # fmt: skip


def random_pose(rng: np.random.Generator) -> Pose:
    """A random pose: a movement at a random phase, often with another arm pose, and noise on every angle."""
    weights = np.array([w for w, _ in _RANDOM_POSES])
    pose = _RANDOM_POSES[int(rng.choice(len(_RANDOM_POSES), p=weights / weights.sum()))][1](rng)
    if rng.random() < 0.6:
        arms = np.array(_ARM_POSES[int(rng.integers(len(_ARM_POSES)))])
        pose.arms = arms[::-1].copy() if rng.random() < 0.5 else arms
        if rng.random() < 0.3:  # different arms
            pose.arms[1] = np.array(_ARM_POSES[int(rng.integers(len(_ARM_POSES)))])[1]
    pose.arms = pose.arms + rng.normal(0, 1, (2, 5)) * [0.15, 0.1, 0.15, 0.15, 0.1]
    pose.legs = pose.legs + rng.normal(0, 1, (2, 5)) * [0.06, 0.04, 0.08, 0.05, 0.04]
    pose.arms[:, 3] = np.clip(pose.arms[:, 3], 0.03, 2.4)
    pose.legs[:, 3] = np.clip(pose.legs[:, 3], 0.02, 2.3)
    pose.legs[:, 1] = np.maximum(pose.legs[:, 1], -0.02)
    for joint, spread in ((pose.root, 0.04), (pose.spine, 0.06), (pose.chest, 0.07)):
        joint += rng.normal(0, spread, 3)
    pose.head = pose.head + rng.normal(0, 1, 3) * [0.15, 0.08, 0.3]
    return pose
