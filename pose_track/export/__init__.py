"""Keypoint networks as files that other programs run: written, run, and compared with the network."""
