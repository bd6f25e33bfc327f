"""Images of an analytic texture, which can be moved exactly by any amount."""

from __future__ import annotations

import numpy as np

from pose_track.geometry.affine import invert_affine


def texture(x, y, seed=0, num_waves=24):
    """Values around 128 at positions x y: waves 9 to 90 pixels long in all directions."""
    rng = np.random.default_rng(seed)
    total = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)), np.float32)
    for length, direction, phase in rng.uniform((9, 0, 0), (90, 2 * np.pi, 2 * np.pi), (num_waves, 3)):
        k = 2 * np.pi / length
        total += np.sin(np.float32(k * np.cos(direction)) * x + np.float32(k * np.sin(direction)) * y + phase)
    return 128 + 100 * total / np.sqrt(num_waves) / 2


def texture_image(size=(240, 160), matrix=None, seed=0):
    """(H, W, 3) uint8 image of the texture moved by a (2, 3) matrix; size: (w, h)."""
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    if matrix is not None:
        (a, b, c), (d, e, f) = invert_affine(np.asarray(matrix, float)).astype(np.float32)
        x, y = a * x + b * y + c, d * x + e * y + f
    values = np.clip(texture(x, y, seed), 0, 255)
    return np.stack([values, 0.9 * values + 10, 0.8 * values], axis=2).astype(np.uint8)


def shift(dx, dy):
    return np.array([[1.0, 0, dx], [0, 1, dy]])


def rotation(degrees, zoom, center):
    """The matrix of a rotation and zoom about a point."""
    cos, sin = zoom * np.cos(np.deg2rad(degrees)), zoom * np.sin(np.deg2rad(degrees))
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, center - linear @ center])


def grid(size=(240, 160), margin=40, step=20):
    """(P, 2) points at least `margin` from the border."""
    x, y = np.meshgrid(np.arange(margin, size[0] - margin + 1, step), np.arange(margin, size[1] - margin + 1, step))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
