"""MediaPipe's Pose on a clip that plays at its own speed, for --against of `pose-track benchmark live`.

    python -m venv rival && rival/bin/pip install mediapipe==0.10.21 av
    pose-track benchmark live --people 1 --sources file \\
        --against "rival/bin/python tools/benchmarks/live_mediapipe.py {clip}"

It needs the packages `mediapipe` (Apache-2.0) and `av`, and none of this project's modules. Of MediaPipe's packages
0.10.21 is the last one with models inside, that of complexity 1; it downloads those of 0 and 2. It tracks one person.
The loop is that of a live source: a thread decodes each frame when its time has come, and the newest is taken next.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import mediapipe
import numpy as np

WARM_UP_SECONDS = 2.0
"""From the first frame to the first that counts."""


class NewestFrames:
    """Plays a video in a thread. Iterating gives seconds since its start, when the frame was due, and the frame."""

    def __init__(self, video: Path) -> None:
        self.num_frames = 0  # that count
        self._video = video
        self._changed = threading.Condition()
        self._newest: tuple[float, float, av.VideoFrame] | None = None
        self._ended = False
        threading.Thread(target=self._play, daemon=True).start()

    def _play(self) -> None:
        start = None
        with av.open(str(self._video)) as container:
            container.streams.video[0].thread_type = "AUTO"
            for frame in container.decode(video=0):
                start = time.monotonic() - frame.time if start is None else start
                time.sleep(max(0.0, start + frame.time - time.monotonic()))
                self.num_frames += frame.time >= WARM_UP_SECONDS
                with self._changed:
                    self._newest = frame.time, start + frame.time, frame
                    self._changed.notify()
        with self._changed:
            self._ended = True
            self._changed.notify()

    def __iter__(self) -> Iterator[tuple[float, float, av.VideoFrame]]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ended)
                newest, self._newest = self._newest, None
            if newest is None:
                return
            yield newest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--complexity", type=int, choices=(0, 1, 2), default=1, help="of MediaPipe's model")
    options = parser.parse_args()
    latencies, num_found = [], 0
    with mediapipe.solutions.pose.Pose(model_complexity=options.complexity) as pose:
        pose.process(np.zeros((720, 1280, 3), np.uint8))  # loads the models
        frames = NewestFrames(options.clip)
        for seconds, due, frame in frames:
            result = pose.process(frame.to_ndarray(format="rgb24"))
            if seconds >= WARM_UP_SECONDS:
                latencies.append(time.monotonic() - due)
                num_found += result.pose_landmarks is not None
    print(f"median_ms: {1e3 * np.median(latencies):.1f}")
    print(f"p95_ms: {1e3 * np.percentile(latencies, 95):.1f}")
    print(f"skipped: {frames.num_frames - len(latencies)}")
    print(f"frames: {frames.num_frames}")
    print(f"found: {num_found / len(latencies):.3f}")


if __name__ == "__main__":
    main()
