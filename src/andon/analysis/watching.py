"""Whether what a station was switched to is so bad that it goes back, looked at again after every part.

Looking again and again makes ordinary intervals wrong: sooner or later chance alone crosses them.  Here
each rate is tested by a mixture of likelihood ratios against the highest rate that is still tolerated
(Robbins, Annals of Mathematical Statistics 41, 1970; Howard, Ramdas, McAuliffe and Sekhon, Annals of
Statistics 49, 2021).  While the true rate is not above it, the ratio is a supermartingale that starts at 1,
so by Ville's inequality the chance that it ever reaches 1 / a is at most a, however often and whenever one
looks.

The chance that a whole watch sends a good model back is at most :data:`FALSE_ALARMS`, shared equally by the
five rates, where parts are independent of each other.  Parts of one moment are not (a stall of the machine
makes all of them late, a box of bad parts is a box), so what was seen must also have been seen in
:data:`SPREAD` different seconds.
"""

import math
from dataclasses import dataclass, field

from andon.domain.stations import RollbackCause, WatchLimits

FALSE_ALARMS = 0.001
"""Highest chance that one watch sends back what keeps within its limits, at whatever length."""

SPREAD = 3
"""Different seconds in which a cause must have shown itself, but for what people said."""

LEAST = 0.01
"""A tolerated rate is never taken as lower: few parts cannot show that something never happens."""

SLOW = 0.01
"""Share of parts that may be slower than the 99th percentile allowed."""

_RATES = 5
_STEPS = 32


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was seen: ``count`` of ``of`` parts, in so many different seconds."""

    count: int = 0
    of: int = 0
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen since a switch.

    Attributes:
        rejects: REJECT and REVIEW, of the parts that the model decided.
        undecided: NO-DECISION that the model may be to blame for, of these and the decided ones.
        slow: parts slower than the watched 99th percentile, of all that the model was given.
        missed, false_alarms: parts of which people said so, of ``answered``.
        audited: parts drawn for people to look at among all that passed, and judged by them; of these,
            ``escaped`` were missed.
    """

    rejects: Tally = field(default_factory=Tally)
    undecided: Tally = field(default_factory=Tally)
    slow: Tally = field(default_factory=Tally)
    missed: int = 0
    false_alarms: int = 0
    answered: int = 0
    escaped: int = 0
    audited: int = 0


@dataclass(frozen=True, slots=True)
class Bad:
    """Why to go back; ``reason`` in plain English, with numbers."""

    cause: RollbackCause
    reason: str
    count: int
    of: int


def bad(seen: Seen, limits: WatchLimits) -> Bad | None:
    """What is so bad that the station goes back; None where nothing is. The gravest is named."""
    for found in (_undecided(seen, limits), _slow(seen, limits), _rejects(seen, limits)):
        if found is not None:
            return found
    return _missed(seen, limits) or _contradicted(seen, limits)


def exceeds(count: int, of: int, tolerated: float) -> bool:
    """Whether ``count`` of ``of`` shows that the rate lies above ``tolerated``, as one of a watch's tests.

    Never true for a tolerated rate of 1; for one below ``LEAST``, ``LEAST`` is tolerated.
    """
    tolerated = max(tolerated, LEAST)
    return tolerated < 1 and evidence(count, of, tolerated) >= math.log(_RATES / FALSE_ALARMS)


def evidence(count: int, of: int, tolerated: float) -> float:
    """Logarithm of the mixed likelihood ratio of all rates above ``tolerated`` against it.

    The mixture is of 32 rates at equal distances from just above ``tolerated`` to 1, equally weighted.

    0 <= ``count`` <= ``of``; ``tolerated`` lies between 0 and 1, both excluded.
    """
    rates = (tolerated + (1 - tolerated) * step / _STEPS for step in range(1, _STEPS + 1))
    ratios = [_log_ratio(count, of - count, rate, tolerated) for rate in rates]
    largest = max(ratios)
    if largest == -math.inf:
        return largest
    return largest + math.log(sum(math.exp(ratio - largest) for ratio in ratios) / _STEPS)


def _log_ratio(hits: int, others: int, rate: float, tolerated: float) -> float:
    if rate >= 1:
        return -hits * math.log(tolerated) if not others else -math.inf
    return hits * math.log(rate / tolerated) + others * math.log((1 - rate) / (1 - tolerated))


def _rejects(seen: Seen, limits: WatchLimits) -> Bad | None:
    if limits.rejects is None:
        return None
    tolerated = max(limits.rejects * limits.factor, LEAST)
    reason = (
        f"{_of(seen.rejects)} were REJECT or REVIEW; {limits.rejects:.1%} were expected and up to"
        f" {tolerated:.1%} tolerated"
    )
    return _found(RollbackCause.REJECTS, seen.rejects, tolerated, reason)


def _undecided(seen: Seen, limits: WatchLimits) -> Bad | None:
    reason = f"{_of(seen.undecided)} were NO-DECISION; up to {limits.undecided:.1%} were tolerated"
    return _found(RollbackCause.UNDECIDED, seen.undecided, limits.undecided, reason)


def _slow(seen: Seen, limits: WatchLimits) -> Bad | None:
    if limits.p99 is None:
        return None
    reason = f"{_of(seen.slow)} took longer than {limits.p99:g} ms; 1 of 100 may"
    return _found(RollbackCause.SLOW, seen.slow, SLOW, reason)


def _missed(seen: Seen, limits: WatchLimits) -> Bad | None:
    """Apart from all that people say: few look at what passed, many at rejects, so the mix hides it."""
    if not exceeds(seen.escaped, seen.audited, limits.missed):
        return None
    reason = (
        f"people found a defect in {seen.escaped} of {seen.audited} parts drawn from those that passed;"
        f" up to {limits.missed:.1%} were tolerated"
    )
    return Bad(RollbackCause.CONTRADICTED, reason.replace("%", " %"), seen.escaped, seen.audited)


def _contradicted(seen: Seen, limits: WatchLimits) -> Bad | None:
    count = seen.missed + seen.false_alarms
    if not exceeds(count, seen.answered, limits.contradicted):
        return None
    reason = (
        f"people contradicted {count} of {seen.answered} verdicts ({seen.missed} missed,"
        f" {seen.false_alarms} false alarms); up to {limits.contradicted:.1%} were tolerated"
    )
    return Bad(RollbackCause.CONTRADICTED, reason.replace("%", " %"), count, seen.answered)


def _found(cause: RollbackCause, tally: Tally, tolerated: float, reason: str) -> Bad | None:
    if tally.seconds < SPREAD or not exceeds(tally.count, tally.of, tolerated):
        return None
    return Bad(cause, reason.replace("%", " %"), tally.count, tally.of)


def _of(tally: Tally) -> str:
    return f"{tally.count} of {tally.of} parts"
