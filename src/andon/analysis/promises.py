"""Cuts that keep a promised escape rate, shown on a finite sample: learn then test.

A cut is a hypothesis: "with it, more than RATE of the defective parts pass".  Parts that were drawn like
those of the line test it, by the exact binomial: P(at most this many misses | RATE).  Hypotheses are
tested one after the other, the strictest cut first, each at the whole doubt 1 - CONFIDENCE, and testing
ends at the first that cannot be rejected (fixed-sequence testing).  So the least restrictive of the
rejected ones breaks the promise with probability 1 - CONFIDENCE at most, whatever the scores look like, for
any number of parts.

Angelopoulos, Bates, Candes, Jordan, Lei: Learn then Test, arXiv 2110.01052, 2021.  For a single cut, as
here, the result is Wilks' tolerance limit (Ann. Math. Stat. 12, 1941), so that the tested cuts may lie at
the parts' own scores.  Conformal risk control (Angelopoulos et al., arXiv 2208.02814, 2022) bounds the mean
over many calibrations instead; it needs fewer parts and says less of the one recipe that ships.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from andon.analysis.bounds import CONFIDENCE, parts_needed, upper_bound
from andon.errors import InvalidInput

ROUNDING = 1e-9
"""Of the doubt: 1 - 0.99 is a little more than 0.01, and (1 - 0.9) ** 2 a little less."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a sample shows.

    Attributes:
        parts: defective parts that were asked.
        misses: those that pass at ``cut``; where nothing is shown, those that pass at the strictest.
        cut: the least restrictive cut that is shown to keep the rate; None: not even the strictest is.
        needed: parts it takes when none is missed.
        needed_with_misses: parts it takes with ``misses``.
        lowest_rate: what as many parts could show if none of them were missed.
    """

    parts: int
    misses: int
    cut: float | None
    needed: int
    needed_with_misses: int
    lowest_rate: float


def least_restrictive(
    levels: ArrayLike, floor: float, rate: float, confidence: float = CONFIDENCE
) -> Tested:
    """The least restrictive cut whose escape rate is at most ``rate``, with ``confidence``.

    Too few parts, or too many misses, are an answer (``cut`` is None), no error.

    Args:
        levels: (P,) of each defective part the highest cut with which it still does not pass: the part
            escapes at every cut above.  ``inf``: it never passes; ``-inf``: it always does.
        floor: the strictest cut there is; a part whose level is lower passes with any.
        rate: of defective parts that may pass, 0..1.
        confidence: 0..1.

    Raises:
        InvalidInput: a level is not a number, or rate or confidence are not between 0 and 1.
    """
    sorted_levels = np.sort(np.asarray(levels, dtype=np.float64).ravel())
    if np.isnan(sorted_levels).any():
        raise InvalidInput("the level of a part is not a number")
    needed, parts = parts_needed(rate, confidence), len(sorted_levels)
    within = sorted_levels[np.isfinite(sorted_levels) & (sorted_levels > floor)]
    shown, misses = None, _misses(sorted_levels, floor)
    for cut in np.unique([floor, *within]).tolist():
        escaping = _misses(sorted_levels, cut)
        if not _is_shown(escaping, parts, rate, confidence):
            break
        shown, misses = cut, escaping
    with_misses = _parts_for(misses, rate, confidence)
    return Tested(parts, misses, shown, needed, with_misses, upper_bound(0, parts, confidence))


def _misses(sorted_levels: np.ndarray, cut: float) -> int:
    """A part whose level is the cut does not pass."""
    return int(np.searchsorted(sorted_levels, cut, side="left"))


def _is_shown(misses: int, parts: int, rate: float, confidence: float) -> bool:
    """Whether so few misses are too unlikely at ``rate``, and so at any higher rate, to be chance."""
    return bool(binom.cdf(misses, parts, rate) <= (1 - confidence) * (1 + ROUNDING))


def _parts_for(misses: int, rate: float, confidence: float) -> int:
    """The fewest parts that show ``rate`` with ``misses`` of them missed."""
    low, high = misses, parts_needed(rate, confidence)
    while not _is_shown(misses, high, rate, confidence):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _is_shown(misses, middle, rate, confidence):
            high = middle
        else:
            low = middle
    return high
