"""Drift: are the latest parts still like the first ones after a release? Right for looking for ever.

The first ``BLOCK`` parts after a release are the reference; what comes after is cut into blocks of as
many, and each block is compared with the reference by the two-sample Kolmogorov-Smirnov distance.  For two
samples of the same size n from one distribution, however it looks, P(distance >= d) <= e * exp(-n * d^2)
(Wei and Dudley 2012, the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart for two samples).  The
k-th block may err with probability ``FALSE_ALARMS / (k * (k + 1))``, shared by the values that are
compared.  These sum to ``FALSE_ALARMS``: over the whole life of a release the chance of any false alarm is
at most that, whether one looks at every block or at some, and however many come.  A reject rate is
compared likewise, by Fisher's exact test.  Both hold where the parts of a stable line are alike from one to
the next; what comes in long waves (lots, day and night) shows as drift, because it is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

BLOCK = 200
"""Parts that are compared with as many."""

FALSE_ALARMS = 0.01
"""Probability that a station that never changes raises any alarm of one kind between two releases."""

LEAST = 0.2
"""A smaller distance is not worth a person's time, however certain it is."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One comparison.

    Attributes:
        name: of what moved furthest, as measured by its limit.
        value: its distance, 0..1 (rates: the rate in the latest block).
        limit: from which it is drift.
        before, now: median in the reference and in the latest block (rates: the two rates).
    """

    name: str
    value: float
    limit: float
    before: float
    now: float

    @property
    def found(self) -> bool:
        """Whether the latest parts are no longer like the first."""
        return self.value >= self.limit


def compare(
    first: Sequence[Mapping[str, float]], latest: Sequence[Mapping[str, float]], block: int
) -> Drift | None:
    """Compare what was measured on the latest block of parts with the first.

    Args:
        first: values by name, one mapping a part. Names that a part of either side lacks are left out.
        latest: the same, of as many parts.
        block: number of the latest block since the reference, from 1.

    Returns:
        the name whose distance is largest; None where no name is measured everywhere.
    """
    parts = [*first, *latest]
    names = sorted(set.intersection(*(set(part) for part in parts))) if first and latest else []
    if not names:
        return None
    size = min(len(first), len(latest))
    limit = max(LEAST, distance_limit(size, allowance(block) / len(names)))
    found = []
    for name in names:
        before, now = ([part[name] for part in side] for side in (first, latest))
        middle = float(np.median(before)), float(np.median(now))
        found.append(Drift(name, distance(before, now), limit, *middle))
    return max(found, key=lambda drift: drift.value)


def compare_rates(first: tuple[int, int], latest: tuple[int, int], block: int) -> Drift:
    """Compare the share of the latest block that was rejected with that of the first; only more is drift.

    Args:
        first: rejected, and of how many.
        latest: the same.
        block: number of the latest block since the reference, from 1.
    """
    allowed = allowance(block)
    before, now = (count / max(1, of) for count, of in (first, latest))
    fewest = next(
        (k for k in range(latest[1] + 1) if exceeds_by_chance(first, (k, latest[1])) <= allowed),
        latest[1] + 1,
    )
    return Drift("rejects", now, max(before + LEAST / 4, fewest / max(1, latest[1])), before, now)


def distance(first: Sequence[float], latest: Sequence[float]) -> float:
    """Kolmogorov-Smirnov: the largest gap between the two empirical distributions, 0..1."""
    one, two = np.sort(np.asarray(first, float)), np.sort(np.asarray(latest, float))
    places = np.concatenate([one, two])
    gaps = np.searchsorted(one, places, "right") / len(one) - np.searchsorted(two, places, "right") / len(
        two
    )
    return float(np.abs(gaps).max())


def distances(centre: Floats, pictures: Floats) -> list[Mapping[str, float]]:
    """How far each picture lies from the middle of ``centre``, in its standard deviations, as one value.

    Args:
        centre: (N, F) features of the pictures that say what is usual.
        pictures: (M, F), none of them in ``centre``.
    """
    spread = centre.std(axis=0) + 1e-6
    apart = np.sqrt((((pictures - centre.mean(axis=0)) / spread) ** 2).mean(axis=1))
    return [{"distance": float(one)} for one in apart]


def distance_limit(size: int, probability: float) -> float:
    """Distance that two samples of ``size`` from one distribution reach with at most ``probability``."""
    return math.sqrt((1 - math.log(probability)) / size)


def allowance(block: int) -> float:
    """Probability with which the ``block``-th comparison (from 1) may err; all: ``FALSE_ALARMS``."""
    return FALSE_ALARMS / (block * (block + 1))


def exceeds_by_chance(first: tuple[int, int], latest: tuple[int, int]) -> float:
    """Fisher's exact test, one side: probability of so many in ``latest`` or more at equal rates."""
    total, marked = first[1] + latest[1], first[0] + latest[0]
    whole = _log_choose(total, marked)
    terms = [
        _log_choose(latest[1], k) + _log_choose(first[1], marked - k) - whole
        for k in range(latest[0], min(latest[1], marked) + 1)
        if marked - k <= first[1]
    ]
    return min(1.0, sum(math.exp(term) for term in terms))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
