"""Latency of live runs: a numbered clip is played through a source, and its results are timed."""
