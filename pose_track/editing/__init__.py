"""Mending a finished result by hand: swapped ids, broken tracks, wrong joints."""
