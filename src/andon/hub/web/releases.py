"""Pages of releases: the list, one release live with its way back, and the form of a new one."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.errors import AndonError
from andon.hub.failures import status_of
from andon.hub.requests import After, Limit, workspace_of
from andon.hub.web.pages import page
from andon.hub.web.release_forms import request_of
from andon.hub.web.release_views import form_view, list_view, release_view
from andon.services.releases import acknowledge, release, roll_back, stop

router = APIRouter(include_in_schema=False)

BY_HAND = "by hand, on the hub's page"
"""Where a person gave no reason: whoever rolls back has no time to write."""

TITLE = "Release to stations"


async def _form(request: Request) -> Mapping[str, str]:
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


@router.get("/releases")
def index(request: Request, after: After = None, limit: Limit = 50) -> HTMLResponse:
    """Releases, newest first."""
    view = list_view(workspace_of(request), after, limit)
    return page(request, "releases/list", view, title="Releases", section="releases")


@router.get("/releases/new")
def new(request: Request, recipe: Annotated[str, Query()] = "") -> HTMLResponse:
    """The form that sends a recipe version to stations."""
    view = form_view(workspace_of(request), {"recipe": recipe})
    return page(request, "releases/new", view, title=TITLE, section="releases")


@router.post("/releases")
def add(request: Request, form: Annotated[Mapping[str, str], Depends(_form)]) -> Response:
    """Send it on its way; where that is not possible, the form comes back and says why."""
    workspace = workspace_of(request)
    try:
        made = release(workspace, request_of(form))
    except AndonError as error:
        answer = page(request, "releases/new", form_view(workspace, form, error), TITLE, "releases")
        answer.status_code = status_of(error)
        return answer
    return RedirectResponse(f"/releases/{made.id}", status_code=303)


@router.get("/releases/{release}")
def show(request: Request, release: str) -> HTMLResponse:
    """One release, live."""
    view = release_view(workspace_of(request), release)
    of = view.progress.release
    title = f"Release of {of.recipe}@{of.recipe_version}"
    return page(request, "releases/show", view, title=title, section="releases")


@router.post("/releases/{release}/rollback")
def add_rollback(
    request: Request,
    release: str,
    reason: Annotated[str, Form()] = "",
    station: Annotated[str, Form()] = "",
) -> Response:
    """Take it back, at one station or everywhere."""
    roll_back(workspace_of(request), release, reason.strip() or BY_HAND, station or None)
    return RedirectResponse(f"/releases/{release}", status_code=303)


@router.post("/releases/{release}/stop")
def add_stop(request: Request, release: str, reason: Annotated[str, Form()] = "") -> Response:
    """Let it go no further."""
    stop(workspace_of(request), release, reason.strip() or BY_HAND)
    return RedirectResponse(f"/releases/{release}", status_code=303)


@router.post("/releases/{release}/acknowledgement")
def add_acknowledgement(request: Request, release: str, reason: Annotated[str, Form()] = "") -> Response:
    """Somebody has seen that it stopped or went back."""
    acknowledge(workspace_of(request), release, reason)
    return RedirectResponse(f"/releases/{release}", status_code=303)
