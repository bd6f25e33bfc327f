"""Plots of results and evaluations with matplotlib, on axes of the caller."""
