"""Optical flow between successive images, and shot cuts."""
