"""Keypoint networks as files for other programs: written, then verified against PyTorch."""
