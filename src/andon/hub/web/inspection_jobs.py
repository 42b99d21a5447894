"""Pages that judge many images at once, as `andon inspect` does: ask for it, and read what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from andon.domain.jobs import Job, JobKind
from andon.domain.models import Engine, Precision, Variant
from andon.domain.recipes import Recipe
from andon.domain.requests import InspectJob
from andon.domain.serial import to_json
from andon.errors import AndonError, InvalidInput, NotFound
from andon.hub.failures import status_of
from andon.hub.requests import workspace_of
from andon.hub.web.pages import page
from andon.services.datasets import list_snapshots
from andon.services.inspection_reports import CSV, JSON_LINES, REPORT
from andon.services.inspections import results_folder
from andon.services.jobs import enqueue, find_job
from andon.services.models import find_package, parse_variant
from andon.services.recipes import find_recipe, page_of_recipes
from andon.services.workspaces import Workspace
from andon.store.datasets import SnapshotRow

router = APIRouter(include_in_schema=False)

RESULTS = {REPORT: "text/html", CSV: "text/csv", JSON_LINES: "application/jsonl"}

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""The report is one file that carries its own style and pictures, and runs nothing."""

OVERLAYS = {"found": "of parts that did not pass", "all": "of all parts", "none": "none"}
VARIANTS = tuple(str(Variant(engine, precision)) for engine in Engine for precision in Precision)

THREADS = 2
"""Of the CPU, where the form does not say."""

MOST = 200
"""Recipe versions and snapshots that can be chosen, the newest."""


@dataclass(frozen=True, slots=True)
class FormView:
    """The form: what can be chosen, what was chosen, what was wrong with it."""

    recipes: Mapping[str, Recipe]
    snapshots: tuple[SnapshotRow, ...]
    variants: tuple[str, ...]
    overlays: Mapping[str, str]
    chosen: Mapping[str, str]
    problem: AndonError | None = None


async def _form(request: Request) -> Mapping[str, str]:
    form = await request.form()
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


@router.get("/jobs/inspections")
def form(request: Request) -> HTMLResponse:
    """The form that asks for an inspection."""
    chosen = dict(request.query_params)
    view = _view(workspace_of(request), chosen, None)
    return page(request, "jobs/inspection", view, title="Inspect images", section="inspections")


@router.post("/jobs/inspections")
def start(request: Request, form: Annotated[Mapping[str, str], Depends(_form)]) -> Response:
    """Ask for an inspection; where that is not possible, the form comes back and says why."""
    workspace = workspace_of(request)
    try:
        job = _enqueued(workspace, form)
    except AndonError as error:
        view = _view(workspace, form, error)
        answer = page(request, "jobs/inspection", view, title="Inspect images", section="inspections")
        answer.status_code = status_of(error)
        return answer
    return RedirectResponse(f"/jobs/{job.id}", status_code=303)


@router.get("/jobs/{job}/results/{name}")
def result(request: Request, job: str, name: str) -> Response:
    """A file that an inspection left behind: the report, or its tables."""
    workspace = workspace_of(request)
    found = find_job(workspace, job)
    if name not in results_of(workspace, found):
        raise NotFound(f"job {found.id[:8]} has no result {name!r}")
    kind = RESULTS[name]
    headers = {"content-security-policy": REPORT_POLICY} if name == REPORT else {}
    shown_as = None if name == REPORT else name
    path = results_folder(workspace, found) / name
    return FileResponse(path, media_type=kind, headers=headers, filename=shown_as)


def results_of(workspace: Workspace, job: Job) -> tuple[str, ...]:
    """Names of the files that an inspection has left behind; none for other jobs."""
    if job.kind is not JobKind.INSPECT:
        return ()
    return tuple(name for name in RESULTS if (results_folder(workspace, job) / name).is_file())


def _enqueued(workspace: Workspace, form: Mapping[str, str]) -> Job:
    recipe = find_recipe(workspace, form.get("recipe", ""))
    folder, dataset = form.get("folder", ""), form.get("dataset", "")
    if folder and not Path(folder).is_dir():
        raise NotFound(f"there is no folder {folder} on this machine", "Check the path.")
    if bool(folder) == bool(dataset):
        raise InvalidInput("an inspection needs a folder or a data set", "Give one of them.")
    asked = InspectJob(
        recipe=f"{recipe.name}@{recipe.version}",
        folder=str(Path(folder).resolve()) if folder else None,
        dataset=dataset or None,
        truth=form.get("truth") or None,
        variant=_variant(workspace, recipe, form.get("variant", "")),
        threads=_threads(form.get("threads", "")),
        overlays=form.get("overlays", "found"),
        out=_out(form.get("out", "")),
    )
    subject = f"{asked.folder or 'test group of ' + dataset[:12]} by {asked.recipe}"
    return enqueue(workspace, JobKind.INSPECT, to_json(asked), subject)


def _variant(workspace: Workspace, recipe: Recipe, text: str) -> str | None:
    return str(parse_variant(find_package(workspace, recipe.package), text)) if text else None


def _threads(text: str) -> int:
    if not text:
        return THREADS
    if not (text.isdecimal() and len(text) < 4):
        raise InvalidInput(f"{text[:20]!r} is no number of CPU threads", "Write 1 to 256.")
    return int(text)


def _out(text: str) -> str | None:
    if text and not Path(text).is_absolute():
        raise InvalidInput(f"{text[:80]!r} is no whole path", "Begin it with /, or leave it empty.")
    return text or None


def _view(workspace: Workspace, chosen: Mapping[str, str], problem: AndonError | None) -> FormView:
    recipes = page_of_recipes(workspace, None, MOST).rows
    newest = {recipe.name: recipe.version for recipe in reversed(recipes)}
    names = {
        recipe.name if newest[recipe.name] == recipe.version else f"{recipe.name}@{recipe.version}": recipe
        for recipe in recipes
    }
    snapshots = tuple(list_snapshots(workspace, MOST))
    given = {"recipe": "", "folder": "", "dataset": "", "truth": "", "overlays": "found"}
    given |= {"variant": "", "threads": "", "out": ""} | dict(chosen)
    return FormView(names, snapshots, VARIANTS, OVERLAYS, given, problem)
