"""Patch memory: how far each place of an image is from what clean images show, after PatchCore.

Roth et al., "Towards total recall in industrial anomaly detection", CVPR 2022.  Features of two middle
stages of a frozen encoder, averaged over their neighbours, are scaled by stage and projected to few
dimensions.  A place's distance is that to the nearest row of the memory: one matrix multiplication.

Padding makes features at the border differ, and some places of a part vary more than others.  So the
distance ``d`` of a place is measured against what distances clean held-out images have there,
``z = (d - usual) / spread``, and averaged over 3 x 3 places.  The image's value is the mean of its
``HIGHEST`` largest ones.  Scores are softsign functions of values, with ``middle`` and ``width`` from the
values of clean held-out images (their median and robust deviation):

    v = (value - middle) / width - HALF,    score = (1 + v / (1 + |v|)) / 2

so that a score of 0.5 lies ``HALF`` deviations above the usual clean image, and no value, however large,
shares its score with another.
"""

from collections.abc import Mapping
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import TrainSettings
from andon.training.models.intake import Intake
from andon.training.models.outputs import Outputs
from andon.training.weights import encoder_stages

REDUCTIONS = (8, 16)
"""Of the stages whose features are compared."""

STRIDE = 8
"""Input pixels per map pixel."""

HIGHEST = 3
"""Map pixels whose mean is the value of an image: one alone may be noise."""

HALF = 3.0
"""Deviations above the usual clean image at which the score is 0.5."""

LEARNT = ("memory", "lengths", "centre", "projection", "usual", "spread", "middle", "width")
"""Buffers that :mod:`andon.training.remembering` fills; their sizes are those of what was learnt."""


class PatchMemory(nn.Module):
    """(N, H, W, C) unsigned integers -> :class:`Outputs` with maps at ``STRIDE``.

    Attributes:
        memory: (D, M), a column for each patch. lengths: (M,) their squared lengths.
        centre: (F,) taken from features; projection: (F, D) what they are multiplied with then, with the
            scale of each stage in it.
        usual, spread: (h, w) mean and deviation of clean distances at each place.
        middle, width: median and robust deviation of the values of clean images, scalars.

    """

    memory: Tensor
    lengths: Tensor
    centre: Tensor
    projection: Tensor
    usual: Tensor
    spread: Tensor
    middle: Tensor
    width: Tensor

    def __init__(self, encoder: nn.Module, bit_depth: int) -> None:
        super().__init__()
        self.intake = Intake(bit_depth, standardise=False)
        self.encoder = encoder.requires_grad_(False)
        for name in LEARNT:
            self.register_buffer(name, torch.zeros(()))

    def forward(self, image: Tensor) -> Outputs:
        """See the class and the module."""
        stages = self.stages(image)
        rows = (self.joined(stages, image) - self.centre) @ self.projection
        nearest = (self.lengths - 2 * (rows @ self.memory)).amin(dim=3) + rows.square().sum(dim=3)
        places, images = self.values(nearest.clamp(min=0).sqrt())
        deep = stages[-1]
        features = torch.cat([deep.mean(dim=(2, 3)), deep.amax(dim=(2, 3))], dim=1)
        return Outputs(self._logits(images), self._logits(places)[:, None], features=features)

    def stages(self, image: Tensor) -> list[Tensor]:
        """What the encoder makes of images: (N, C, H / reduction, W / reduction) each, finest first."""
        found: list[Tensor] = self.encoder(self.intake(image))
        return found

    def joined(self, stages: list[Tensor], image: Tensor) -> Tensor:
        """(N, H / STRIDE, W / STRIDE, F): each stage averaged over 3 x 3, in one size, side by side."""
        size = (image.shape[1] // STRIDE, image.shape[2] // STRIDE)
        smooth = [_averaged(stage) for stage in stages]
        sized = [
            stage
            if stage.shape[2:] == size
            else F.interpolate(stage, size=size, mode="bilinear", align_corners=False)
            for stage in smooth
        ]
        return torch.cat(sized, dim=1).permute(0, 2, 3, 1)

    def values(self, distances: Tensor) -> tuple[Tensor, Tensor]:
        """Of distances (N, h, w): what each place is worth (N, h, w), and each image (N, 1)."""
        unusual = (distances - self.usual) / self.spread
        places = _averaged(unusual[:, None])[:, 0]
        return places, places.flatten(1).topk(HIGHEST, dim=1).values.mean(dim=1, keepdim=True)

    def learn(self, learnt: Mapping[str, Tensor]) -> None:
        """Take what was learnt, by the names of ``LEARNT``."""
        for name, value in learnt.items():
            setattr(self, name, value)

    def train(self, mode: bool = True) -> Self:
        """Never: neither the encoder nor its norms change."""
        del mode
        return super().train(False)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Sizes depend on what was learnt, so buffers take those of the file."""
        found = {name: state_dict[prefix + name] for name in LEARNT if prefix + name in state_dict}
        self.learn({name: torch.empty_like(value) for name, value in found.items()})
        super()._load_from_state_dict(state_dict, prefix, *others)

    def _logits(self, values: Tensor) -> Tensor:
        """Whose sigmoid is the score that the module states."""
        above = (values - self.middle) / self.width - HALF
        return above.sign() * torch.log1p(2 * above.abs())


def build(settings: TrainSettings, concepts: int, spec: InputSpec, load: bool) -> PatchMemory:
    """A memory that is empty yet, on the encoder and the weights that ``settings`` name.

    Raises:
        InvalidInput: the encoder is unknown or gives no features, or the weights do not fit it.
        NetworkError: weights were asked for by name and cannot be fetched.

    """
    del concepts
    return PatchMemory(encoder_stages(settings, load, REDUCTIONS), spec.bit_depth).eval()


def _averaged(maps: Tensor) -> Tensor:
    """(N, C, h, w) over 3 x 3 places; at the border over those there are."""
    return F.avg_pool2d(maps, 3, 1, padding=1, count_include_pad=False)
