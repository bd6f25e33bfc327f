"""A head: skull, face and hair."""

from __future__ import annotations

import numpy as np

from pose_track.datasets.synthetic.appearance import Appearance
from pose_track.datasets.synthetic.body import Array, PosedBody
from pose_track.datasets.synthetic.surface import (
    Surface,
    ellipsoid,
    join_surfaces,
    ring_angles,
    rings,
    skin,
    smooth_curve,
)

# Height above the skull joint, half width, half depth, centre forward; fractions of the body height.
_SKULL = np.array([
    [-0.046, 0.004, 0.004, 0.038], [-0.043, 0.018, 0.016, 0.036], [-0.034, 0.029, 0.034, 0.022],
    [-0.015, 0.037, 0.050, 0.010], [0.008, 0.042, 0.056, 0.006], [0.03, 0.044, 0.058, 0.004],
    [0.05, 0.043, 0.057, 0.002], [0.068, 0.037, 0.049, 0.000], [0.081, 0.025, 0.034, -0.002],
    [0.088, 0.012, 0.016, -0.003], [0.092, 0.0002, 0.0002, -0.003],
])  # fmt: skip

# Ellipses of the face: position left, up and forward of the skull joint, half width, half height. Mouth, gap between
# the lips, and for each eye the socket, the white, the iris and the brow; later ones are drawn on top.
_FACE_ELLIPSES = np.array([
    [0.0, -0.0205, 0.0655, 0.0145, 0.0036], [0.0, -0.0205, 0.0662, 0.012, 0.0009],
    *([x, *rest] for x in (-0.0185, 0.0185) for rest in (
        [0.0245, 0.0575, 0.011, 0.0065], [0.0245, 0.0585, 0.0085, 0.0038], [0.0245, 0.0595, 0.0038, 0.0039],
        [0.0355, 0.0600, 0.0125, 0.0024])),
])  # fmt: skip


def _skull(body: PosedBody, appearance: Appearance, detail: int) -> Surface:
    """The skull; short hair is a thicker, coloured part of it."""
    size, frame = body.proportions.height * body.proportions.head, body.frames["head"]
    at = smooth_curve(np.linspace(0, 1, len(_SKULL)), _SKULL[:, 0], np.linspace(0, 1, detail + 8))
    width, depth, forward = (smooth_curve(_SKULL[:, 0], _SKULL[:, i], at) for i in (1, 2, 3))
    up, num_angles = at[:, None] * frame[:, 1], detail + 6
    centres = body.points["skull"] + (up + forward[:, None] * frame[:, 2]) * size
    frames = np.broadcast_to(frame, (len(at), 3, 3))
    points = rings(centres, frames, np.maximum(width, 0.0) * size, np.maximum(depth, 0.0) * size, num_angles, 0.95)
    angles = np.arange(num_angles) * (2 * np.pi / num_angles)
    thick = np.where(_has_hair(appearance, at[:, None], np.sin(angles)), 0.0045 * size, 0.0)
    thick *= np.clip((width - 0.002) / 0.02, 0.0, 1.0)[:, None]  # none at the crown, which would leave a hole
    out = points - centres[:, None]
    points = points + out / np.maximum(np.linalg.norm(out, axis=2, keepdims=True), 1e-6) * thick[..., None]
    hair = _has_hair(appearance, 0.5 * (at[:-1] + at[1:])[:, None], np.sin(ring_angles(num_angles)))
    streaks = 1.0 + 0.25 * np.sin(np.arange(num_angles) * 2.4 + appearance.wrinkle_seed % 10)
    colour = np.where(hair[..., None], appearance.hair_colour * streaks[:, None], appearance.skin)
    return skin(points, colour)


def _has_hair(appearance: Appearance, height: Array, front: Array) -> Array:
    """Whether hair grows: above a hairline, high at the forehead and low at the nape. front: 1 front, -1 back."""
    if appearance.hair == "bald":
        return np.asarray(height + 0 * front > 9.0)
    line = np.interp(front, [-1.0, -0.3, 0.15, 0.45, 0.7, 1.0], [-0.028, -0.02, 0.012, 0.04, 0.056, 0.060])
    return np.asarray(height > line)


def _face(body: PosedBody, appearance: Appearance) -> Surface:
    """Eyes, brows and mouth: flat ellipses slightly above the skin, each an octagon of three quadrilaterals."""
    lips, white, dark = appearance.skin * [0.72, 0.45, 0.45], np.full(3, 0.85), np.full(3, 0.06)
    brow, lid = 0.5 * appearance.hair_colour + 0.15 * appearance.skin, 0.72 * appearance.skin
    colours = [lips, 0.4 * lips, *(c for _ in range(2) for c in (lid, white, dark, brow))]
    size, frame = body.proportions.height * body.proportions.head, body.frames["head"]
    angles = np.arange(8) * (np.pi / 4)
    across, up = (_FACE_ELLIPSES[:, i, None] * f(angles) for i, f in ((3, np.cos), (4, np.sin)))
    octagons = np.stack([across, up, -25.0 * across**2], axis=2)  # (10, 8, 3), curved around the head
    octagons = octagons + _FACE_ELLIPSES[:, None, :3]
    points = body.points["skull"] + octagons @ frame.T * size
    corners = points[:, [[0, 1, 2, 3], [7, 0, 3, 4], [7, 4, 5, 6]]].reshape(-1, 4, 3)
    normals = (
        np.stack(
            [0.6 * np.sign(_FACE_ELLIPSES[:, 0]), np.zeros(len(_FACE_ELLIPSES)), np.ones(len(_FACE_ELLIPSES))], axis=1
        )
        @ frame.T
    )
    normals = np.repeat(normals / np.linalg.norm(normals, axis=1, keepdims=True), 3, axis=0)
    count = len(corners)
    return Surface(corners, normals, np.repeat(colours, 3, axis=0), np.zeros(count, bool), np.full(count, 0.01))


def _nose(body: PosedBody, appearance: Appearance) -> Surface:
    """The nose: a wedge from between the eyes to the tip."""
    size, frame = body.proportions.height * body.proportions.head, body.frames["head"]
    y = np.array([0.026, 0.018, 0.010, 0.006, 0.001, -0.004])
    half = np.array([0.004, 0.0055, 0.0075, 0.009, 0.0095, 0.002])
    ahead = np.array([0.058, 0.064, 0.0705, 0.0735, 0.071, 0.060])
    centres = body.points["skull"] + (y[:, None] * frame[:, 1] + 0.056 * frame[:, 2]) * size
    frames = np.broadcast_to(frame, (6, 3, 3))
    return skin(rings(centres, frames, half * size, (ahead - 0.056) * size, 10), appearance.skin)


def _long_hair(body: PosedBody, appearance: Appearance) -> list[Surface]:
    """Long hair on the back, or a bun."""
    size, frame, nape = body.proportions.height * body.proportions.head, body.frames["head"], body.points["skull"]
    if appearance.hair == "bun":
        return [
            ellipsoid(
                nape + frame @ np.array([0, 0.045, -0.066]) * size, frame, (0.024 * size,) * 3, appearance.hair_colour
            )
        ]
    back = body.frames["chest"]
    top = nape + frame @ np.array([0, 0.05, -0.022]) * size
    middle = nape + frame @ np.array([0, -0.03, -0.028]) * size
    end = (
        body.points["head_bottom"]
        + back @ np.array([0, -0.045 - 0.03 * (appearance.wrinkle_seed % 3), -0.058]) * body.proportions.height
    )
    t = np.linspace(0, 1, 9)[:, None]
    centres = (1 - t) ** 2 * top + 2 * t * (1 - t) * (2 * middle - 0.5 * top - 0.5 * end) + t**2 * end
    width = np.interp(t[:, 0], [0, 0.3, 0.8, 1.0], [0.041, 0.049, 0.046, 0.02]) * size
    depth = np.interp(t[:, 0], [0, 0.3, 0.8, 1.0], [0.036, 0.036, 0.02, 0.006]) * size
    streaks = 1.0 + 0.3 * np.sin(np.arange(14) * 2.7)
    return [
        skin(
            rings(centres, np.broadcast_to(frame, (9, 3, 3)), width, depth, 14),
            (appearance.hair_colour * streaks[:, None])[None],
        )
    ]


def head(body: PosedBody, appearance: Appearance, detail: int) -> Surface:
    """The head: everything above the neck."""
    size, frame = body.proportions.height * body.proportions.head, body.frames["head"]
    parts = [_skull(body, appearance, detail), _nose(body, appearance), _face(body, appearance)]
    for sign in (-1.0, 1.0) if detail > 10 else ():  # distant people need no ears
        centre = body.points["skull"] + frame @ np.array([sign * 0.0445, 0.014, -0.002]) * size
        parts.append(ellipsoid(centre, frame, (0.006 * size, 0.017 * size, 0.010 * size), appearance.skin, 6))
    if appearance.hair in ("long", "bun"):
        parts += _long_hair(body, appearance)
    return join_surfaces(parts)
