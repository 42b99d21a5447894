"""Records and reviews on their way to the hub, and the receipts that allow a station to forget them."""

from dataclasses import dataclass

from andon.domain.feedback import Chosen, Review
from andon.domain.inspections import Inspection, Shadow

MAX_RECORDS = 500
"""Records of one delivery."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a station hands over: records in order of their sequence, and what is known of them later.

    Attributes:
        reviews: what people said.
        chosen: whose pictures are sent, and why.
        shadows: what a second model says; known by the inspection and the recipe version.
        given_up: inspections whose kept picture is no longer on the station and will never come.
    """

    records: tuple[Inspection, ...] = ()
    reviews: tuple[Review, ...] = ()
    chosen: tuple[Chosen, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    given_up: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record or review the hub will never take; the station puts it aside and raises an alarm."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """Given after the hub's commit: what is safe there (new or known before), and what it refuses.

    ``wanted`` are blobs of these records that the hub does not have yet. A shadow is named as
    :func:`shadow_id` names it.
    """

    accepted: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    wanted: tuple[str, ...] = ()


def shadow_id(shadow: Shadow) -> str:
    """How receipts name what a second model said: ``INSPECTION/RECIPE@VERSION``."""
    return f"{shadow.inspection}/{shadow.recipe}@{shadow.recipe_version}"


@dataclass(frozen=True, slots=True)
class Upload:
    """How much of a blob the hub holds; ``complete`` once its digest was verified."""

    received: int
    complete: bool


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """Answer to a station's report: the counter of the assignment that it should run; 0 without one."""

    counter: int
