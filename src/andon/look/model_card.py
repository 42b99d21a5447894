"""The model card: what a package was made of, how good it is, and where it fails."""

from dataclasses import dataclass

from andon.domain.models import Costs, Cuts, Interval, Parity
from andon.look.figures import Chart, Fact, Figure, Picture
from andon.look.pages import render


@dataclass(frozen=True)
class CountRow:
    """Parts with one concept (or clean) in each split, in the order of ``ModelCard.splits``."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class CutRow:
    """Suggested cuts of a concept, and what they were found to do on the test parts.

    Attributes:
        escapes: bound from a group of parts that did not choose the cuts; None: no defects to bound it.
    """

    concept: str
    cuts: Cuts
    escapes: Interval | None
    overkill: Interval | None


@dataclass(frozen=True)
class ModelCard:
    """Everything the page shows.

    Attributes:
        facts: family, encoder, snapshot, run and whatever else tells this package from another.
        splits: names of the columns of ``counts``.
        limits: sentences about what the model was not shown or cannot do.
    """

    name: str
    digest: str
    facts: tuple[Fact, ...]
    splits: tuple[str, ...]
    counts: tuple[CountRow, ...]
    figures: tuple[Figure, ...]
    parity: tuple[Parity, ...] = ()
    cuts: tuple[CutRow, ...] = ()
    costs: Costs | None = None
    charts: tuple[Chart, ...] = ()
    misses: tuple[Picture, ...] = ()
    false_alarms: tuple[Picture, ...] = ()
    limits: tuple[str, ...] = ()


def render_model_card(card: ModelCard) -> str:
    """The page as one HTML document that needs nothing else.

    Raises:
        BugError: a picture is of an unknown kind.
    """
    return render("model_card", card)
