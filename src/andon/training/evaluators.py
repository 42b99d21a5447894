"""What is measured on the stop group while training: it chooses the checkpoint, and people look at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from torch import Tensor, nn
from torch.nn import functional as F

from andon.domain.models import OutputSpec
from andon.domain.runs import Miss
from andon.training.augment import Picture
from andon.training.models.outputs import Outputs
from andon.training.pool import Pool
from andon.training.samples import Pixels, Sample

CHUNK = 16
"""Images that go through the network together."""

MISSES = 8
"""Images that are shown as what the network gets wrong now."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the stop group says of a network.

    Attributes:
        metrics: ``ap``: average precision of "any defect"; ``iou``: of the pixels of any defect, over all
            images. Each is left out where it is not defined: no image, one class only, no masks.
        worst: the images it is most wrong about, the worst first.
    """

    metrics: Mapping[str, float]
    worst: tuple[Miss, ...]


def evaluate(network: nn.Module, pool: Pool, positions: Sequence[int], output: OutputSpec) -> Measured:
    """Measure a network on the samples of ``pool`` at ``positions``."""
    samples = [pool.samples[position] for position in positions]
    scores: list[list[float]] = []
    overlap = union = 0
    for start in range(0, len(positions), CHUNK):
        pictures = [pool[position] for position in positions[start : start + CHUNK]]
        found_scores, maps = infer(network, np.stack([picture.image for picture in pictures]))
        scores += found_scores.tolist()
        if maps is not None:
            both, either = _overlap(maps, pictures, output.map_level)
            known = np.array([sample.has_map for sample in samples[start : start + CHUNK]])
            overlap += int(both[known].sum())
            union += int(either[known].sum())
    found: dict[str, float] = {}
    truth = [bool(sample.labels) for sample in samples]
    if 0 < sum(truth) < len(truth):
        found["ap"] = float(average_precision_score(truth, [max(of_image) for of_image in scores]))
    if union and any(sample.has_map and sample.labels for sample in samples):
        found["iou"] = overlap / union
    return Measured(found, worst_of(samples, scores, output.concepts))


def worst_of(
    samples: Sequence[Sample], scores: Sequence[Sequence[float]], concepts: Sequence[str]
) -> tuple[Miss, ...]:
    """Of each image what is furthest from the truth; the ``MISSES`` worst of them. ``scores`` is (N, K)."""
    misses = [
        max(
            (Miss(sample.name, name, score, name in sample.labels) for name, score in pairs),
            key=lambda miss: miss.gap,
        )
        for sample, of_image in zip(samples, scores, strict=True)
        if (pairs := list(zip(concepts, of_image, strict=True)))
    ]
    return tuple(sorted(misses, key=lambda miss: (-miss.gap, miss.image))[:MISSES])


def infer(network: nn.Module, images: Pixels) -> tuple[Tensor, Tensor | None]:
    """Probabilities (scores, maps) for (N, H, W, C) images, in full precision like the exported graph."""
    return answer(network, images).probabilities()


def answer(network: nn.Module, images: Pixels) -> Outputs:
    """All that the network says of (N, H, W, C) images, before the sigmoid, in full precision."""
    network.eval()
    with torch.inference_mode():
        outputs: Outputs = network(torch.from_numpy(images))
    return outputs


def _overlap(
    maps: Tensor, pictures: Sequence[Picture], level: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels per image in both, and in either, of found and true defects, in input size."""
    size = pictures[0].image.shape[:2]
    found = maps.amax(dim=1, keepdim=True)
    here = F.interpolate(found, size=size, mode="bilinear", align_corners=False)[:, 0].numpy() >= level
    true = np.zeros_like(here)
    for row, picture in enumerate(pictures):
        for mask in picture.masks.values():
            true[row] |= mask > 127
    return (here & true).sum(axis=(1, 2)), (here | true).sum(axis=(1, 2))
