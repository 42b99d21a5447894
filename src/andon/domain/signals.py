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
