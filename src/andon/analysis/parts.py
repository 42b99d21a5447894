"""Scores and truth of parts: what rates, curves and cuts are computed on; images are folded into parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from andon.errors import InvalidInput

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PartTable:
    """One row a part.

    Attributes:
        parts: keys of the parts, P of them.
        concepts: names, K of them.
        scores: (P, K) in [0, 1]: the part's highest image score for the concept.
        truth: (P, K): whether any image of the part shows the concept.
    """

    parts: tuple[str, ...]
    concepts: tuple[str, ...]
    scores: Numbers
    truth: Flags

    @property
    def defective(self) -> Flags:
        """(P,): whether the part shows any concept."""
        flags: Flags = np.any(self.truth, axis=1)
        return flags

    @property
    def worst(self) -> Numbers:
        """(P,): the part's any-defect score, its highest over the concepts."""
        highest: Numbers = np.max(self.scores, axis=1)
        return highest


def fold(parts: Sequence[str], concepts: Sequence[str], scores: ArrayLike, truth: ArrayLike) -> PartTable:
    """Fold images into parts: scores by their maximum, truth by "any"; parts sorted by key.

    Args:
        parts: the part of each of N images.
        concepts: K names.
        scores: (N, K) image scores.
        truth: (N, K) whether the image shows the concept.

    Raises:
        InvalidInput: shapes do not fit, or a score is not a number in [0, 1].
    """
    rows = np.asarray(scores, dtype=np.float64).reshape(-1, len(concepts))
    flags = np.asarray(truth, dtype=np.bool_).reshape(-1, len(concepts))
    if not len(parts) == len(rows) == len(flags):
        raise InvalidInput(f"{len(parts)} images, {len(rows)} rows of scores and {len(flags)} of truth")
    if not ((rows >= 0) & (rows <= 1)).all():
        raise InvalidInput("a score is not a number between 0 and 1")
    keys, where = np.unique(np.array(parts, dtype=object).astype(str), return_inverse=True)
    folded = np.zeros((len(keys), len(concepts)))
    shown = np.zeros((len(keys), len(concepts)), dtype=np.bool_)
    np.maximum.at(folded, where, rows)
    np.logical_or.at(shown, where, flags)
    return PartTable(tuple(keys.tolist()), tuple(concepts), folded, shown)
