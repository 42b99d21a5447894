"""Small drawn parts to train on in seconds: grey grain with a bright dent, and where it is."""

from dataclasses import replace

import numpy as np

from andon.domain.datasets import Split
from andon.training.samples import Sample

SIZE = 64
DENT = 10


def drawn(number: int, split: Split = Split.TRAIN, concept: str | None = "dent") -> Sample:
    """Part ``number`` (the same number gives the same picture); ``concept`` None draws a clean one."""
    rng = np.random.default_rng(number)
    pixels = rng.normal(110, 8, (SIZE, SIZE)).clip(0, 255)
    mask = np.zeros((SIZE, SIZE), bool)
    if concept is not None:
        top, left = rng.integers(4, SIZE - DENT - 4, 2)
        mask[top : top + DENT, left : left + DENT] = True
        pixels[mask] += 70 if concept == "dent" else -70
    image = pixels.clip(0, 255).astype(np.uint8)
    sample = Sample(f"{concept}-{number}", f"part-{number}", split, lambda: image)
    if concept is None:
        return sample
    return replace(sample, labels=frozenset({concept}), masks={concept: lambda: mask})


def drawn_parts(train: int = 24, stop: int = 8) -> list[Sample]:
    """Half of each group with a dent, half clean."""
    splits = [Split.TRAIN] * train + [Split.STOP] * stop
    return [drawn(i, split, "dent" if i % 2 else None) for i, split in enumerate(splits)]
