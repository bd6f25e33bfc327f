"""Losses of the keypoint network and of the person detector."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from pose_track.models.centre import sides_to_boxes
from pose_track.structures.skeleton import Skeleton


def joints_mse(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Half the squared error, a mean over all cells and joints (HRNet, section 3, "Heatmap estimation").

    Unlabelled joints count as errors of 0. heatmaps, targets: (B, K, h, w); weights: (B, K), 0 for unlabelled joints.
    """
    return _squared_errors(heatmaps, targets, weights).mean()


def joints_ohkm(heatmaps: Tensor, targets: Tensor, weights: Tensor, hardest: int = 8) -> Tensor:
    """Online hard keypoint mining: `joints_mse` over the `hardest` joints of each person, those with the largest error
    (Chen et al., "Cascaded Pyramid Network", CVPR 2018, section 3.2)."""
    errors = _squared_errors(heatmaps, targets, weights)
    return errors.topk(min(hardest, errors.shape[1]), dim=1).values.mean()


def _squared_errors(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """(B, K) half the squared error of each weighted heatmap, a mean over its cells."""
    weights = weights[:, :, None, None]
    return 0.5 * F.mse_loss(heatmaps * weights, targets * weights, reduction="none").mean(dim=(2, 3))


def joint_weights(skeleton: Skeleton) -> Tensor:
    """(K,) weights that are higher for joints which are hard to localise; multiply a batch's weights with them.

    The values are those of the published COCO training, where they are optional. Raises ValueError for a skeleton
    without any of these joints.

    >>> from pose_track.structures.skeleton import LSP_14
    >>> joint_weights(LSP_14)[:3]  # right ankle, knee and hip
    tensor([1.5000, 1.2000, 1.0000])
    """
    weights = {"elbow": 1.2, "knee": 1.2, "wrist": 1.5, "ankle": 1.5}
    if not weights.keys() & set(skeleton.joint_types):
        raise ValueError(f"pose.use_joint_weights has no effect: {skeleton} has no {', '.join(weights)}; leave it out")
    return torch.tensor([weights.get(part, 1.0) for part in skeleton.joint_types])


def centre_focal(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Focal loss of the centres, reduced near a centre, a mean over people (CornerNet, equation 1).

    logits: (B, h, w); heat: (B, h, w) with peaks of 1; weight: (B, h, w), 0 in ignored cells.
    """
    probability = logits.sigmoid()
    peak = heat == 1
    positive = -F.logsigmoid(logits) * (1 - probability) ** 2
    negative = -F.logsigmoid(-logits) * probability**2 * (1 - heat) ** 4
    loss = torch.where(peak, positive, negative) * weight
    return loss.sum() / peak.sum().clamp(min=1)


def centre_boxes(sides: Tensor, boxes: Tensor, weight: Tensor) -> Tensor:
    """Generalised IoU loss of the cells' boxes, a weighted mean; 0 if no cell has a weight.

    sides: (B, 4, h, w) predicted distances; boxes: (B, 4, h, w) target x1 y1 x2 y2 in pixels; weight: (B, h, w).
    """
    weighted = weight > 0
    predicted = sides_to_boxes(sides).movedim(1, -1)[weighted]  # (B, 4, h, w) -> (number of weighted cells, 4)
    losses: Tensor = generalized_box_iou_loss(predicted, boxes.movedim(1, -1)[weighted])
    return (losses * weight[weighted]).sum() / weight.sum().clamp(min=1e-6)


def centre_loss(output: Tensor, heat: Tensor, boxes: Tensor, box_weight: Tensor, heat_weight: Tensor) -> Tensor:
    """The detector's loss: that of the centres plus five times that of the boxes (TTFNet's weights).

    output: (B, 5, h, w) of a CentreNet; the others as in a batch of `DetectionSample`s.
    """
    return centre_focal(output[:, 0], heat, heat_weight) + 5 * centre_boxes(output[:, 1:], boxes, box_weight)
