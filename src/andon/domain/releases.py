"""Releases: a recipe on its way to stations, step by step: shadow, switch, watch, done or back."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.feedback import SendPolicy
from andon.domain.stations import MAX_DEADLINE, KeepPolicy, WatchLimits
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp


class ReleaseStep(StrEnum):
    """Where one station is. DONE, ROLLED_BACK and STOPPED end it.

    WAITING: its wave has not begun. SHADOW: the new recipe judges beside. SWITCHED: the station was told to
    run it. WATCHED: it says that it does, and is watched. ROLLED_BACK: it runs what ran before; that may
    still come after DONE. STOPPED: it ended before the switch, or the station was told something else.
    """

    WAITING = "waiting"
    SHADOW = "shadow"
    SWITCHED = "switched"
    WATCHED = "watched"
    DONE = "done"
    ROLLED_BACK = "rolled-back"
    STOPPED = "stopped"


HUB = "hub"
"""Author of the steps that nobody took by hand."""

LEAST_REJECTED = 10
"""With fewer rejected parts nothing is said of the share of them that another recipe would pass."""

ENDED_STEPS = frozenset({ReleaseStep.DONE, ReleaseStep.ROLLED_BACK, ReleaseStep.STOPPED})


class ReleaseState(StrEnum):
    """How a whole release stands: the worst of what its stations came to, once none is on its way."""

    UNDER_WAY = "under way"
    DONE = "done"
    STOPPED = "stopped"
    ROLLED_BACK = "rolled back"


def state_of(steps: Collection[ReleaseStep]) -> ReleaseState:
    """The state of a release whose stations took these steps last."""
    if any(step not in ENDED_STEPS for step in steps):
        return ReleaseState.UNDER_WAY
    if ReleaseStep.ROLLED_BACK in steps:
        return ReleaseState.ROLLED_BACK
    return ReleaseState.STOPPED if ReleaseStep.STOPPED in steps else ReleaseState.DONE


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """How a release goes.

    Attributes:
        shadow_parts: parts of each station that the new recipe judges beside before the switch; 0: none.
        shadow_seconds: after which it goes on with fewer, where the station had no time for so many.
        shadow_flips: share of shadowed parts on which more disagreement than this stops it for a person.
        shadow_passes: of the shadowed parts that what runs rejected, the share that the new recipe would
            pass; more stops it for a person, where at least ``LEAST_REJECTED`` were rejected; 1: never.
        watch: when a station goes back by itself. Without ``rejects`` the share is taken from the shadow,
            the lower of both, else from what the station said of the parts of the last day; without ``p99``
            it is taken from what the station reported before the switch. Its ``factor`` is also how many
            times as many rejects as what runs the new recipe may have beside it, shown beyond chance.
        keep, send, deadline: as in an assignment, from the switch on; None: as the station has it. They
            stay where the station goes back, and do not reach one that runs the version already.
    """

    shadow_parts: int = 200
    shadow_seconds: float = 3600.0
    shadow_flips: float = 0.5
    watch: WatchLimits = field(default_factory=WatchLimits)
    keep: KeepPolicy | None = None
    send: SendPolicy | None = None
    deadline: float | None = None
    shadow_passes: float = 0.3

    def __post_init__(self) -> None:
        shares = (self.shadow_flips, self.shadow_passes)
        possible = all(0 <= share <= 1 for share in shares)
        if self.shadow_parts < 0 or not self.shadow_seconds > 0 or not possible:
            raise InvalidInput("parts, time or disagreement of a release's shadow are not possible")
        if self.deadline is not None and not 1 <= self.deadline <= MAX_DEADLINE:
            raise InvalidInput(
                f"a deadline of {self.deadline:g} ms is not possible", f"Give 1 to {MAX_DEADLINE:g} ms."
            )


@dataclass(frozen=True, slots=True)
class Release:
    """A gated and approved recipe version for some stations.

    Attributes:
        waves: groups of stations; one begins when all stations of the one before are DONE.
        gate: the gate that passed.
    """

    id: str
    recipe: str
    recipe_version: int
    package: Digest
    gate: str
    waves: tuple[tuple[str, ...], ...]
    settings: ReleaseSettings
    reason: str
    author: str
    at: Timestamp

    @property
    def stations(self) -> tuple[str, ...]:
        """All its stations, first wave first."""
        return tuple(station for wave in self.waves for station in wave)


@dataclass(frozen=True, slots=True)
class ReleaseEvent:
    """One step of one station, with who and when and why. The latest counts."""

    release: str
    station: str
    step: ReleaseStep
    reason: str
    author: str
    at: Timestamp
