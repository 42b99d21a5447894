"""How well scores tell defective from clean, and masks their pixels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from andon.analysis.parts import Flags, Numbers, PartTable
from andon.errors import NotPossible

ANY = "any"
"""Stands for "any defect": the highest score over all concepts."""


@dataclass(frozen=True, slots=True)
class Separation:
    """How well one score separates.

    Attributes:
        average_precision: area under the precision-recall steps.
        auroc: chance that a defective part scores above a clean one, ties counted half.
        defective, clean: how many parts stand behind the numbers.
    """

    average_precision: float
    auroc: float
    defective: int
    clean: int


def separations(table: PartTable) -> Mapping[str, Separation]:
    """Separation of :data:`ANY` and of every concept for which there are parts with and without it.

    A concept is measured on the parts that show it against the parts that do not, clean or otherwise.

    Raises:
        NotPossible: no part is defective, or none is clean.
    """
    found = {ANY: _separation(table.worst, table.defective)}
    for index, concept in enumerate(table.concepts):
        truth = table.truth[:, index]
        if truth.any() and not truth.all():
            found[concept] = _separation(table.scores[:, index], truth)
    return found


def average_precision(scores: ArrayLike, truth: ArrayLike) -> float:
    """Sum over falling thresholds of precision times the recall gained there; equal scores are one step.

    Args:
        scores: (N,) any real numbers.
        truth: (N,) whether it is defective.

    Raises:
        NotPossible: one of the two classes is absent.
    """
    values, flags = _both_classes(scores, truth)
    order = np.argsort(-values, kind="stable")
    caught = np.cumsum(flags[order])
    last_of_step = np.append(np.diff(values[order]) != 0, True)
    recall_steps = np.diff(caught[last_of_step], prepend=0) / caught[-1]
    precision = caught[last_of_step] / (np.flatnonzero(last_of_step) + 1)
    return float(np.sum(recall_steps * precision))


def auroc(scores: ArrayLike, truth: ArrayLike) -> float:
    """Area under the ROC curve, from ranks (Mann and Whitney 1947).

    Raises:
        NotPossible: one of the two classes is absent.
    """
    values, flags = _both_classes(scores, truth)
    positives = int(flags.sum())
    above = float(rankdata(values)[flags].sum()) - positives * (positives + 1) / 2
    return above / (positives * (len(flags) - positives))


class PixelCounts:
    """Agreement of predicted and true pixels of one concept, summed over images."""

    def __init__(self) -> None:
        self.both = 0
        self.either = 0
        self.true = 0

    def add(self, predicted: Flags, true: Flags) -> None:
        """Count one image: two masks of the same (H, W)."""
        both, known = int(np.count_nonzero(predicted & true)), int(np.count_nonzero(true))
        self.both += both
        self.true += known
        self.either += int(np.count_nonzero(predicted)) + known - both

    @property
    def iou(self) -> float:
        """Pixels in both over pixels in either.

        Raises:
            NotPossible: no image has a predicted or true pixel.
        """
        self._refuse_empty()
        return self.both / self.either

    @property
    def dice(self) -> float:
        """Twice the pixels in both over the sum of the two areas.

        Raises:
            NotPossible: as :attr:`iou`.
        """
        self._refuse_empty()
        return 2 * self.both / (self.either + self.both)

    def _refuse_empty(self) -> None:
        if not self.either:
            raise NotPossible("there is no pixel, true or predicted, to compare")


def _separation(scores: Numbers, truth: Flags) -> Separation:
    positives = int(truth.sum())
    return Separation(
        average_precision(scores, truth), auroc(scores, truth), positives, len(truth) - positives
    )


def _both_classes(scores: ArrayLike, truth: ArrayLike) -> tuple[Numbers, Flags]:
    values, flags = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.bool_)
    if flags.all() or not flags.any():
        kind = "clean" if flags.any() else "defective"
        raise NotPossible(
            f"there are no {kind} parts to measure with", "Add labelled parts, or split the data set anew."
        )
    return values, flags
