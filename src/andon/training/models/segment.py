"""The fast family: a timm encoder, a light decoder with one map per concept, and an image-level head.

What all defects share is learnt once: one map and one score say "some defect", K more say which one, given
that there is one.  A concept with few examples so profits from the others.  The head starts as the highest
value on the map and learns from pooled features where that misleads, after SegDec-Net (Tabernik et al.
2020).  Images without masks teach the head alone.
"""

from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import TrainSettings
from andon.training.batches import Batch
from andon.training.frozen import freeze_early, hold_norms
from andon.training.losses import cross_entropy, dice
from andon.training.models.intake import Intake
from andon.training.models.outputs import Outputs
from andon.training.weights import NONE, encoder_features

WIDTH = 64
"""Channels of the decoder."""

STRIDE = 4
"""Input pixels per map pixel."""


class Segmenter(nn.Module):
    """(N, H, W, C) unsigned integers -> :class:`Outputs` with maps at ``STRIDE``.

    Features summarise every level of the encoder, not the deepest alone: a short training can drive that
    to a constant (its bounded activations saturate), which the finer levels make up for, and then all
    images would look the same.
    """

    def __init__(self, encoder: nn.Module, concepts: int, bit_depth: int, pretrained: bool) -> None:
        super().__init__()
        self.pretrained = pretrained
        info = encoder.feature_info
        self.reductions: list[int] = [r for r in info.reduction() if r >= STRIDE]  # type: ignore[union-attr,operator]
        channels: list[int] = info.channels()[-len(self.reductions) :]  # type: ignore[union-attr,operator]
        self.intake = Intake(bit_depth, standardise=True)
        self.encoder = encoder
        self.lateral = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in channels)
        self.mix = nn.ModuleList(_separable(WIDTH) for _ in channels)
        pooled = 2 * channels[-1] + 2 * WIDTH
        self.any_map = nn.Conv2d(WIDTH, 1, 1)
        self.any_score = nn.Linear(pooled, 1)
        self.which_map = nn.Conv2d(WIDTH, concepts, 1) if concepts > 1 else None
        self.which_score = nn.Linear(pooled, concepts) if concepts > 1 else None
        nn.init.zeros_(self.any_score.weight)
        nn.init.zeros_(self.any_score.bias)

    def forward(self, image: Tensor) -> Outputs:
        """See the class."""
        features: list[Tensor] = self.encoder(self.intake(image))[-len(self.reductions) :]
        fused = self._decode(features)
        pooled = torch.cat([_summary(features[-1]), _summary(fused)], dim=1)
        seen = None if self.training else torch.cat([_summary(level) for level in features], dim=1)
        any_map = self.any_map(fused)
        any_score = self.any_score(pooled) + _max(F.avg_pool2d(any_map, 3, stride=1))
        if self.which_map is None or self.which_score is None:
            return Outputs(any_score, any_map, features=seen)
        return Outputs(self.which_score(pooled), self.which_map(fused), any_score, any_map, seen)

    def train(self, mode: bool = True) -> Self:
        """As ever, but the norms of a pre-trained encoder are held."""
        super().train(mode)
        if self.pretrained:
            hold_norms(self.encoder)
        return self

    def _decode(self, features: list[Tensor]) -> Tensor:
        """From the deepest features up: enlarge, add the next finer ones, mix."""
        value = self.lateral[-1](features[-1])
        for level in range(len(features) - 1, -1, -1):
            if level < len(features) - 1:
                value = _enlarged(value, self.reductions[level + 1] // self.reductions[level])
                value = value + self.lateral[level](features[level])
            value = self.mix[level](value)
        return _enlarged(value, self.reductions[0] // STRIDE)


def build(settings: TrainSettings, concepts: int, spec: InputSpec, load: bool) -> Segmenter:
    """A segmenter with the encoder and the weights that ``settings`` name.

    Raises:
        InvalidInput: the encoder is unknown or gives no features, or the weights do not fit it.
        NetworkError: weights were asked for by name and cannot be fetched.
    """
    encoder = encoder_features(settings, load)
    pretrained = settings.weights != NONE
    if pretrained:
        freeze_early(encoder)
    return Segmenter(encoder, concepts, spec.bit_depth, pretrained)


def loss(outputs: Outputs, batch: Batch) -> Tensor:
    """Dice and cross-entropy over the "some defect" map where places are known, cross-entropy over its
    score, and, where there is a defect, cross-entropy over which one it is."""
    assert outputs.maps is not None
    targets = F.avg_pool2d(batch.masks, STRIDE)
    some = targets.amax(dim=1, keepdim=True)
    sure = batch.labels * batch.label_weights
    labelled = sure.amax(dim=1, keepdim=True)
    known = torch.maximum(labelled, batch.label_weights.amin(dim=1, keepdim=True))
    any_maps = outputs.maps if outputs.any_maps is None else outputs.any_maps
    any_scores = outputs.scores if outputs.any_scores is None else outputs.any_scores
    weights = batch.mask_weights.expand_as(some)
    total = dice(any_maps, some, weights) + cross_entropy(any_maps, some, weights)
    total = total + cross_entropy(any_scores, labelled, known)
    if outputs.any_maps is None:
        return total
    which = cross_entropy(outputs.maps, targets, (weights * some).expand_as(targets))
    return total + which + cross_entropy(outputs.scores, batch.labels, batch.label_weights * labelled)


def _separable(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


def _enlarged(value: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return value
    return F.interpolate(value, scale_factor=float(factor), mode="bilinear", align_corners=False)


def _summary(value: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 2 C): mean and maximum of each channel."""
    return torch.cat([value.mean(dim=(2, 3)), _max(value)], dim=1)


def _max(value: Tensor) -> Tensor:
    return value.amax(dim=(2, 3))
