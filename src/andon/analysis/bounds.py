"""Rates with their doubt: exact binomial bounds (Clopper and Pearson, Biometrika 26, 1934)."""

import math

from scipy.stats import beta

from andon.domain.models import Interval
from andon.errors import InvalidInput

CONFIDENCE = 0.95


def interval(count: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """Two-sided interval of a rate: each end leaves out half of ``1 - confidence``.

    Raises:
        InvalidInput: not 0 <= count <= of, or the confidence is not between 0 and 1.
    """
    _check(count, of, confidence)
    tail = (1 - confidence) / 2
    return Interval(count, of, _low(count, of, tail), _high(count, of, tail), confidence)


def at_most(count: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """One-sided: the rate is not above ``high``, with the whole doubt on that side; ``low`` is 0.

    This is the form for escapes, where only the upper end matters: 0 of 40 still allows 7.2 %.

    Raises:
        InvalidInput: as :func:`interval`.
    """
    return Interval(count, of, 0.0, upper_bound(count, of, confidence), confidence)


def upper_bound(misses: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The highest rate that still gives ``misses`` or fewer of ``of`` with probability 1 - confidence.

    Raises:
        InvalidInput: as :func:`interval`.
    """
    _check(misses, of, confidence)
    return _high(misses, of, 1 - confidence)


def parts_needed(bound: float, confidence: float = CONFIDENCE) -> int:
    """How many parts without a single miss it takes until :func:`upper_bound` is at most ``bound``.

    Raises:
        InvalidInput: the bound or the confidence is not between 0 and 1.
    """
    if not 0 < bound < 1:
        raise InvalidInput(f"a bound of {bound:g} is not between 0 and 1")
    _check(0, 0, confidence)
    return math.ceil(math.log1p(-confidence) / math.log1p(-bound) - 1e-9)


def sentence(bound: Interval) -> str:
    """What a one-sided bound says, in words, e.g. "0 of 40 still allows 7.2 % at 95 %"."""
    if not bound.of:
        return "no parts to count: nothing is known about the rate"
    return f"{bound.count} of {bound.of} still allows {bound.high:.1%} at {bound.confidence:.0%}".replace(
        "%", " %"
    )


def _check(count: int, of: int, confidence: float) -> None:
    if not 0 <= count <= of:
        raise InvalidInput(f"{count} of {of} is not a count of parts")
    if not 0 < confidence < 1:
        raise InvalidInput(f"a confidence of {confidence:g} is not between 0 and 1")


def _low(count: int, of: int, tail: float) -> float:
    return float(beta.ppf(tail, count, of - count + 1)) if count else 0.0


def _high(count: int, of: int, tail: float) -> float:
    return float(beta.ppf(1 - tail, count + 1, of - count)) if count < of else 1.0
