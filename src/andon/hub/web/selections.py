"""Pages of selections: what is labelled next and why, and what choosing was worth."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.selections import PickReason, Selection, SelectionSettings
from andon.hub.requests import LARGEST, After, workspace_of
from andon.hub.web.label_shapes import Shape, shapes_of
from andon.hub.web.pages import page
from andon.look.figures import Figure, figure_of
from andon.services.picked_pictures import WORDS, Picked, concept_names, picked_pictures
from andon.services.selections import (
    PerMinute,
    Share,
    Worth,
    ask_selection,
    find_selection,
    latest_worth,
    list_selections,
    usual_seconds,
    worth,
)
from andon.store.selections import STATIONS, Progress

router = APIRouter(include_in_schema=False)

SHOWN = 30
"""Selections on a page."""

PICTURES = 120
"""Pictures of one selection on a page."""


@dataclass(frozen=True, slots=True)
class Line:
    """A selection in the list; ``minutes`` are those that its waiting pictures take."""

    selection: Selection
    far: Progress
    minutes: float


@dataclass(frozen=True, slots=True)
class ShareView:
    """One of the two kinds of pictures: what labelling them brought."""

    name: str
    share: Share
    figures: tuple[Figure, ...]
    defects: PerMinute | None
    corrections: PerMinute | None


@dataclass(frozen=True, slots=True)
class ListView:
    """The list, and what a new selection is reckoned with.

    Attributes:
        shares: what choosing was worth in the latest ``over`` selections together.
    """

    lines: tuple[Line, ...]
    next: int | None
    seconds: float
    over: int
    shares: tuple[ShareView, ...]
    default: SelectionSettings
    stations: str


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture: outlines of the proposal, and what each reason says of it, 0..1, the strongest first."""

    picked: Picked
    shapes: tuple[Shape, ...]
    parts: tuple[tuple[str, float], ...]
    is_control: bool


@dataclass(frozen=True, slots=True)
class SelectionView:
    """One selection; ``minutes`` are those that its waiting pictures take.

    Attributes:
        pictures: some of them, in order. next: position that the following ones begin at, if any follow.
    """

    selection: Selection
    pictures: tuple[PictureView, ...]
    next: int | None
    number: int
    labelled: int
    minutes: float
    shares: tuple[ShareView, ...]
    concepts: tuple[str, ...]


@router.get("/selections")
def index(request: Request, after: After = None) -> HTMLResponse:
    """Selections, newest first, and the form that asks for another."""
    workspace = workspace_of(request)
    found = list_selections(workspace, after, SHOWN)
    lines = tuple(Line(made, far, far.waiting * made.seconds / 60) for made, far in found.rows)
    over, told = latest_worth(workspace)
    view = ListView(
        lines=lines,
        next=found.next,
        seconds=usual_seconds(workspace),
        over=over,
        shares=_shares(told),
        default=SelectionSettings(),
        stations=STATIONS,
    )
    return page(request, "selections/list", view, title="Selections", section="selections")


@router.post("/selections")
def add(
    request: Request,
    minutes: Annotated[float, Form()],
    control: Annotated[float, Form(ge=0, le=100)] = 10.0,
    source: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Ask for a selection; ``control`` is in percent."""
    settings = SelectionSettings(minutes=minutes, control=control / 100, source=source)
    job = ask_selection(workspace_of(request), settings)
    return RedirectResponse(f"/jobs/{job.id}", status_code=303)


@router.get("/selections/{selection}")
def show(
    request: Request, selection: str, start: Annotated[int, Query(ge=0, le=LARGEST)] = 0
) -> HTMLResponse:
    """One selection: its pictures in order, each with the reason, and chosen against drawn by chance."""
    workspace = workspace_of(request)
    made = find_selection(workspace, selection)
    concepts = concept_names(workspace)
    pictures = picked_pictures(workspace, made)
    told = worth(workspace, [made])
    waiting = sum(one.waits for one in pictures)
    end = start + PICTURES
    view = SelectionView(
        selection=made,
        pictures=tuple(_picture(one, concepts) for one in pictures[start:end]),
        next=end if end < len(pictures) else None,
        number=len(pictures),
        labelled=len(pictures) - waiting,
        minutes=waiting * made.seconds / 60,
        shares=_shares(told),
        concepts=concepts,
    )
    return page(request, "selections/show", view, title=f"Selection {made.id[:13]}", section="selections")


def _picture(one: Picked, concepts: tuple[str, ...]) -> PictureView:
    named = sorted(one.pick.parts.items(), key=lambda part: -part[1])
    parts = tuple((WORDS[PickReason(name)], value) for name, value in named)
    shapes = shapes_of(one.pick.proposal, concepts)
    return PictureView(one, shapes, parts, one.pick.reason is PickReason.CONTROL)


def _shares(told: Worth) -> tuple[ShareView, ...]:
    return _share("chosen", told.chosen), _share("drawn by chance", told.control)


def _share(name: str, share: Share) -> ShareView:
    figures = (
        figure_of("with a defect", share.defective),
        figure_of("proposal corrected", share.corrected),
    )
    return ShareView(name, share, figures, share.defects_a_minute, share.corrections_a_minute)
