"""Limits of numbers that were counted in a sample: mid-P, and of several such numbers together.

Counts and numbers of parts may be fractions, as the effective numbers of weighted samples are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import betainc, xlog1py, xlogy

CONFIDENCE = 0.95

SPLITS = 200
"""Ways to split a number between two kinds that are tried."""

EXACT = 1e-9
"""Of a number that stands for less than this, nothing is left to chance."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighted:
    """How many of some parts have something, from a weighted sample.

    Attributes:
        total: the estimated number. base: parts that could have it.
        unit: parts that one counted part stands for, as far as chance goes: variance of the total over
            the total, over the share that does not have it. 0 where all were looked at.
        known: parts of the sample that have it.
    """

    total: float
    base: float
    unit: float
    known: int

    @property
    def count(self) -> float:
        """The effective count."""
        return self.total / self.unit

    @property
    def of(self) -> float:
        """The effective number of parts looked at: with these two the binomial law has the same spread."""
        return self.base / self.unit


def mid_p(count: float, of: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided mid-P limits of a rate.

    A limit is the rate at which as many or more (fewer) come with probability (1 - confidence) / 2, where
    exactly as many count half (Lancaster, JASA 56, 1961).
    """
    tail = (1 - confidence) / 2

    def at_least(rate: float) -> float:
        more = betainc(count + 1, of - count, rate) if count < of else 0.0
        same_or_more = betainc(count, of - count + 1, rate) if count > 0 else 1.0
        return float(more + same_or_more) / 2

    low = brentq(lambda rate: at_least(rate) - tail, 0.0, 1.0) if count > 0 else 0.0
    high = brentq(lambda rate: at_least(rate) - 1 + tail, 0.0, 1.0) if count < of else 1.0
    return float(low), float(high)


def together(
    kinds: tuple[Weighted, Weighted], confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """The sum of two independent numbers, and its limits."""
    total = sum(kind.total for kind in kinds)
    uncertain = [kind for kind in kinds if kind.unit > EXACT]
    exact = total - sum(kind.total for kind in uncertain)
    low, high = 0.0, 0.0
    if len(uncertain) == 1:
        low, high = (
            uncertain[0].base * rate for rate in mid_p(uncertain[0].count, uncertain[0].of, confidence)
        )
    elif uncertain:
        low, high = _profiled(uncertain, confidence)
    return total, max(exact + low, sum(kind.known for kind in kinds)), exact + high


def _of_one(kind: Weighted, confidence: float) -> tuple[float, float]:
    low, high = mid_p(kind.count, kind.of, confidence)
    return low * kind.base, high * kind.base


def _profiled(kinds: Sequence[Weighted], confidence: float) -> tuple[float, float]:
    """Limits of two kinds together: numbers that make what was seen too unlikely, however they are split.

    The signed root of the profile likelihood; how unlikely is too unlikely is set so that one kind with the
    counts of both has its mid-P limits, instead of by the normal law, which fails at small counts.
    """
    one, other = kinds
    base = min(one.base, other.base)
    total = one.total + other.total
    count, of = one.count + other.count, max(one.of, other.of)
    best = _log_likelihood(one, one.total) + _log_likelihood(other, other.total)
    drops = [_drop(count, of, limit) for limit in mid_p(count, of, confidence)]

    shares = np.append(np.linspace(0.0, 1.0, SPLITS), other.total / total if total else 0.0)

    def too_far(number: float, drop: float) -> float:
        split = shares * number
        likely = _log_likelihood(one, number - split) + _log_likelihood(other, split)
        return float(best - np.max(likely)) - drop

    tiny = 1e-9 * base
    low = brentq(too_far, tiny, total, (drops[0],)) if total > tiny and too_far(tiny, drops[0]) > 0 else 0.0
    end = (1 - 1e-9) * base
    high = brentq(too_far, max(total, tiny), end, (drops[1],)) if too_far(end, drops[1]) > 0 else base
    return float(low), float(high)


def _drop(count: float, of: float, rate: float) -> float:
    return float(_binomial(count, of, count / of) - _binomial(count, of, rate))


def _log_likelihood(kind: Weighted, number: ArrayLike) -> Numbers:
    return _binomial(kind.count, kind.of, np.asarray(number) / kind.base)


def _binomial(count: float, of: float, rate: ArrayLike) -> Numbers:
    """Logarithm of the probability, but for what does not depend on the rate."""
    rates = np.asarray(rate, np.float64)
    return np.asarray(xlogy(count, rates) + xlog1py(of - count, -rates), np.float64)


def summed(terms: Iterable[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Value and limits of a sum of independent (value, low, high); for a difference give (-value, -high,
    -low).

    Zou and Donner, Construction of confidence limits about effect measures, Stat. Med. 27, 2008.
    """
    value = down = up = 0.0
    for estimate, low, high in terms:
        value += estimate
        down += (estimate - low) ** 2
        up += (high - estimate) ** 2
    return value, value - down**0.5, value + up**0.5
