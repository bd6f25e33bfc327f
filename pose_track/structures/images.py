"""Checking images that a program gives, with errors that say what to do."""

from __future__ import annotations

import numpy as np

from pose_track.structures.arrays import ImageArray


def checked_image(image: object) -> ImageArray:
    """`image` as a (H, W, 3) uint8 array. Raises TypeError or ValueError, naming the remedy, for anything else."""
    if image is None:
        raise TypeError("image is None: the camera or file gave no frame; check what its read() returned")
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image must be a NumPy array, not {type(image).__name__}; give numpy.asarray(image)")
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        raise ValueError(f"image is grey, of shape {image.shape}; repeat it: numpy.dstack([image] * 3)")
    if image.ndim == 3 and image.shape[2] == 4:
        raise ValueError(f"image has four channels, shape {image.shape}; give three: image[..., :3]")
    if image.ndim == 3 and image.shape[0] == 3 and image.shape[2] != 3:
        raise ValueError(f"image has shape {image.shape}, channels first; give image.transpose(1, 2, 0)")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image must have shape (height, width, 3), got {image.shape}")
    if image.dtype != np.uint8:
        raise TypeError(f"image must be uint8 from 0 to 255, got {image.dtype}; {_conversion(image)}")
    return image


def _conversion(image: np.ndarray) -> str:
    if np.issubdtype(image.dtype, np.floating) and float(np.nanmax(image)) <= 1:
        return "its values are from 0 to 1: give (image * 255).astype('uint8')"
    if image.dtype == np.uint16:
        return "give (image >> 8).astype('uint8')"
    return "give image.astype('uint8') if its values are from 0 to 255"
