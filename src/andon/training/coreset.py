"""Few points that stand for many: greedy k-centre, with the distance that it bounds."""

import torch
from torch import Tensor

CHUNK = 4096
"""Points that are compared with a memory together."""


def k_centre(points: Tensor, most: int, generator: torch.Generator) -> tuple[Tensor, float]:
    """Choose at most ``most`` of ``points`` (N, D), each time the one that is furthest from those chosen.

    Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985: no choice of as many
    points has less than half of this radius.

    Returns:
        (M,) positions, in the order they were chosen, and the covering radius: no point lies further than
        that from a chosen one.  Points that lie on one another are chosen once.

    """
    chosen = [int(torch.randint(len(points), (1,), generator=generator))]
    nearest = torch.full((len(points),), torch.inf)
    while True:
        nearest = torch.minimum(nearest, (points - points[chosen[-1]]).square().sum(dim=1))
        furthest = int(nearest.argmax())
        radius = float(nearest[furthest].sqrt())
        if radius == 0 or len(chosen) == most:
            return torch.tensor(chosen), radius
        chosen.append(furthest)


def distances(points: Tensor, memory: Tensor) -> Tensor:
    """(N,) from each of ``points`` (N, D) to the nearest row of ``memory`` (M, D)."""
    lengths = memory.square().sum(dim=1)
    found = []
    for start in range(0, len(points), CHUNK):
        part = points[start : start + CHUNK]
        nearest = torch.addmm(lengths, part, memory.T, alpha=-2).amin(dim=1)
        found.append(nearest + part.square().sum(dim=1))
    return torch.cat(found).clamp(min=0).sqrt()
