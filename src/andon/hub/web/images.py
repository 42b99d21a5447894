"""Pages of images: the filtered grid, and one image over it or alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.hub.image_queries import ImageQuery, Looked
from andon.hub.requests import After, workspace_of
from andon.hub.web.pages import page
from andon.services.gallery import Gallery, ImageDetail, gallery, image_detail, image_filters
from andon.services.labels import MOST, Said, label_images, said_at, take_back
from andon.store.image_facets import Facet
from andon.store.image_pages import Count
from andon.units import Timestamp

router = APIRouter(include_in_schema=False)

SHOWN = 60
"""Images on a page."""

TITLES = {
    "part_type": "Part type",
    "line": "Line",
    "station": "Station",
    "lot": "Lot",
    "concept": "Concept",
    "source": "Source",
    "labels": "Labels",
    "taken_from": "Taken from",
    "taken_to": "Taken to",
}

Filters = Annotated[ImageQuery, Depends()]
Chosen = Annotated[str, Query(max_length=64, description="Image that is shown over the grid.")]


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet: the address that chooses it, or gives it up where it is ``chosen``."""

    text: str
    address: str
    count: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FacetView:
    """A filter in the margin. ``typed``: there are more values than are listed, so one can be typed."""

    name: str
    title: str
    choices: tuple[Choice, ...]
    value: str
    typed: bool


@dataclass(frozen=True, slots=True)
class ImagesView:
    """The grid page. Addresses are what stands behind ``?``.

    Attributes:
        ticked: beginnings of the digests of chosen images. said: a label that was just given, and can be
            taken back; ``kept`` images had one.
    """

    gallery: Gallery
    query: ImageQuery
    facets: tuple[FacetView, ...]
    chips: tuple[Choice, ...]
    here: str
    following: str | None
    first: str | None
    counted: str
    any_at_all: bool
    panel: ImageDetail | None
    ticked: frozenset[str]
    said: Said | None
    kept: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was chosen, and what was just said of images, as it stands in an address.

    Attributes:
        chosen: beginnings of digests, with commas. said: when; kept: how many had labels and keep them.
    """

    chosen: Annotated[str, Query(max_length=2000)] = ""
    said: Annotated[str, Query(max_length=40)] = ""
    kept: Annotated[int, Query(ge=0, le=MOST)] = 0


@router.get("/images")
def index(
    request: Request,
    filters: Filters,
    done: Annotated[Done, Depends()],
    after: After = None,
    image: Chosen = "",
) -> HTMLResponse:
    """Images through filters, and one of them over the grid where the address names it."""
    workspace = workspace_of(request)
    found = gallery(workspace, filters.filter(), after, SHOWN)
    facets = image_filters(workspace)
    following = None if found.next is None else filters.address(after=found.next)
    view = ImagesView(
        gallery=found,
        query=filters,
        facets=facet_views(filters, facets),
        chips=filter_chips(filters),
        here=filters.address(after=after),
        following=following,
        first=None if after is None else filters.address(),
        counted=counted(found.count),
        any_at_all=bool(facets) or bool(found.images) or bool(filters.given()),
        panel=image_detail(workspace, image) if image else None,
        ticked=frozenset(done.chosen.split(",")),
        said=said_at(workspace, Timestamp(done.said)) if done.said else None,
        kept=done.kept,
    )
    return page(request, "images/list", view, title="Images", section="images")


@router.post("/images/labels")
def label(
    request: Request,
    image: Annotated[list[str] | None, Form()] = None,
    concept: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Say of the chosen images that they show a concept, or that they are clean."""
    said = label_images(workspace_of(request), image or [], concept or None)
    return _back(back, {"said": said.at, "kept": str(said.kept)})


@router.post("/images/labels/removal")
def unlabel(
    request: Request, said: Annotated[str, Form()] = "", back: Annotated[str, Form()] = ""
) -> Response:
    """Take back what was said last."""
    take_back(workspace_of(request), Timestamp(said))
    return _back(back, {})


def _back(here: str, told: dict[str, str]) -> Response:
    """To the list as it was, with what came of it."""
    kept = [(name, value) for name, value in parse_qsl(here) if name not in ("said", "kept", "chosen")]
    return RedirectResponse(f"/images?{urlencode([*kept, *told.items()])}", 303)


@router.get("/images/{image}")
def show(request: Request, image: str) -> HTMLResponse:
    """One image alone."""
    view = image_detail(workspace_of(request), image)
    return page(request, "images/show", view, title="Image", section="images")


@router.get("/images/{image}/panel")
def panel(request: Request, image: str) -> HTMLResponse:
    """The part of a page that shows one image, for scripts."""
    view = image_detail(workspace_of(request), image)
    return page(request, "images/panel", view, title="Image", section="images")


def facet_views(query: ImageQuery, facets: Sequence[Facet], kept: str = "") -> tuple[FacetView, ...]:
    """The margin's filters; the values of ``query`` are chosen. ``kept`` goes into every address, too."""
    looked = tuple(
        _choice(query, ("labels", str(word), ""), kept) for word in Looked if word is not Looked.ANY
    )
    labels = FacetView("labels", TITLES["labels"], looked, str(query.labels), typed=False)
    return (labels, *(_facet_view(query, facet, kept) for facet in facets))


def counted(count: Count | None) -> str:
    """A count as people read it; empty where it is not known."""
    if count is None:
        return ""
    return f"{count.number:,}{'' if count.exact else '+'}"


def filter_chips(query: ImageQuery, kept: str = "") -> tuple[Choice, ...]:
    """What filters now, each with the address without it."""
    return tuple(
        Choice(f"{TITLES[name]}: {value}", _with(query.address(**{name: None}), kept), "", chosen=True)
        for name, value in query.given().items()
    )


def _facet_view(query: ImageQuery, facet: Facet, kept: str) -> FacetView:
    value = str(getattr(query, facet.name))
    rows = [(facet.name, one.value, counted(one.count)) for one in facet.values]
    if value and value not in {one.value for one in facet.values}:
        rows.insert(0, (facet.name, value, ""))
    choices = tuple(_choice(query, row, kept) for row in rows)
    return FacetView(facet.name, TITLES[facet.name], choices, value, facet.more)


def _choice(query: ImageQuery, row: tuple[str, str, str], kept: str) -> Choice:
    """``row`` is a filter's name, a value of it, and how many images have that."""
    name, value, count = row
    chosen = str(getattr(query, name)) == value
    address = query.address(**{name: None if chosen else value})
    return Choice(value, _with(address, kept), count, chosen)


def _with(address: str, kept: str) -> str:
    return "&".join(part for part in (address, kept) if part)
