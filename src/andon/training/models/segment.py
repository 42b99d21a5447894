"""The fast family: a timm encoder, a light decoder with one map per concept, and an image-level head.

The head joins what the encoder sees (pooled deep features) with what the map says (its highest and mean
values), after SegDec-Net (Tabernik et al. 2020).  Images without masks teach the head alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import TrainSettings
from andon.training.batches import Batch
from andon.training.losses import cross_entropy, dice
from andon.training.models.intake import Intake
from andon.training.models.outputs import Outputs
from andon.training.weights import encoder_features

WIDTH = 64
"""Channels of the decoder."""

STRIDE = 4
"""Input pixels per map pixel."""


class Segmenter(nn.Module):
    """(N, H, W, C) unsigned integers -> :class:`Outputs` with maps at ``STRIDE``."""

    def __init__(self, encoder: nn.Module, concepts: int, bit_depth: int) -> None:
        super().__init__()
        info = encoder.feature_info
        self.reductions: list[int] = [r for r in info.reduction() if r >= STRIDE]  # type: ignore[union-attr,operator]
        channels: list[int] = info.channels()[-len(self.reductions) :]  # type: ignore[union-attr,operator]
        self.intake = Intake(bit_depth, standardise=True)
        self.encoder = encoder
        self.lateral = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in channels)
        self.mix = nn.ModuleList(_separable(WIDTH) for _ in channels)
        self.maps = nn.Conv2d(WIDTH, concepts, 1)
        self.scores = nn.Linear(2 * channels[-1] + 2 * WIDTH + 2 * concepts, concepts)

    def forward(self, image: Tensor) -> Outputs:
        """See the class."""
        value = self.intake(image)
        features: list[Tensor] = self.encoder(value)[-len(self.reductions) :]
        deep = features[-1]
        fused = self._decode(features)
        maps = self.maps(fused)
        pooled = [_mean(deep), _max(deep), _mean(fused), _max(fused), _mean(maps), _max(maps)]
        return Outputs(self.scores(torch.cat(pooled, dim=1)), maps)

    def _decode(self, features: list[Tensor]) -> Tensor:
        """From the deepest features up: enlarge, add the next finer ones, mix."""
        value = self.lateral[-1](features[-1])
        for level in range(len(features) - 1, -1, -1):
            if level < len(features) - 1:
                value = _enlarged(value, self.reductions[level + 1] // self.reductions[level])
                value = value + self.lateral[level](features[level])
            value = self.mix[level](value)
        return _enlarged(value, self.reductions[0] // STRIDE)


def build(settings: TrainSettings, concepts: int, spec: InputSpec) -> Segmenter:
    """A segmenter with the encoder and the weights that ``settings`` name.

    Raises:
        InvalidInput: the encoder is unknown or gives no features, or the weights do not fit it.
        NetworkError: weights were asked for by name and cannot be fetched.

    """
    return Segmenter(encoder_features(settings), concepts, spec.bit_depth)


def loss(outputs: Outputs, batch: Batch) -> Tensor:
    """Dice and cross-entropy over the maps where places are known, cross-entropy over the scores."""
    assert outputs.maps is not None
    targets = F.avg_pool2d(batch.masks, STRIDE)
    weights = batch.mask_weights.expand_as(targets)
    located = dice(outputs.maps, targets, weights) + cross_entropy(outputs.maps, targets, weights)
    return located + cross_entropy(outputs.scores, batch.labels, batch.label_weights)


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


def _mean(value: Tensor) -> Tensor:
    return value.mean(dim=(2, 3))


def _max(value: Tensor) -> Tensor:
    return value.amax(dim=(2, 3))
