"""Two models on the same fresh parts whose truth is known: what each does, what changes, with intervals.

Shares of one model are exact (Clopper and Pearson, Biometrika 26, 1934).  A paired difference of shares
is that of two counts of different parts, those that became worse and those that became better; its limits
come from the exact ones of both by square-and-add (MOVER: Zou and Donner, Statistics in Medicine 27, 2008,
1693-1702).  Costs have bootstrap percentiles, with as many defective and good parts in every draw as there
are (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.analysis.bounds import CONFIDENCE, interval
from andon.domain.gates import ReviewModel
from andon.domain.inspections import Verdict
from andon.domain.models import Costs
from andon.domain.quality import Estimate
from andon.errors import InvalidInput

PER = 1000.0
"""Parts that every figure speaks of."""

DRAWS = 2000
"""Of the bootstrap: its percentiles then differ by less than a tenth of the interval from draw to draw."""

_Numbers = NDArray[np.float64]
_Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of both models, per 1,000 parts; a ``difference`` (new less old) below 0 is better."""

    name: str
    old: Estimate
    new: Estimate
    difference: Estimate

    @property
    def word(self) -> str:
        """What the interval of the difference allows to say: better, worse, or not shown."""
        if self.difference.high < 0:
            return "better"
        return "worse" if self.difference.low > 0 else "not shown"


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Both models on ``parts`` parts, ``defective`` of them with a defect; rows: escapes, overkill,
    reviews, cost."""

    parts: int
    defective: int
    rows: tuple[Change, ...]

    def row(self, name: str) -> Change:
        """The row called ``name``.

        Raises:
            KeyError: there is none.
        """
        return {change.name: change for change in self.rows}[name]


def compare(
    old: Sequence[Verdict],
    new: Sequence[Verdict],
    defective: Sequence[bool],
    prices: tuple[Costs, ReviewModel],
    seed: int = 0,
) -> BeforeAfter:
    """Compare two models on the same parts. NO-DECISION is REJECT, as outputs treat it.

    Args:
        old: (P,) verdicts of the model that was there.
        new: (P,) verdicts of the other on the same parts.
        defective: (P,) what is true of them.
        prices: what outcomes cost, and what a person does with a part in REVIEW. The defect rate of the
            costs is not used: the parts themselves are the line's.
        seed: of the bootstrap.

    Raises:
        InvalidInput: the lists differ in length, or are empty.
    """
    if not len(old) == len(new) == len(defective) or not len(old):
        raise InvalidInput("two models are compared on the same parts, at least one")
    bad = np.asarray(defective, np.bool_)
    before, after = _outcomes(old, bad), _outcomes(new, bad)
    rows = [_counted(name, before[name], after[name]) for name in ("escapes", "overkill", "reviews")]
    costs = part_costs(old, bad, *prices), part_costs(new, bad, *prices)
    return BeforeAfter(len(bad), int(bad.sum()), (*rows, _cost(costs, bad, seed)))


def part_costs(
    verdicts: Sequence[Verdict], defective: _Flags, costs: Costs, review: ReviewModel
) -> _Numbers:
    """(P,) expected cost of each part; what a person does with a REVIEW is part of it."""
    looked = review.seconds / 3600 * review.wage
    price = {
        (Verdict.PASS, True): costs.escape,
        (Verdict.PASS, False): 0.0,
        (Verdict.REVIEW, True): looked + (1 - review.catches) * costs.escape,
        (Verdict.REVIEW, False): looked + review.wrongly_rejects * costs.overkill,
        (Verdict.REJECT, True): 0.0,
        (Verdict.REJECT, False): costs.overkill,
    }
    return np.array([price[_decided(v), bool(bad)] for v, bad in zip(verdicts, defective, strict=True)])


def _decided(verdict: Verdict) -> Verdict:
    return Verdict.REJECT if verdict is Verdict.NO_DECISION else verdict


def _outcomes(verdicts: Sequence[Verdict], bad: _Flags) -> dict[str, _Flags]:
    said = np.array([_decided(verdict).value for verdict in verdicts])
    return {
        "escapes": bad & (said == Verdict.PASS.value),
        "overkill": ~bad & (said == Verdict.REJECT.value),
        "reviews": said == Verdict.REVIEW.value,
    }


def _counted(name: str, old: _Flags, new: _Flags) -> Change:
    return Change(name, _share(old), _share(new), _difference(old, new))


def _share(flags: _Flags) -> Estimate:
    found = interval(int(flags.sum()), len(flags))
    value = PER * found.count / found.of
    return Estimate(value, PER * found.low, PER * found.high, len(flags), len(flags), CONFIDENCE)


def _difference(old: _Flags, new: _Flags) -> Estimate:
    worse, better = _share(~old & new), _share(old & ~new)
    net = worse.value - better.value
    low = net - math.hypot(worse.value - worse.low, better.high - better.value)
    high = net + math.hypot(worse.high - worse.value, better.value - better.low)
    return Estimate(net, low, high, len(old), len(old), CONFIDENCE)


def _cost(costs: tuple[_Numbers, _Numbers], bad: _Flags, seed: int) -> Change:
    old, new = costs
    random = np.random.default_rng(seed)
    groups = [places for places in (np.flatnonzero(bad), np.flatnonzero(~bad)) if len(places)]
    sums = np.zeros((DRAWS, 2))
    for places in groups:
        drawn = places[random.integers(len(places), size=(DRAWS, len(places)))]
        sums += np.stack([old[drawn].sum(axis=1), new[drawn].sum(axis=1)], axis=1)
    means = PER * sums / len(bad)
    return Change(
        "cost",
        _drawn(PER * float(old.mean()), means[:, 0], len(bad)),
        _drawn(PER * float(new.mean()), means[:, 1], len(bad)),
        _drawn(PER * float((new - old).mean()), means[:, 1] - means[:, 0], len(bad)),
    )


def _drawn(value: float, draws: _Numbers, parts: int) -> Estimate:
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Estimate(value, float(low), float(high), parts, parts, CONFIDENCE)
