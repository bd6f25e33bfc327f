"""Every person's pose, tracked, from a video."""

__version__ = "0.1.0"
