"""Signals: what is monitored, and the limits from which one calls for a person or starts a turn."""

from dataclasses import dataclass
from enum import StrEnum

from andon.units import Timestamp


class SignalKind(StrEnum):
    """What is looked at. NEW_LABELS and SCHEDULE speak of the workspace, the others of a station too."""

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
        station: empty where it speaks of the whole.
        value, limit: in the unit of the kind: labels; hours since the last turn; cost per 1,000 parts;
            rates (their lower bound is what is compared); milliseconds; for HEALTH and FEATURES the
            distance of the latest parts from the first after the release, and the distance that chance
            alone reaches once in 1,000 looks.
        n: parts or labels it rests on.
        raised: beyond its limit.
        detail: in words, with what to do.
    """

    kind: SignalKind
    station: str
    value: float
    limit: float
    n: int
    raised: bool
    detail: str
    at: Timestamp
