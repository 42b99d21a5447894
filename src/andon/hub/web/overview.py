"""The first page: every line, and what needs a person now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from andon.domain.inspections import Verdict
from andon.domain.needs import Need
from andon.hub.requests import workspace_of
from andon.hub.web.pages import page
from andon.look.figures import Figure, figure_of
from andon.services.overview import LineCard, changed, overview

router = APIRouter(include_in_schema=False)

STRIP_ORDER = (Verdict.NO_DECISION, Verdict.REJECT, Verdict.REVIEW, Verdict.PASS)
"""From the bottom up, so that what is wrong stands on the ground line and can be compared."""

HEIGHT = 24.0
"""Of the strip's drawing; one minute is one wide."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar of the strip: parts of one verdict in one minute, in the units of its drawing."""

    verdict: Verdict
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class LineView:
    """A line as it is drawn. ``counts``: parts of the hour by verdict."""

    card: LineCard
    marks: tuple[Mark, ...]
    counts: Mapping[Verdict, int]
    figures: tuple[Figure, ...]
    trends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The page. ``since``, ``until``: first and last minute of the strips."""

    lines: tuple[LineView, ...]
    needs: tuple[Need, ...]
    since: str
    until: str


@router.get("/")
def show(request: Request) -> HTMLResponse:
    """Every line, and what needs a person now."""
    found = overview(workspace_of(request), request.app.state.strips)
    minutes = found.strip_minutes
    lines = tuple(_line(card) for card in found.lines)
    view = OverviewView(lines, found.needs, f"{minutes[0]}:00Z", f"{minutes[-1]}:00Z")
    return page(request, "overview/show", view, title="Overview", section="overview")


def _line(card: LineCard) -> LineView:
    counts = {verdict: sum(minute.get(verdict, 0) for minute in card.strip) for verdict in Verdict}
    return LineView(card, _marks(card), counts, _figures(card), tuple(_trends(card)))


def _trends(card: LineCard) -> Iterator[str]:
    """Against what the stations ran before, where people judged both."""
    names = " and ".join(card.before.recipes)
    for what, now, before in (
        ("Escapes in the audit", card.escapes, card.before.escapes),
        ("Overkill among rejects", card.overkill, card.before.overkill),
    ):
        if now is None or before is None:
            continue
        value, low, high = (100 * e for e in changed(now, before))
        verdict = "more" if low > 0 else "fewer" if high < 0 else "no difference shown"
        yield f"{what} against {names}: {value:+.1f} ({low:+.1f} to {high:+.1f}) points, {verdict}"


def _marks(card: LineCard) -> tuple[Mark, ...]:
    tallest = max((sum(minute.values()) for minute in card.strip), default=0)
    made = []
    for x, minute in enumerate(card.strip):
        ground = HEIGHT
        for verdict in STRIP_ORDER:
            height = HEIGHT * minute.get(verdict, 0) / tallest if tallest else 0.0
            ground -= height
            if height:
                made.append(Mark(verdict, x, ground, height))
    return tuple(made)


def _figures(card: LineCard) -> tuple[Figure, ...]:
    """Only what is known: where people judged nothing, nothing is said."""
    missed = "missed defects, false negatives: defective among the passed parts drawn for audit and judged"
    false = "false rejects, false positives: good ones among the rejected parts that people judged"
    named = (
        ("Escapes in the audit", card.escapes, missed),
        ("Overkill among rejects", card.overkill, false),
    )
    return tuple(figure_of(name, found, other) for name, found, other in named if found is not None)
