"""A head: skull, face and hair."""

from __future__ import annotations

import numpy as np

from pose_track.datasets.figures.body import Array, Posed
from pose_track.datasets.figures.looks import Looks
from pose_track.datasets.figures.surface import Surface, ellipsoid, join, ring_angles, rings, skin, smooth_curve

# Height above the skull joint, half width, half depth, centre forward; fractions of the body height.
_SKULL = np.array([
    [-0.046, 0.004, 0.004, 0.038], [-0.043, 0.018, 0.016, 0.036], [-0.034, 0.029, 0.034, 0.022], [-0.015, 0.037, 0.050, 0.010],
    [0.008, 0.042, 0.056, 0.006], [0.03, 0.044, 0.058, 0.004], [0.05, 0.043, 0.057, 0.002], [0.068, 0.037, 0.049, 0.000],
    [0.081, 0.025, 0.034, -0.002], [0.088, 0.012, 0.016, -0.003], [0.0905, 0.002, 0.002, -0.003],
])  # fmt: skip


def _skull(body: Posed, looks: Looks, detail: int) -> Surface:
    """The head with short hair as a thicker, coloured part of it."""
    size, frame = body.build.height * body.build.head, body.frames["head"]
    at = smooth_curve(np.linspace(0, 1, len(_SKULL)), _SKULL[:, 0], np.linspace(0, 1, detail + 8))
    width, depth, forward = (smooth_curve(_SKULL[:, 0], _SKULL[:, i], at) for i in (1, 2, 3))
    up, num_angles = at[:, None] * frame[:, 1], detail + 6
    centres = body.points["skull"] + (up + forward[:, None] * frame[:, 2]) * size
    frames = np.broadcast_to(frame, (len(at), 3, 3))
    points = rings(centres, frames, np.maximum(width, 0.001) * size, np.maximum(depth, 0.001) * size, num_angles, 0.95)
    angles = np.arange(num_angles) * (2 * np.pi / num_angles)
    thick = np.where(_hairy(looks, at[:, None], np.sin(angles)), 0.0045 * size, 0.0)
    out = points - centres[:, None]
    points = points + out / np.maximum(np.linalg.norm(out, axis=2, keepdims=True), 1e-6) * thick[..., None]
    hair = _hairy(looks, 0.5 * (at[:-1] + at[1:])[:, None], np.sin(ring_angles(num_angles)))
    streaks = 1.0 + 0.25 * np.sin(np.arange(num_angles) * 2.4 + looks.wrinkle_seed % 10)
    colour = np.where(hair[..., None], looks.hair_colour * streaks[:, None], looks.skin)
    return skin(points, colour)


def _hairy(looks: Looks, height: Array, front: Array) -> Array:
    """Where hair grows: above a line that is high over the forehead and low at the nape. front: 1 ahead, -1 behind."""
    if looks.hair == "bald":
        return np.asarray(height + 0 * front > 9.0)
    line = np.interp(front, [-1.0, -0.3, 0.15, 0.45, 0.7, 1.0], [-0.028, -0.02, 0.012, 0.04, 0.056, 0.060])
    return np.asarray(height > line)


def _spot(body: Posed, at: tuple[float, float, float], half: tuple[float, float], colour: Array) -> Surface:
    """A flat patch on the face. at: left, up, forward of the skull joint; half: width and height; of the head size."""
    size, frame = body.build.height * body.build.head, body.frames["head"]
    centre = body.points["skull"] + frame @ np.array(at) * size
    angles = np.arange(8) * (np.pi / 4)
    edge = np.stack([half[0] * np.cos(angles), half[1] * np.sin(angles), -2.5 * half[0] ** 2 * np.cos(angles) ** 2 / 0.1], axis=1)
    outer = centre + edge @ frame.T * size
    corners = np.stack([np.stack([outer[0], outer[1], outer[2], outer[3]]), np.stack([outer[3], outer[4], outer[0], outer[0]]),
                        np.stack([outer[4], outer[5], outer[6], outer[7]]), np.stack([outer[7], outer[0], outer[4], outer[4]])])  # fmt: skip
    normal = (frame[:, 2] + 0.6 * np.sign(at[0]) * frame[:, 0]) / np.hypot(1.0, 0.6 * np.sign(at[0]))
    return Surface(corners, np.broadcast_to(normal, (4, 3)), np.broadcast_to(colour, (4, 3)), np.zeros(4, bool), np.full(4, 0.01))


def _face(body: Posed, looks: Looks) -> list[Surface]:
    """Eyes, brows and mouth, a little above the skin."""
    brow = 0.5 * looks.hair_colour + 0.15 * looks.skin
    lips = looks.skin * [0.72, 0.45, 0.45]
    parts = [_spot(body, (0.0, -0.0205, 0.0655), (0.0145, 0.0036), lips), _spot(body, (0.0, -0.0205, 0.0662), (0.012, 0.0009), 0.4 * lips)]
    for x in (-0.0185, 0.0185):
        parts.append(_spot(body, (x, 0.0245, 0.0575), (0.011, 0.0065), 0.72 * looks.skin))
        parts.append(_spot(body, (x, 0.0245, 0.0585), (0.0085, 0.0038), np.full(3, 0.85)))
        parts.append(_spot(body, (x, 0.0245, 0.0595), (0.0038, 0.0039), np.full(3, 0.06)))
        parts.append(_spot(body, (x, 0.0355, 0.0600), (0.0125, 0.0024), brow))
    return parts


def _nose(body: Posed, looks: Looks) -> Surface:
    """A wedge from between the eyes to the tip."""
    size, frame = body.build.height * body.build.head, body.frames["head"]
    y = np.array([0.026, 0.018, 0.010, 0.006, 0.001, -0.004])
    half = np.array([0.004, 0.0055, 0.0075, 0.009, 0.0095, 0.002])
    ahead = np.array([0.058, 0.064, 0.0705, 0.0735, 0.071, 0.060])
    centres = body.points["skull"] + (y[:, None] * frame[:, 1] + 0.056 * frame[:, 2]) * size
    frames = np.broadcast_to(frame, (6, 3, 3))
    return skin(rings(centres, frames, half * size, (ahead - 0.056) * size, 10), looks.skin)


def _long_hair(body: Posed, looks: Looks) -> list[Surface]:
    """Hair falling on the back, or a knot of it."""
    size, frame, nape = body.build.height * body.build.head, body.frames["head"], body.points["skull"]
    if looks.hair == "bun":
        return [ellipsoid(nape + frame @ np.array([0, 0.045, -0.066]) * size, frame, (0.024 * size,) * 3, looks.hair_colour)]
    back = body.frames["chest"]
    top = nape + frame @ np.array([0, 0.05, -0.022]) * size
    middle = nape + frame @ np.array([0, -0.03, -0.028]) * size
    end = body.points["head_bottom"] + back @ np.array([0, -0.045 - 0.03 * (looks.wrinkle_seed % 3), -0.058]) * body.build.height
    t = np.linspace(0, 1, 9)[:, None]
    centres = (1 - t) ** 2 * top + 2 * t * (1 - t) * (2 * middle - 0.5 * top - 0.5 * end) + t**2 * end
    width = np.interp(t[:, 0], [0, 0.3, 0.8, 1.0], [0.041, 0.049, 0.046, 0.02]) * size
    depth = np.interp(t[:, 0], [0, 0.3, 0.8, 1.0], [0.036, 0.036, 0.02, 0.006]) * size
    streaks = 1.0 + 0.3 * np.sin(np.arange(14) * 2.7)
    return [skin(rings(centres, np.broadcast_to(frame, (9, 3, 3)), width, depth, 14), (looks.hair_colour * streaks[:, None])[None])]


def head(body: Posed, looks: Looks, detail: int) -> Surface:
    """Everything above the neck."""
    size, frame = body.build.height * body.build.head, body.frames["head"]
    parts = [_skull(body, looks, detail), _nose(body, looks), *_face(body, looks)]
    for sign in (-1.0, 1.0):
        centre = body.points["skull"] + frame @ np.array([sign * 0.0445, 0.014, -0.002]) * size
        parts.append(ellipsoid(centre, frame, (0.006 * size, 0.017 * size, 0.010 * size), looks.skin, 6))
    if looks.hair in ("long", "bun"):
        parts += _long_hair(body, looks)
    return join(parts)
