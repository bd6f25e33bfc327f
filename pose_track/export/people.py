"""Crops of people to try an exported network on."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from pose_track.build.networks import detector_plan
from pose_track.config.settings import DetectorSettings
from pose_track.detection.detector import CentreDetector
from pose_track.models.codec import Codec
from pose_track.pose.estimator import place_crops
from pose_track.pose.keypoints import crop_people
from pose_track.runtime.select import make_runtime
from pose_track.structures.frames import ImageArray
from pose_track.video.reader import open_video

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "three_people.mp4"
MAX_PICTURES = 8
STRIDE = 10  # frames of a video


def crops_of_people(source: Path, codec: Codec, padding: float, count: int) -> ImageArray:
    """(count, h, w, 3) uint8 RGB: crops of people in pictures, found by the bundled detector; the same again where
    there are not so many. source: a folder of pictures, one picture or a video, such as the sample.

    Raises FileNotFoundError or ValueError where there are no pictures, or nobody in them; or as `open_video`.
    """
    stride = 1 if source.is_dir() else STRIDE
    with open_video(source, stride=stride) as reader:
        images = [frame.image for frame in islice(reader, MAX_PICTURES)]
    settings = DetectorSettings()
    run = make_runtime(detector_plan(settings), "torch")
    found = CentreDetector(run, settings.long_side, settings.min_score, settings.max_iou).detect_images(images)
    if not any(map(len, found)):
        raise ValueError(f"nobody was found in {str(source)!r}; give pictures with people as --images")
    placed = [place_crops(codec, people.boxes, padding)[0] for people in found]
    owners = [image for image, own in zip(images, placed, strict=True) for _ in own]
    crops = crop_people(owners[:count], np.concatenate(placed)[:count], codec.input_size)
    return np.resize(crops, (count, *crops.shape[1:]))
