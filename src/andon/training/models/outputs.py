"""What every network gives, before the sigmoid."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Outputs:
    """Logits of a batch.

    Attributes:
        scores: (N, K), image-level.
        maps: (N, K, H / stride, W / stride), None for families that do not locate.
        any_scores: (N, 1), "some defect is there"; where it is given ``scores`` are conditional: which
            concept it is, if there is a defect.
        any_maps: (N, 1, H / stride, W / stride), the same for pixels.
        features: (N, F), what the encoder makes of the image; a network may leave them out in training.
    """

    scores: Tensor
    maps: Tensor | None = None
    any_scores: Tensor | None = None
    any_maps: Tensor | None = None
    features: Tensor | None = None

    def probabilities(self) -> tuple[Tensor, Tensor | None]:
        """Scores and maps in [0, 1], one per concept, with the shapes of ``scores`` and ``maps``."""
        scores = torch.sigmoid(self.scores)
        if self.any_scores is not None:
            scores = scores * torch.sigmoid(self.any_scores)
        if self.maps is None:
            return scores, None
        maps = torch.sigmoid(self.maps)
        return scores, maps if self.any_maps is None else maps * torch.sigmoid(self.any_maps)

    def float(self) -> "Outputs":
        """The same in full precision."""
        others = (self.maps, self.any_scores, self.any_maps, self.features)
        return Outputs(self.scores.float(), *(_full(value) for value in others))


def _full(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.float()
