"""Pages of inspections: the list with its filters, and one part's whole story."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.feedback import Answer
from andon.domain.parts import part_name
from andon.hub.api.inspections import Filters
from andon.hub.requests import After, Limit, workspace_of
from andon.hub.web.inspection_views import list_view, story_view
from andon.hub.web.pages import page
from andon.services.reviews import ReviewRequest, review
from andon.services.stories import choices, list_page, picture_of, small_picture_of, story_of

router = APIRouter(include_in_schema=False)


@router.get("/inspections")
def list_all(
    request: Request, filters: Annotated[Filters, Depends()], after: After = None, limit: Limit = 50
) -> HTMLResponse:
    """Parts, newest first."""
    workspace = workspace_of(request)
    found = list_page(workspace, filters.query(), after, limit)
    view = list_view(found, filters, choices(workspace), after)
    return page(request, "inspections/list", view, title="Inspections", section="inspections")


@router.get("/inspections/{inspection}")
def show(request: Request, inspection: str) -> HTMLResponse:
    """One part's story, from pixels to what people said."""
    view = story_view(story_of(workspace_of(request), inspection))
    title = f"Part {part_name(view.story.inspection.part)}"
    return page(request, "inspections/show", view, title=title, section="inspections")


@router.get("/inspections/{inspection}/picture")
def picture(request: Request, inspection: str) -> Response:
    """The part as a PNG that every browser shows."""
    headers = {"cache-control": "private, max-age=600"}
    return Response(picture_of(workspace_of(request), inspection), media_type="image/png", headers=headers)


@router.get("/inspections/{inspection}/thumbnail")
def thumbnail(request: Request, inspection: str) -> Response:
    """The part in small; the station's own drawing of it while the image is not here."""
    content, kind = small_picture_of(workspace_of(request), inspection)
    headers = {"cache-control": "private, max-age=60"}
    return Response(content, media_type=kind, headers=headers)


@router.post("/inspections/{inspection}/reviews")
def add_review(
    request: Request,
    inspection: str,
    answer: Annotated[Answer, Form()],
    concept: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Say what one thinks of the verdict."""
    said = review(workspace_of(request), inspection, ReviewRequest(answer, concept or None, note))
    return RedirectResponse(f"/inspections/{said.inspection}#people", status_code=303)
