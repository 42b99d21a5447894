"""The report of one inspection run: verdicts, what is known about their truth, speed, and the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

from andon.domain.inspections import Verdict
from andon.look.figures import Chart, Fact, Figure, Picture
from andon.look.pages import render


@dataclass(frozen=True)
class Latency:
    """From image bytes to verdict, milliseconds over ``n`` parts."""

    median: float
    p95: float
    n: int


@dataclass(frozen=True)
class PartRow:
    """One inspected part; ``truth`` is what is known about it, or empty."""

    name: str
    verdict: Verdict
    reasons: str
    score: float | None
    milliseconds: float
    truth: str = ""


@dataclass(frozen=True)
class InspectionReport:
    """Everything the page shows.

    Attributes:
        facts: source, recipe, package, variant, version, time.
        verdicts: count of each; missing ones are 0.
        figures: escapes and overkill with intervals where truth is known; empty where it is not.
        parts: rows to list; ``unlisted`` says how many more there were.
        escapes, overkills: pictures of wrong verdicts, where truth is known.
    """

    title: str
    facts: tuple[Fact, ...]
    verdicts: Mapping[Verdict, int]
    latency: Latency | None = None
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    escapes: tuple[Picture, ...] = ()
    overkills: tuple[Picture, ...] = ()
    rejects: tuple[Picture, ...] = ()
    reviews: tuple[Picture, ...] = ()
    parts: tuple[PartRow, ...] = ()
    unlisted: int = 0


def render_inspection_report(report: InspectionReport) -> str:
    """The page as one HTML document that needs nothing else.

    Raises:
        BugError: a picture is of an unknown kind.
    """
    return render("inspection_report", report)
