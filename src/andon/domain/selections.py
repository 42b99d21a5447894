"""Selections: pictures picked for labelling, each with the reason, within a budget of minutes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.annotations import Label
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp


class PickReason(StrEnum):
    """What speaks most for a picture. CONTROL was drawn by chance, to show what choosing is worth."""

    MUST_CATCH = "must-catch"
    WRONG = "wrong"
    DISAGREEMENT = "disagreement"
    UNCERTAIN = "uncertain"
    NEW = "new"
    DIVERSE = "diverse"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """How much a person can do, and what is shared out by chance.

    Attributes:
        package: the model that is asked; None: the one of the latest recipe.
        minutes: of a person. seconds: for one picture; None: as measured before, 20 at first.
        control: share of the minutes for pictures drawn by chance, 0..1.
        source: prefix of the source of pictures that are looked at, e.g. ``station/``; empty: all.
    """

    package: str | None = None
    minutes: float = 15.0
    seconds: float | None = None
    control: float = 0.1
    source: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.minutes <= 10_000 or not 0 <= self.control <= 1:
            raise InvalidInput("a selection needs minutes above 0, and a control share between 0 and 1")
        if self.seconds is not None and not 0.5 <= self.seconds <= 3600:
            raise InvalidInput(f"{self.seconds:g} seconds for a picture are not possible", "0.5 to 3600.")


@dataclass(frozen=True, slots=True)
class Pick:
    """One picture of a selection.

    Attributes:
        position: from 0; people label in this order.
        parts: what each reason says of it, 0..1, e.g. ``{"uncertain": 0.8, "new": 0.1}``.
        proposal: what the model thinks is on it; empty: it thinks it is clean.
    """

    position: int
    image: Digest
    reason: PickReason
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    proposal: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection as recorded; which of its pictures are labelled is read from their annotations.

    Attributes:
        seconds: for one picture, as it was reckoned with. looked_at: pictures it was chosen from.
    """

    id: str
    settings: SelectionSettings
    package: Digest
    seconds: float
    looked_at: int
    picks: tuple[Pick, ...]
    author: str
    at: Timestamp


class LabelOutcome(StrEnum):
    """What a person did with a picture. SKIPPED leaves it as it is, for somebody else."""

    ACCEPTED = "accepted"
    FIXED = "fixed"
    CLEAN = "clean"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Labelling:
    """That somebody labelled a picture of a selection, and how long it took."""

    selection: str
    image: Digest
    outcome: LabelOutcome
    seconds: float
    author: str
    at: Timestamp
