"""Losses, each a function of logits, targets and weights of one shape; weight 0 means "not known here"."""

import torch
import torch.nn.functional as F
from torch import Tensor

DICE_SMOOTH = 1.0
"""Pixels added above and below the fraction: an empty mask that is found empty costs nothing."""


def dice(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Soft Dice loss over the batch, a mean over concepts (Milletari et al. 2016, V-Net, squared form).

    Args:
        logits: (N, K, H, W).
        targets: the same, in [0, 1].
        weights: the same, in [0, 1].

    """
    found = torch.sigmoid(logits) * weights
    wanted = targets * weights
    both = (found * wanted).sum(dim=(0, 2, 3))
    total = found.square().sum(dim=(0, 2, 3)) + wanted.square().sum(dim=(0, 2, 3))
    return (1 - (2 * both + DICE_SMOOTH) / (total + DICE_SMOOTH)).mean()


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy per concept, a weighted mean; 0 where all weights are 0."""
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * weights).sum() / weights.sum().clamp(min=1.0)
