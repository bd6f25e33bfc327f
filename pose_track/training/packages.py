"""The packages that training needs beyond the light install."""

from __future__ import annotations

from pose_track.utils.extras import require


def require_training_packages(purpose: str = "training") -> None:
    """Raises ImportError, in one line with the pip command, if a package is not installed. purpose: what needs it."""
    require("torch", "torchvision", "pycocotools", "lightning_fabric", "tensorboardX", purpose=purpose)
