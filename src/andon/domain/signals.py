"""Signals: what is monitored, and the limits from which one calls for a person or starts a turn."""

from dataclasses import dataclass
from enum import StrEnum

from andon.units import Timestamp


class SignalKind(StrEnum):
    """What is looked at. NEW_LABELS and SCHEDULE speak of a plan, the others of a station."""

    NEW_LABELS = "new-labels"
    SCHEDULE = "schedule"
    COST = "cost"
    ESCAPES = "escapes"
    OVERKILL = "overkill"
    REJECTS = "rejects"
    LATENCY = "latency"
    HEALTH = "health"
    FEATURES = "features"


@dataclass(frozen=True, slots=True)
class Signal:
    """One look at one thing.

    Attributes:
        plan: of the loop, where it speaks of one; else empty. station: likewise.
        value, limit: in the unit of the kind: labels; hours since the last turn; cost per 1,000 parts;
            rates (their lower bound is what is compared); milliseconds; for HEALTH and FEATURES the
            distance of the latest parts from the first after the release, and the one that chance alone
            does not reach however often one looks (see ``analysis.drift``). A limit of 0: none is set.
        n: parts or labels it rests on.
        raised: beyond its limit.
        detail: in words, with what to do.
    """

    kind: SignalKind
    plan: str
    station: str
    value: float
    limit: float
    n: int
    raised: bool
    detail: str
    at: Timestamp


def is_known(look: Signal) -> bool:
    """Whether a look could measure anything; where it could not, its value is 0 and says nothing."""
    match look.kind:
        case SignalKind.COST | SignalKind.ESCAPES | SignalKind.OVERKILL:
            return look.n > 0
        case SignalKind.HEALTH | SignalKind.FEATURES | SignalKind.REJECTS:
            return look.value > 0 or look.limit > 0
        case _:
            return True


NOTICEABLE = 0.1
"""Share of the limit (of the value before, where no limit is set) that a value must move to be noted."""


def is_news(before: Signal | None, now: Signal) -> bool:
    """Whether a look is worth a row: the first one, another state or limit, or a value that moved.

    One at FEATURES also when it rests on another number of pictures, or says something else: it is costly,
    and the latest row tells what need not be looked at again.
    """
    if before is None or (before.raised, before.limit) != (now.raised, now.limit):
        return True
    if now.kind is SignalKind.FEATURES and (before.n, before.detail) != (now.n, now.detail):
        return True
    scale = abs(now.limit) or abs(before.value)
    return abs(now.value - before.value) > NOTICEABLE * scale


@dataclass(frozen=True, slots=True)
class SinceTurn:
    """What has happened since the last turn of a plan began.

    Attributes:
        labels: new labels. raised_since: since when the signal in question is raised.
        began: of the last turn; None: there was none.
    """

    labels: int
    raised_since: Timestamp
    began: Timestamp | None


FRESH_LABELS = 20
"""New labels that make a turn worth while although a signal has been raised since before the last one."""


def starts_turn(look: Signal, limit: float, so_far: SinceTurn) -> str | None:
    """Why a signal starts a turn by itself; None where it does not.

    A value beyond the plan's ``limit`` does, but not without a new label: the same data would give the same
    model.  What was raised when the last turn began already, and still is, starts another one only with
    ``FRESH_LABELS``: the last turn was refused, or has not helped yet.
    """
    if not look.raised or look.value < limit or not so_far.labels:
        return None
    again = so_far.began is not None and so_far.raised_since <= so_far.began
    own_clock = look.kind in {SignalKind.NEW_LABELS, SignalKind.SCHEDULE}
    if again and not own_clock and so_far.labels < FRESH_LABELS:
        return None
    where = f" of {look.station}" if look.station else ""
    return f"{look.kind}{where}: {look.detail}"
