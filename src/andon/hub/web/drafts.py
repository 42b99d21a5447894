"""The recipe editor: a draft is drawn, tried on history, and saved as the next version."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from andon.errors import InvalidInput
from andon.hub.requests import workspace_of
from andon.hub.web.draft_forms import cuts_of, request_of
from andon.hub.web.draft_views import RatesView, draft_view, preview_view
from andon.hub.web.pages import page
from andon.services.drafts import template_picture
from andon.services.inspection_pictures import picture_of_inspection
from andon.services.models import find_package
from andon.services.previews import preview_recipe
from andon.services.recipes import make_recipe
from andon.services.scores import latest_evaluation
from andon.units import Digest

router = APIRouter(include_in_schema=False)

MAX_FIELDS = 20_000

FOR_GOOD = {"cache-control": "private, max-age=31536000, immutable"}
"""What is known by its digest never changes."""


async def form_of(request: Request) -> FormData:
    """The fields of the form that was sent."""
    return await request.form(max_fields=MAX_FIELDS, max_files=0)


Form = Annotated[FormData, Depends(form_of)]


@router.get("/drafts")
def edit(
    request: Request,
    recipe: Annotated[str | None, Query()] = None,
    model: Annotated[str | None, Query()] = None,
    picture: Annotated[str | None, Query()] = None,
) -> HTMLResponse:
    """The editor, over a recipe version (``recipe=NAME@VERSION``) or a model without one."""
    view = draft_view(workspace_of(request), recipe, model, picture)
    title = f"Recipe {view.name}" if view.name else "New recipe"
    return page(request, "recipes/edit", view, title=title, section="recipes")


@router.post("/drafts/previews")
def preview(request: Request, form: Form) -> HTMLResponse:
    """Which verdicts of history the draft would change; nothing is stored but a template that was drawn."""
    workspace = workspace_of(request)
    asked = request_of(workspace, form)
    view = preview_view(preview_recipe(workspace, replace(asked, name=asked.name or "draft")))
    return page(request, "recipes/preview", view, title="Preview on history", section="recipes")


@router.post("/drafts/rates")
def rates(request: Request, form: Form) -> HTMLResponse:
    """What the cuts do to the test group, with bounds."""
    workspace = workspace_of(request)
    model = form.get("model")
    package = find_package(workspace, model if isinstance(model, str) else "")
    evaluation = latest_evaluation(workspace, package)
    if evaluation is None:
        raise InvalidInput("the model was never evaluated", "Evaluate it on its model page.")
    chosen = form.get("bound_in_view") == "yes"
    view = RatesView(evaluation.test_rates(cuts_of(form)), chosen)
    return page(request, "recipes/rates", view, title="What the test group says", section="recipes")


@router.post("/recipes")
def save(request: Request, form: Form) -> Response:
    """Store the draft as the next version of its name."""
    workspace = workspace_of(request)
    made = make_recipe(workspace, request_of(workspace, form))
    address = request.url_for("show_recipe_version", name=str(made["name"]), version=str(made["version"]))
    return RedirectResponse(address.path, status_code=303)


@router.get("/drafts/templates/{template}")
def template(request: Request, template: str) -> Response:
    """The template that parts are located by."""
    return _png(template_picture(workspace_of(request), Digest(template)))


@router.get("/drafts/inspections/{inspection}")
def inspected(request: Request, inspection: str) -> Response:
    """The picture of a stored inspection, or what is left of it."""
    return _png(picture_of_inspection(workspace_of(request), inspection))


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers=FOR_GOOD)
