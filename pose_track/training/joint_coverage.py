"""What a run will learn of its skeleton: logged before the training, which stops where it is too little."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.top_down import HALVES, has_halves
from pose_track.structures.skeleton import Skeleton
from pose_track.structures.skeleton_record import is_built_in

logger = logging.getLogger(__name__)


def check_coverage(data: Iterable[Sequence[PersonLabel]], skeleton: Skeleton) -> None:
    """Log the joints that nobody in the training data has labelled, and a user's skeleton.

    data: the people of each data set. Raises ValueError where fewer than half of the joints are labelled.
    """
    labelled = np.zeros(skeleton.num_joints, bool)
    for person in (person for people in data for person in people):
        labelled |= person.visibility > 0
    names = np.array(skeleton.joint_names)
    if 2 * labelled.sum() < skeleton.num_joints:
        raise ValueError(
            f"the training data label only {labelled.sum()} of the {skeleton.num_joints} joints of {skeleton} "
            f"({', '.join(names[labelled])}); set pose.skeleton to one with the data's joints, named as they are there"
        )
    if not labelled.all():
        logger.warning("the training data label nobody's %s; the network will not find them", _list(names[~labelled]))
    if not is_built_in(skeleton):
        log_skeleton(skeleton)


def log_skeleton(skeleton: Skeleton) -> None:
    """Log which joints change places in mirrored images, for a wrong pair would teach the network to confuse sides, and
    what the skeleton does not allow."""
    names = skeleton.joint_names
    pairs = [f"{names[left]} and {names[right]}" for left, right in skeleton.twins]
    alone = [names[k] for k, twin in enumerate(skeleton.flip_indices.tolist()) if k == twin]
    logger.info("%s: left and right are %s; in the middle are %s", skeleton, _list(pairs), _list(alone))
    if not has_halves(skeleton):
        logger.info("%s: no half-body crops, which need %s of both sides", skeleton, ", ".join(HALVES))


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
