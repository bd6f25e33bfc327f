"""Losses of the keypoint network and of the person detector."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from pose_track.models.centre import sides_to_boxes
from pose_track.structures.skeleton import Skeleton


def joints_mse(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Half the squared error, averaged over everything, unlabelled joints too (HRNet, section 3, "Heatmap estimation").

    heatmaps, targets: (B, K, h, w); weights: (B, K), 0 for a joint that is not labelled.
    """
    return _squared_errors(heatmaps, targets, weights).mean()


def joints_ohkm(heatmaps: Tensor, targets: Tensor, weights: Tensor, hardest: int = 8) -> Tensor:
    """As `joints_mse`, over each person's `hardest` joints only, those of greatest error (online hard keypoint mining;
    Chen et al., "Cascaded Pyramid Network", CVPR 2018, section 3.2)."""
    errors = _squared_errors(heatmaps, targets, weights)
    return errors.topk(min(hardest, errors.shape[1]), dim=1).values.mean()


def _squared_errors(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """(B, K) half the squared error of each weighted map, a mean over its cells."""
    weights = weights[:, :, None, None]
    return 0.5 * F.mse_loss(heatmaps * weights, targets * weights, reduction="none").mean(dim=(2, 3))


def joints_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of the softmax over a map's cells against the target as shares, a weighted mean over all joints,
    unlabelled ones too, so that the mean of equal parts of a batch is that of the batch.

    logits, targets: (B, K, h, w); weights: (B, K), 0 for a joint that is not labelled. An empty target costs nothing.
    """
    maps, bells = logits.flatten(0, 1).flatten(1), targets.flatten(0, 1).flatten(1)  # (B, K, h, w) -> (B * K, h * w)
    shares = bells / bells.sum(dim=1, keepdim=True).clamp(min=torch.finfo(bells.dtype).tiny)
    return (F.cross_entropy(maps, shares, reduction="none") * weights.flatten()).mean()


def joint_weights(skeleton: Skeleton) -> Tensor:
    """(K,) weights that make up for how hard a joint is to find; multiply a batch's weights with them (the published
    COCO training, where they may be switched on).

    >>> from pose_track.structures.skeleton import LSP_14
    >>> joint_weights(LSP_14)[:3]  # right ankle, knee and hip
    tensor([1.5000, 1.2000, 1.0000])
    """
    heavy = {"elbow": 1.2, "knee": 1.2, "wrist": 1.5, "ankle": 1.5}
    return torch.tensor([heavy.get(part, 1.0) for part in skeleton.part_names])


def centre_focal(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Focal loss on centres, softened next to a centre, a mean over people (CornerNet, equation 1).

    logits: (B, h, w); heat: (B, h, w) with peaks of 1; weight: (B, h, w), 0 where nothing is known.
    """
    probability = logits.sigmoid()
    peak = heat == 1
    positive = -F.logsigmoid(logits) * (1 - probability) ** 2
    negative = -F.logsigmoid(-logits) * probability**2 * (1 - heat) ** 4
    loss = torch.where(peak, positive, negative) * weight
    return loss.sum() / peak.sum().clamp(min=1)


def centre_boxes(sides: Tensor, boxes: Tensor, weight: Tensor) -> Tensor:
    """Generalised IoU loss of every cell's box, a weighted mean; 0 where no cell has a weight.

    sides: (B, 4, h, w) predicted distances; boxes: (B, 4, h, w) true x1 y1 x2 y2 in pixels; weight: (B, h, w).
    """
    chosen = weight > 0
    predicted = sides_to_boxes(sides).movedim(1, -1)[chosen]  # (B, 4, h, w) -> (number of chosen cells, 4)
    losses: Tensor = generalized_box_iou_loss(predicted, boxes.movedim(1, -1)[chosen])
    return (losses * weight[chosen]).sum() / weight.sum().clamp(min=1e-6)


def centre_loss(output: Tensor, heat: Tensor, boxes: Tensor, box_weight: Tensor, heat_weight: Tensor) -> Tensor:
    """The detector's loss: centres and, five times as heavy, boxes (TTFNet's weights).

    output: (B, 5, h, w) of a CentreNet; the rest as in a batch of `BoxSample`s.
    """
    return centre_focal(output[:, 0], heat, heat_weight) + 5 * centre_boxes(output[:, 1:], boxes, box_weight)
