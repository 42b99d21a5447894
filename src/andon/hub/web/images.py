"""Pages of images: the filtered grid, and one image over it or alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from andon.hub.image_queries import ImageQuery, Looked
from andon.hub.requests import After, workspace_of
from andon.hub.web.pages import page
from andon.services.gallery import Gallery, ImageDetail, gallery, image_detail, image_filters
from andon.store.image_facets import Facet
from andon.store.image_pages import Count

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
    """The grid page. Addresses are what stands behind ``?``."""

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


@router.get("/images")
def index(request: Request, filters: Filters, after: After = None, image: Chosen = "") -> HTMLResponse:
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
    )
    return page(request, "images/list", view, title="Images", section="images")


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
