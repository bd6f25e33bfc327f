"""Finishing tracks offline, when a whole video is known: joining, filling, smoothing, leaving out short ones."""
