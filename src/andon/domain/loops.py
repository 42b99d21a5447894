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


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What one turn of the loop does for one recipe; saved as versions, the latest counts.

    Attributes:
        name: of the plan; also that of the recipe it renews.
        dataset: what is frozen; it grows as labels come.
        train: how a new model is trained. fine_tune: steps that begin at the model that runs, on reported
            misses and false alarms above all; 0: train anew on the whole.
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
    gate: GateLimits = field(default_factory=GateLimits)
    review: ReviewModel = field(default_factory=ReviewModel)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    stations: tuple[tuple[str, ...], ...] = ()
    triggers: tuple[Trigger, ...] = ()
    approves: bool = False
    version: int = 0
    author: str = ""
    at: Timestamp = NOT_STORED


class TurnStep(StrEnum):
    """The steps of a turn, in order. ENDED says why it went no further, or that it was released."""

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

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return any(event.step is TurnStep.ENDED for event in self.events)
