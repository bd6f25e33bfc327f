"""Running `pose-track` in this process."""

from __future__ import annotations

from pose_track.cli.main import main


def run_command(name: str, *arguments: object) -> int:
    """The exit code of `pose-track NAME ARGUMENT ...`."""
    return main([name, *(str(argument) for argument in arguments)])
