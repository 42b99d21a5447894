"""Which images make up a batch: by concept and part, so that what is rare does not drown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from andon.domain.runs import TrainSettings
from andon.training.samples import Sample


@dataclass(frozen=True, slots=True)
class Draw:
    """One place of a batch: an image, and the concept a crop is centred on (None: the whole image)."""

    index: int
    crop: str | None


class Sampler:
    """Draws batches. A batch is a function of seed and step alone: there is no position to save."""

    def __init__(self, samples: Sequence[Sample], concepts: Sequence[str], settings: TrainSettings) -> None:
        self._settings = settings
        self._samples = samples
        by_concept = {c: [i for i, s in enumerate(samples) if c in s.labels] for c in concepts}
        self._defects = {c: self._parts(found) for c, found in by_concept.items() if found}
        self._clean = self._parts([i for i, s in enumerate(samples) if not s.labels])

    def draw(self, step: int) -> tuple[list[Draw], np.random.Generator]:
        """The batch of one step, and the generator its augmentation goes on with."""
        settings = self._settings
        rng = np.random.default_rng([settings.seed, step])
        defects = round(settings.batch * settings.defect_share)
        if not self._clean:
            defects = settings.batch
        draws = [self._defect(rng) for _ in range(defects)]
        draws += [Draw(_pick_part(self._clean, rng), None) for _ in range(settings.batch - defects)]
        return draws, rng

    def _defect(self, rng: np.random.Generator) -> Draw:
        concept = sorted(self._defects)[int(rng.integers(len(self._defects)))]
        index = _pick_part(self._defects[concept], rng)
        chance = self._settings.crop / max(self._settings.defect_share, 1e-9)
        cropped = rng.random() < chance and self._samples[index].has_map
        return Draw(index, concept if cropped else None)

    def _parts(self, indices: Sequence[int]) -> list[list[int]]:
        """Images by part; parts that a model judged wrongly stand there several times."""
        found: dict[str, list[int]] = {}
        for index in indices:
            found.setdefault(self._samples[index].part, []).append(index)
        times = {part: self._times(images) for part, images in found.items()}
        return [found[part] for part in sorted(found) for _ in range(times[part])]

    def _times(self, images: Sequence[int]) -> int:
        wrong = any(self._samples[index].regression for index in images)
        return self._settings.regression if wrong else 1


def _pick_part(parts: Sequence[Sequence[int]], rng: np.random.Generator) -> int:
    images = parts[int(rng.integers(len(parts)))]
    return images[int(rng.integers(len(images)))]
