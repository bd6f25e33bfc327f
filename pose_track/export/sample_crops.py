"""Crops of people, to verify exported networks with."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from pose_track.build.networks import detector_network
from pose_track.build.specs import detector_spec
from pose_track.config.networks import DetectorSettings
from pose_track.detection.detector import CentreDetector
from pose_track.models.codec import Codec
from pose_track.pose.estimator import place_crops
from pose_track.pose.keypoints import crop_people
from pose_track.runtime.select import make_runtime
from pose_track.structures.arrays import ImageArray
from pose_track.video.reader import open_video

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "three_people.mp4"
MAX_IMAGES = 8
STRIDE = 10  # frames of a video


def crops_of_people(source: Path | None, codec: Codec, padding: float, count: int) -> ImageArray:
    """(count, h, w, 3) uint8 RGB crops of people that the bundled detector finds, repeated where it finds fewer.

    Args:
        source: a folder of images, an image or a video; None for the sample video of the checkout.
        padding: size of a crop as a multiple of the person's box.

    Raises FileNotFoundError or ValueError where there are no images or no people; and as `open_video`.
    """
    if source is None and not SAMPLE.is_file():
        raise FileNotFoundError("the sample video comes with a checkout only; give images of people as --images")
    source = source or SAMPLE
    with open_video(source, stride=1 if source.is_dir() else STRIDE) as reader:
        images = [frame.image for frame in islice(reader, MAX_IMAGES)]
    settings = DetectorSettings()
    network = detector_network(settings)
    run = make_runtime(detector_spec(network), precision="float32")
    options = (settings.long_side, settings.min_score, settings.max_iou)
    detector = CentreDetector(run, *options, score_map=network.score_map)
    detections = detector.detect_images(images)
    if not any(map(len, detections)):
        raise ValueError(f"there are no people in {str(source)!r}; give images of people as --images")
    matrices = [place_crops(codec, people.boxes, padding)[0] for people in detections]
    image_of_person = [image for image, people in zip(images, matrices, strict=True) for _ in people]
    crops = crop_people(image_of_person[:count], np.concatenate(matrices)[:count], codec.input_size)
    return np.resize(crops, (count, *crops.shape[1:]))
