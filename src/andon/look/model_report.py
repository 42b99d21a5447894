"""The report of a model: rates broken down, confusion, what a reviewer would doubt, the mistakes."""

from collections.abc import Mapping
from dataclasses import dataclass

from andon.domain.models import Cuts, Interval
from andon.look.figures import Chart, Fact, Figure, Picture
from andon.look.pages import render


@dataclass(frozen=True)
class GroupRow:
    """Parts of one group. An interval over no parts is shown as "no such parts".

    Attributes:
        average_precision: of one concept; None elsewhere.
    """

    name: str
    escapes: Interval
    overkill: Interval
    reviews: Interval | None = None
    average_precision: float | None = None


@dataclass(frozen=True)
class Breakdown:
    """One table; without rows ``remark`` says why there is nothing to show."""

    title: str
    rows: tuple[GroupRow, ...]
    remark: str = ""


@dataclass(frozen=True)
class Cell:
    """Parts in one cell of the confusion; ``share`` of its row, 0..1."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class ConfusionRow:
    """What the parts that show ``name`` are taken for."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Warned:
    """One thing a reviewer would say; ``rule`` is a key of ``ModelReport.rules``."""

    rule: str
    text: str


@dataclass(frozen=True)
class ModelReport:
    """Everything the page shows.

    Attributes:
        judged: one sentence: on which parts, by which cuts.
        promise: one sentence: what the recipe that judges promises; empty where it has nothing to say.
        rules: rule -> when it warns.
        columns: what the columns of the confusion stand for, in words; they are numbered from 1.
        near: parts that were caught, those nearest to their cut.
        notes: how things were counted.
    """

    name: str
    digest: str
    judged: str
    promise: str
    facts: tuple[Fact, ...]
    figures: tuple[Figure, ...]
    warnings: tuple[Warned, ...]
    rules: Mapping[str, str]
    cuts: Mapping[str, Cuts]
    breakdowns: tuple[Breakdown, ...]
    columns: tuple[str, ...]
    confusion: tuple[ConfusionRow, ...]
    confusion_remarks: tuple[str, ...]
    charts: tuple[Chart, ...]
    misses: tuple[Picture, ...]
    missed: str
    false_alarms: tuple[Picture, ...]
    alarmed: str
    near: tuple[Picture, ...]
    notes: tuple[str, ...]


def render_model_report(report: ModelReport) -> str:
    """The report as one HTML document that needs nothing else.

    Raises:
        BugError: a picture is of an unknown kind.
    """
    return render("model_report", report)
