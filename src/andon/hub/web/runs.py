"""Pages of runs: start a training, watch it learn, see what it gets wrong, stop it."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.errors import AndonError
from andon.hub.failures import status_of
from andon.hub.requests import After, Limit, workspace_of
from andon.hub.web.pages import page
from andon.hub.web.run_forms import settings_of
from andon.hub.web.run_views import form_view, list_view, run_view
from andon.services.runs import start_run, stop_run, story_of_run

router = APIRouter(include_in_schema=False)


async def _form(request: Request) -> Mapping[str, str]:
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


@router.get("/runs")
def index(request: Request, after: After = None, limit: Limit = 50) -> HTMLResponse:
    """Runs, newest first."""
    view = list_view(workspace_of(request), after, limit)
    return page(request, "runs/list", view, title="Runs", section="runs")


@router.get("/runs/new")
def form(
    request: Request,
    dataset: Annotated[str, Query()] = "",
    family: Annotated[str, Query()] = "",
    like: Annotated[str, Query(description="Run whose settings fill the form.")] = "",
) -> HTMLResponse:
    """The form that starts a training."""
    view = form_view(workspace_of(request), {"dataset": dataset, "family": family, "like": like})
    return page(request, "runs/new", view, title="Train a model", section="runs")


@router.post("/runs")
def start(request: Request, form: Annotated[Mapping[str, str], Depends(_form)]) -> Response:
    """Ask for a training; where that is not possible, the form comes back and says why."""
    workspace = workspace_of(request)
    try:
        run = start_run(workspace, form.get("dataset", ""), settings_of(form))
    except AndonError as error:
        view = form_view(workspace, form, error)
        answer = page(request, "runs/new", view, title="Train a model", section="runs")
        answer.status_code = status_of(error)
        return answer
    return RedirectResponse(f"/runs/{run.id}", status_code=303)


@router.get("/runs/{run}")
def show(request: Request, run: str) -> HTMLResponse:
    """One run, live."""
    view = run_view(workspace_of(request), run)
    return page(request, "runs/show", view, title=f"Run {view.line.run.id[:8]}", section="runs")


@router.post("/runs/{run}/continuation")
def go_on(request: Request, run: str) -> Response:
    """Go on with a training that was stopped."""
    workspace = workspace_of(request)
    asked = story_of_run(workspace, run).line.run
    going = start_run(workspace, asked.snapshot, asked.settings)
    return RedirectResponse(f"/runs/{going.id}", status_code=303)


@router.post("/runs/{run}/cancellation")
def stop(request: Request, run: str) -> Response:
    """Stop a training."""
    job = stop_run(workspace_of(request), run)
    return RedirectResponse(f"/runs/{job.subject}", status_code=303)
