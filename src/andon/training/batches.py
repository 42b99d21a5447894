"""Batches: what one optimiser step sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from andon.domain.runs import TrainSettings
from andon.training.augment import Picture, augment
from andon.training.pool import Pool
from andon.training.samples import Sample
from andon.training.sampling import Sampler

FAINT = 0.1
"""A defect of which less than this share of its area is left in view is neither there nor gone."""


@dataclass(frozen=True, slots=True)
class Batch:
    """N images with targets for K concepts.

    Attributes:
        image: (N, H, W, C) uint8 or uint16.
        labels: (N, K) float32, 1 where the concept is on the image.
        label_weights: (N, K), 0 where that is not known.
        masks: (N, K, H, W) float32 in [0, 1].
        mask_weights: (N, 1, 1, 1), 0 where the place of the defects is not known.

    """

    image: Tensor
    labels: Tensor
    label_weights: Tensor
    masks: Tensor
    mask_weights: Tensor


class Batches:
    """Batch by step number, the same for the same step of the same run."""

    def __init__(self, pool: Pool, learnt: int, concepts: Sequence[str], settings: TrainSettings) -> None:
        """The first ``learnt`` samples of ``pool`` are drawn from."""
        samples = pool.samples[:learnt]
        self._pool = pool
        self._concepts = concepts
        self._settings = settings
        self._sampler = Sampler(samples, concepts, settings)

    def __getitem__(self, step: int) -> Batch:
        draws, rng = self._sampler.draw(step)
        before = [self._pool[draw.index] for draw in draws]
        changes = self._settings.augmentation
        after = [augment(p, changes, d.crop, rng) for p, d in zip(before, draws, strict=True)]
        samples = [self._pool.samples[draw.index] for draw in draws]
        return self._collate(samples, before, after)

    def _collate(
        self, samples: Sequence[Sample], before: Sequence[Picture], after: Sequence[Picture]
    ) -> Batch:
        height, width = self._settings.height, self._settings.width
        masks = np.zeros((len(samples), len(self._concepts), height, width), np.float32)
        labels = np.zeros((len(samples), len(self._concepts)), np.float32)
        weights = np.ones_like(labels)
        for row, sample in enumerate(samples):
            for column, concept in enumerate(self._concepts):
                labels[row, column] = concept in sample.labels
                if concept not in after[row].masks:
                    continue
                masks[row, column] = after[row].masks[concept] / np.float32(255)
                left = in_view(before[row], after[row], concept)
                labels[row, column] = left > 0
                weights[row, column] = left == 0 or left >= FAINT
        known = np.array([sample.has_map for sample in samples], np.float32)
        image = np.stack([picture.image for picture in after])
        tensors = (torch.from_numpy(a) for a in (image, labels, weights, masks, known.reshape(-1, 1, 1, 1)))
        return Batch(*tensors)


def in_view(before: Picture, after: Picture, concept: str) -> float:
    """Share of a defect's area that is still there; 1 where its mask was empty before."""
    area = int(before.masks[concept].sum(dtype=np.int64))
    return float(after.masks[concept].sum(dtype=np.int64)) / area if area else 1.0
