"""Networks that find people and their joints at once: detector and pose estimator in one."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pose_track.detection.graph_detector import fit_image
from pose_track.geometry.boxes import clip_boxes, iou_matrix, nms, nonempty
from pose_track.models.graph_boxes import letterbox_to_image
from pose_track.models.graph_poses import PoseLayout, needs_suppression, read_people
from pose_track.pose.estimator import suppress_duplicates, within_image
from pose_track.runtime.model_spec import Run
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray
from pose_track.structures.conversion import convert_poses
from pose_track.structures.frames import Detections, Poses
from pose_track.structures.skeleton import Skeleton

_MIN_CANDIDATE_SCORE = 0.05  # of people that only answer to a given box
_MIN_IOU = 0.5  # of a given box and a person in it


class OneStageNetwork:
    """The people of images, by a one-stage network. It is a pose estimator, and `detect_images` a detector.

    Each image goes through the network once, whoever asks for its people first; they are kept as long as the image.

    Args:
        run: network from images (B, h, w, 3) uint8 RGB to the outputs of the layout.
        layout: of these.
        input_size: (w, h) of its images.
        skeleton: the K joints of the network.
        min_score: score below which a person is not detected. Given boxes find people of lower scores, too.
        max_iou: non-maximum suppression of boxes, where the network leaves that to others.
        max_oks: see `pose.estimator.suppress_duplicates`.
        output_skeleton: the poses are converted to these joints by name; None for `skeleton`.
        max_batch: images in one run, at most.
    """

    def __init__(
        self,
        run: Run,
        layout: PoseLayout,
        input_size: tuple[int, int],
        skeleton: Skeleton,
        min_score: float = 0.3,
        max_iou: float = 0.6,
        max_oks: float = 0.9,
        output_skeleton: Skeleton | None = None,
        max_batch: int = 16,
    ) -> None:
        self.skeleton = output_skeleton or skeleton
        self._network_skeleton = skeleton
        self._run, self._layout, self._size, self._max_batch = run, layout, input_size, max_batch
        self._min_score, self._max_iou, self._max_oks = min_score, max_iou, max_oks
        self._people: dict[int, Poses] = {}  # by the id of an image that is still alive
        self._lock = threading.Lock()

    def __call__(self, image: ImageArray, detections: Detections) -> Poses:
        """The people in given boxes of an image, by descending score and without duplicates. See `run_batch`."""
        return self.suppress_duplicates(*self.run_batch([image], [detections]))

    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]:
        """The boxes of the people in images (H, W, 3) uint8 RGB, of any sizes, by descending score."""
        found = (people[people.scores >= self._min_score] for people in self._find(images))
        return [Detections(people.boxes, people.scores) for people in found]

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        """For each image the people in the given boxes: for each box the one whose own box has the highest IoU with it,
        nobody where it is below 0.5. `boxes` and `sources` are those of the detections."""
        asked = [image for image, boxes in zip(images, detections, strict=True) if len(boxes)]
        found = iter(self._find(asked))
        return [_matched(next(found), boxes) if len(boxes) else Poses.empty(self.skeleton) for boxes in detections]

    def suppress_duplicates(self, poses: Poses) -> Poses:
        """See the function `suppress_duplicates`."""
        return suppress_duplicates(poses, self._max_oks)

    def _find(self, images: Sequence[ImageArray]) -> list[Poses]:
        """All people of each image, by descending score."""
        with self._lock:
            new = list({id(image): image for image in images if id(image) not in self._people}.values())
            for start in range(0, len(new), self._max_batch):
                self._keep(new[start : start + self._max_batch])
            return [self._people[id(image)] for image in images]

    def _keep(self, images: Sequence[ImageArray]) -> None:
        canvases, factors = zip(*(fit_image(image, self._size, "letterbox") for image in images), strict=True)
        outputs = self._run(np.stack(canvases))
        for number, image in enumerate(images):
            self._people[id(image)] = self._poses(image, factors[number], [output[number] for output in outputs])
            weakref.finalize(image, self._people.pop, id(image), None)

    def _poses(self, image: ImageArray, factors: Float64Array, outputs: Sequence[Float32Array]) -> Poses:
        found = read_people(self._layout, outputs)
        likely = np.flatnonzero(found.scores >= _MIN_CANDIDATE_SCORE)
        boxes, scores, joints, joint_scores = (array[likely] for array in found)
        boxes = clip_boxes(letterbox_to_image(boxes, factors), (image.shape[1], image.shape[0])).astype(np.float32)
        joints = letterbox_to_image(joints, factors).astype(np.float32)
        joint_scores = (joint_scores.clip(0, 1) * within_image(joints, image)).astype(np.float32)
        poses = Poses(joints, joint_scores, boxes, scores.clip(max=1), self._network_skeleton)[nonempty(boxes)]
        max_iou = self._max_iou if needs_suppression(self._layout) else 1.0
        return convert_poses(poses[nms(poses.boxes, poses.scores, max_iou)], self.skeleton)


def _matched(people: Poses, detections: Detections) -> Poses:
    if not len(people):
        return people
    iou = iou_matrix(detections.boxes, people.boxes)
    has_person = iou.max(axis=1) >= _MIN_IOU
    assert detections.sources is not None
    found = people[iou.argmax(axis=1)[has_person]]
    return replace(found, boxes=detections.boxes[has_person], sources=detections.sources[has_person])
