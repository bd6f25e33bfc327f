"""Geometry of boxes, crops and poses, as functions of arrays."""
