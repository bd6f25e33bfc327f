"""Postprocessing of the tracks of a whole video: stitching, dropping short tracks, interpolating, smoothing."""
