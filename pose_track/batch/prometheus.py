"""How a batch stands, in Prometheus' text format, for the textfile collector of its node exporter.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from pose_track.batch.state import BatchState


def prometheus_text(state: BatchState) -> str:
    """All figures of a batch.

    >>> print(prometheus_text(BatchState(3, 3.0, 0.0, 10.0, done=2, frames=50)).splitlines()[2])
    pose_track_batch_videos{status="done"} 2
    """
    in_hand = len(state.workers)
    counts = {
        "done": state.done,
        "skipped": state.skipped,
        "changed": state.changed,
        "failed": state.failed,
        "in_hand": in_hand,
        "left": state.total - state.settled - in_hand,
    }
    lines = [
        "# HELP pose_track_batch_videos Videos of the batch, by what has become of them.",
        "# TYPE pose_track_batch_videos gauge",
        *(f'pose_track_batch_videos{{status="{name}"}} {count}' for name, count in counts.items()),
    ]
    for name, kind, value, text in (
        ("damaged_videos_total", "counter", state.damaged, "Videos that were tracked and have faults."),
        ("frames_total", "counter", state.frames, "Frames of the videos that were tracked."),
        ("people_total", "counter", state.people, "People in these frames."),
        ("frames_per_second", "gauge", round(state.fps, 3), "Frames a second of all workers."),
        ("updated_seconds", "gauge", round(state.updated, 3), "When this was written, in seconds since the epoch."),
    ):
        lines += [f"# HELP pose_track_batch_{name} {text}", f"# TYPE pose_track_batch_{name} {kind}"]
        lines.append(f"pose_track_batch_{name} {value}")
    return "\n".join(lines) + "\n"
