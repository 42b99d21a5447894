"""Pages of gates: the list with the form, one gate with its flips first, and the parts that are held."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.gates import Purpose
from andon.errors import AndonError
from andon.hub.failures import status_of
from andon.hub.requests import LARGEST, After, Limit, workspace_of
from andon.hub.web.gate_views import form_view, gate_view, held_view, list_view, request_of
from andon.hub.web.pages import page
from andon.services.approvals import approve
from andon.services.gates import ask_gate, find_gate
from andon.services.holdouts import hold_part, release_part

router = APIRouter(include_in_schema=False)

FROM_PAGE = "from its page on the hub"
"""Why a part was held with one click."""


async def _form(request: Request) -> Mapping[str, str]:
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


Fields = Annotated[Mapping[str, str], Depends(_form)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the form of another gate begins with, where a link says so; both as ``NAME@VERSION``."""

    candidate: Annotated[str, Query()] = ""
    baseline: Annotated[str, Query()] = ""


@router.get("/gates")
def index(
    request: Request,
    chosen: Annotated[Chosen, Depends()],
    after: After = None,
    limit: Limit = 20,
    result: Annotated[str, Query(pattern="^(passed|refused)?$")] = "",
) -> HTMLResponse:
    """Gates, newest first, and the form of another."""
    workspace = workspace_of(request)
    form = form_view(workspace, {name: value for name, value in asdict(chosen).items() if value})
    view = list_view(workspace, (after, limit), result, form)
    return page(request, "gates/list", view, title="Gates", section="gates")


@router.post("/gates")
def ask(request: Request, form: Fields) -> Response:
    """Ask for a gate; where that is not possible, the page comes back and says why."""
    workspace = workspace_of(request)
    try:
        job = ask_gate(workspace, request_of(form))
    except AndonError as error:
        view = list_view(workspace, (None, 20), "", form_view(workspace, form, error))
        answer = page(request, "gates/list", view, title="Gates", section="gates")
        answer.status_code = status_of(error)
        return answer
    return RedirectResponse(f"/jobs/{job.id}", status_code=303)


@router.get("/gates/{gate}")
def show(request: Request, gate: str) -> HTMLResponse:
    """One gate."""
    view = gate_view(workspace_of(request), gate)
    title = f"Gate of {view.gate.request.candidate}"
    return page(request, "gates/show", view, title=title, section="gates")


@router.post("/gates/{gate}/approvals")
def add_approval(request: Request, gate: str, reason: Annotated[str, Form()] = "") -> Response:
    """Let the model that passed go to stations."""
    workspace = workspace_of(request)
    found = find_gate(workspace, gate)
    approve(workspace, found.package, reason)
    return RedirectResponse(f"/gates/{found.id}#approval", status_code=303)


@router.get("/holdouts")
def held(
    request: Request, purpose: Purpose | None = None, begin: Annotated[int, Query(ge=0, le=LARGEST)] = 0
) -> HTMLResponse:
    """The golden set and the must-catch parts."""
    view = held_view(workspace_of(request), purpose, begin)
    return page(request, "gates/held", view, title="Parts held for gates", section="gates")


@router.post("/holdouts")
def hold(request: Request, form: Fields) -> Response:
    """Hold a part, or hold it no more (``do`` is ``release``)."""
    workspace = workspace_of(request)
    purpose = Purpose.MUST_CATCH if form.get("purpose") == Purpose.MUST_CATCH else Purpose.GOLDEN
    act = release_part if form.get("do") == "release" else hold_part
    try:
        act(workspace, form.get("part", "").strip(), purpose, form.get("reason", "").strip() or FROM_PAGE)
    except AndonError as error:
        view = held_view(workspace, None, problem=error)
        answer = page(request, "gates/held", view, title="Parts held for gates", section="gates")
        answer.status_code = status_of(error)
        return answer
    return RedirectResponse(_back(form.get("back", "")), status_code=303)


def _back(place: str) -> str:
    """Where the click came from, where that is a page of this hub."""
    own = place.startswith(("/images/", "/inspections/")) and "//" not in place and "\\" not in place
    return place if own and place.isprintable() else "/holdouts"
