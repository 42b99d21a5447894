"""The loop: what a plant lets happen by itself, and the turns that were made."""

from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.datasets import DatasetSpec
from andon.domain.gates import GateLimits, ReviewModel
from andon.domain.models import Costs
from andon.domain.recipes import NOT_STORED
from andon.domain.releases import ReleaseSettings
from andon.domain.runs import TrainSettings
from andon.domain.selections import SelectionSettings
from andon.domain.signals import SignalKind
from andon.errors import InvalidInput
from andon.units import Timestamp


@dataclass(frozen=True, slots=True)
class Trigger:
    """A signal that starts a turn by itself when its value passes ``limit`` (unit: see ``Signal``)."""

    kind: SignalKind
    limit: float

    def __post_init__(self) -> None:
        if not 0 < self.limit < float("inf"):
            raise InvalidInput(f"a limit of {self.limit:g} for {self.kind.value} starts nothing or always")


NOT_DEARER = GateLimits(cost_ratio=1.0)
"""For versions that nobody asked for: a person may want one that costs more, a loop turns to save."""


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What one turn of the loop does for one recipe; saved as versions, the latest counts.

    Attributes:
        name: of the plan; also that of the recipe it renews.
        dataset: what is frozen; it grows as labels come.
        train: how a new model is trained. fine_tune: steps that begin at the model that runs, on reported
            misses and false alarms above all; 0: train anew on the whole.
        gate: what a version must keep to; usually also that it costs no more than what runs.
        stations: who gets the release, in waves.
        triggers: what starts a turn; none: people alone do.
        approves: a gate that passed is approval enough; otherwise the turn stops there for a person.
    """

    name: str
    dataset: DatasetSpec
    train: TrainSettings
    costs: Costs
    fine_tune: int = 0
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    gate: GateLimits = NOT_DEARER
    review: ReviewModel = field(default_factory=ReviewModel)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    stations: tuple[tuple[str, ...], ...] = ()
    triggers: tuple[Trigger, ...] = ()
    approves: bool = False
    version: int = 0
    author: str = ""
    at: Timestamp = NOT_STORED


class TurnStep(StrEnum):
    """The steps of a turn, in order. ENDED says why it went no further, or that it was released.

    What each gives (the subject of its event): STARTED the recipe version that runs, FROZEN a snapshot,
    TRAINED and EVALUATED a model, RECIPE a recipe version, GATED a gate, APPROVED a model, RELEASED a
    release, SELECTED a selection, ENDED an :class:`Ending`.
    """

    STARTED = "started"
    FROZEN = "frozen"
    TRAINED = "trained"
    EVALUATED = "evaluated"
    RECIPE = "recipe"
    GATED = "gated"
    APPROVED = "approved"
    RELEASED = "released"
    SELECTED = "selected"
    ENDED = "ended"


class Ending(StrEnum):
    """How a turn ended.

    RELEASED: its model is on its way to the stations; MADE: it is approved, and the plan names no station.
    SAME: the data gave the model and the cuts that run already. REFUSED: the gate said no.
    FAILED: a step could not be made. STOPPED: a person ended it.
    """

    RELEASED = "released"
    MADE = "made"
    SAME = "same"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """One step of a turn. ``subject`` names what came of it (a digest, ``NAME@VERSION``, an id)."""

    turn: str
    step: TurnStep
    subject: str
    detail: str
    author: str
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as recorded: what started it, and its steps so far, in order."""

    id: str
    plan: str
    plan_version: int
    cause: str
    author: str
    at: Timestamp
    events: tuple[TurnEvent, ...] = ()

    def of(self, step: TurnStep) -> TurnEvent | None:
        """What came of a step; None where it was not made."""
        return next((event for event in self.events if event.step is step), None)

    def subject(self, step: TurnStep) -> str:
        """What a step gave; empty where it was not made, or gave nothing."""
        event = self.of(step)
        return event.subject if event is not None else ""

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.of(TurnStep.ENDED) is not None

    @property
    def waits(self) -> bool:
        """Whether it stands before its approval; where the plan gives that, it does not for long."""
        return bool(self.events) and self.events[-1].step is TurnStep.GATED

    @property
    def is_queued(self) -> bool:
        """Whether it is approved and not released: its stations may be in an earlier release."""
        return bool(self.events) and self.events[-1].step is TurnStep.APPROVED
