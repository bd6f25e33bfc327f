"""Losses of the keypoint network and of the person detector."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from pose_track.models.centre import sides_to_boxes


def joints_mse(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Half the squared error, averaged over everything, unlabelled joints too (HRNet, section 3, "Heatmap estimation").

    heatmaps, targets: (B, K, h, w); weights: (B, K), 0 for a joint that is not labelled.
    """
    weights = weights[:, :, None, None]
    return 0.5 * F.mse_loss(heatmaps * weights, targets * weights)


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
