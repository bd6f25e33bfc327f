"""Surfaces of quadrilaterals, built from rings around a chain of bones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.synthetic.body import Array


@dataclass(frozen=True)
class Surface:
    """Q quadrilaterals.

    corners: (Q, 4, 3) metres.
    normals: (Q, 3) unit vectors that point outwards.
    albedo: (Q, 3) RGB in [0, 1].
    two_sided: (Q,) bool, also drawn from behind.
    lift: (Q,) metres by which they are drawn nearer to the camera.
    """

    corners: Array
    normals: Array
    albedo: Array
    two_sided: Array
    lift: Array

    def __len__(self) -> int:
        return len(self.corners)


def join_surfaces(surfaces: list[Surface]) -> Surface:
    """All quadrilaterals as one surface."""
    return Surface(
        np.concatenate([s.corners for s in surfaces]), np.concatenate([s.normals for s in surfaces]),
        np.concatenate([s.albedo for s in surfaces]), np.concatenate([s.two_sided for s in surfaces]),
        np.concatenate([s.lift for s in surfaces]),
    )  # fmt: skip


def curve(knots: Array, values: Array, at: Array) -> Array:
    """Linear interpolation: values (S, ...) at `at` (S,), from values (K, ...) at knots (K,)."""
    i = np.clip(np.searchsorted(knots, at, "right") - 1, 0, len(knots) - 2)
    fraction = np.clip((at - knots[i]) / (knots[i + 1] - knots[i]), 0.0, 1.0).reshape(-1, *[1] * (np.ndim(values) - 1))
    return np.asarray(values[i] * (1.0 - fraction) + values[i + 1] * fraction)


def smooth_curve(knots: Array, values: Array, at: Array) -> Array:
    """Cubic interpolation with Catmull-Rom tangents: values (S,) at `at` (S,), from values (K,) at knots (K,)."""
    x, y = np.asarray(knots, np.float64), np.asarray(values, np.float64)
    slope = np.gradient(y, x)
    i = np.clip(np.searchsorted(x, at, "right") - 1, 0, len(x) - 2)
    width = x[i + 1] - x[i]
    t = np.clip((at - x[i]) / width, 0.0, 1.0)
    t2, t3 = t * t, t * t * t
    start, end = (2 * t3 - 3 * t2 + 1) * y[i], (3 * t2 - 2 * t3) * y[i + 1]
    return start + end + ((t3 - 2 * t2 + t) * slope[i] + (t3 - t2) * slope[i + 1]) * width


def frames_along(knots: Array, frames: list[Array], at: Array) -> Array:
    """(S, 3, 3) frames interpolated between those at the knots, with columns of length 1."""
    blended = curve(knots, np.stack(frames), at)
    return np.asarray(blended / np.maximum(np.sqrt((blended**2).sum(axis=1, keepdims=True)), 1e-9))


def rings(
    centres: Array, frames: Array, half_width: Array, half_depth: Array, num_angles: int, box: float = 1.0
) -> Array:
    """(S, A, 3) points of S elliptical rings. Angle 0 is the body part's left, a quarter turn further its front.

    centres: (S, 3); frames: (S, 3, 3); half_width, half_depth: (S,) metres; box: below 1 gives squarer ellipses.
    """
    angles = np.arange(num_angles) * (2.0 * np.pi / num_angles)
    c, s = (np.sign(f) * np.abs(f) ** box for f in (np.cos(angles), np.sin(angles)))
    across = half_width[:, None, None] * c[:, None] * frames[:, None, :, 0]
    ahead = half_depth[:, None, None] * s[:, None] * frames[:, None, :, 2]
    return np.asarray(centres[:, None] + across + ahead)


@lru_cache(maxsize=64)
def _next(count: int) -> NDArray[np.int64]:
    """(count,) 1, 2, ... 0: the index of the next point on a ring."""
    return (np.arange(count) + 1) % count


def _cross(a: Array, b: Array) -> Array:
    """np.cross over the last axis of 3, in a third of its time for small arrays."""
    ax, ay, az, bx, by, bz = (v[..., i] for v in (a, b) for i in range(3))
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def skin(points: Array, albedo: Array, two_sided: bool = False, lift: float = 0.0) -> Surface:
    """The surface between the rings (S, A, 3). albedo: (3,), or (S - 1, A, 3) for each quadrilateral."""
    turned = points[:, _next(points.shape[1])]
    corners = np.stack([points[:-1], turned[:-1], turned[1:], points[1:]], axis=2)  # (S - 1, A, 4, 3)
    centres = points.mean(axis=1)
    outward = corners.mean(axis=2) - 0.5 * (centres[:-1] + centres[1:])[:, None]
    normals = _cross(corners[:, :, 2] - corners[:, :, 0], corners[:, :, 3] - corners[:, :, 1])
    normals *= np.sign((normals * outward).sum(axis=2))[..., None]
    normals = _rounded(normals / np.maximum(np.sqrt((normals**2).sum(axis=2)), 1e-12)[..., None])
    count = corners.shape[0] * corners.shape[1]
    colours = np.broadcast_to(albedo, (*corners.shape[:2], 3)).reshape(count, 3)
    flags = np.full(count, two_sided), np.full(count, lift)
    return Surface(corners.reshape(count, 4, 3), normals.reshape(count, 3), colours, *flags)


def _rounded(normals: Array) -> Array:
    """(S, A, 3) normals averaged with their neighbours', which smooths the shading."""
    following = _next(normals.shape[1])
    around = 2.0 * normals + normals[:, following] + normals[:, following - 2]
    total = 2.0 * around
    total[1:] += around[:-1]
    total[:-1] += around[1:]
    return np.asarray(total / np.maximum(np.sqrt((total**2).sum(axis=2)), 1e-12)[..., None])


def ring_angles(num_angles: int) -> Array:
    """(A,) the angle in the middle of each quadrilateral of a ring."""
    return np.asarray((np.arange(num_angles) + 0.5) * (2.0 * np.pi / num_angles))


def ellipsoid(
    centre: Array, frame: Array, radii: tuple[float, float, float], albedo: Array, detail: int = 8
) -> Surface:
    """An ellipsoid. radii: metres to the frame's left, up and forward."""
    at = np.linspace(-0.5 * np.pi, 0.5 * np.pi, detail)
    centres = centre + np.sin(at)[:, None] * radii[1] * frame[:, 1]
    frames = np.broadcast_to(frame, (detail, 3, 3))
    return skin(rings(centres, frames, radii[0] * np.cos(at), radii[2] * np.cos(at), detail + 4), albedo)
