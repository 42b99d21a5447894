"""What every network gives, before the sigmoid."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Outputs:
    """Logits of a batch.

    Attributes:
        scores: (N, K), image-level.
        maps: (N, K, H / stride, W / stride), None for families that do not locate.

    """

    scores: Tensor
    maps: Tensor | None
