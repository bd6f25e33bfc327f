"""Whether images that are said to be RGB are BGR, as OpenCV reads them: skin is redder than blue in any light that is
not blue itself."""

from __future__ import annotations

import numpy as np

from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import TrackedPoses

_HEAD_JOINTS = ("nose", "left_eye", "right_eye", "head_top", "head_bottom", "upper_neck")
_NUM_HEADS = 40  # looked at before the answer
_MIN_SCORE = 0.6
_MIN_SIDE = 8  # pixels of a head
_MIN_DIFFERENCE = 8  # of the channels' means, from 0 to 255, for a head to count
_MIN_SHARE = 0.6  # of the heads that count: on 17 real videos at most 0.15 as RGB, at least 0.77 as BGR


class ChannelOrder:
    """Looks at the heads of the first people, then answers once."""

    def __init__(self) -> None:
        self._differences: list[float] = []

    def looks_like_bgr(self, image: ImageArray, people: TrackedPoses) -> bool | None:
        """Whether the images so far are BGR; None as long as too few heads were seen, and after the answer.

        image: (H, W, 3) uint8, as given.
        """
        if len(self._differences) >= _NUM_HEADS:
            return None
        self._differences += _red_minus_blue(image, people)
        if len(self._differences) < _NUM_HEADS:
            return None
        counted = [d for d in self._differences if abs(d) >= _MIN_DIFFERENCE]
        blue = sum(d < 0 for d in counted)
        return len(counted) >= _NUM_HEADS // 3 and blue >= _MIN_SHARE * len(counted)


def _red_minus_blue(image: ImageArray, people: TrackedPoses) -> list[float]:
    """Of each head that is seen well, the mean of the first channel minus that of the third."""
    names = people.poses.skeleton.joint_names
    columns = [k for k, name in enumerate(names) if name in _HEAD_JOINTS]
    scores = people.poses.joint_scores[:, columns]
    boxes = joints_to_boxes(people.poses.joints[:, columns], scores, _MIN_SCORE)
    differences = []
    for (x1, y1, x2, y2), is_seen in zip(boxes, (scores >= _MIN_SCORE).sum(axis=1) >= 2, strict=True):
        side = max(x2 - x1, y2 - y1)
        if not is_seen or not side >= _MIN_SIDE:
            continue
        x, y, half = (x1 + x2) / 2, (y1 + y2) / 2, side / 4
        head = image[max(0, int(y - half)) : int(y + half) + 1, max(0, int(x - half)) : int(x + half) + 1]
        if head.size:
            red, _, blue = head.reshape(-1, 3).mean(axis=0, dtype=np.float64)
            differences.append(float(red - blue))
    return differences
