"""Pages of signals and turns of the loop: what is monitored, the triggers of plans, the steps of a turn."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.loops import Trigger
from andon.domain.signals import SignalKind
from andon.errors import AndonError, InvalidInput
from andon.hub.failures import status_of
from andon.hub.requests import After, workspace_of
from andon.hub.web.pages import page
from andon.hub.web.signal_views import NAMES, signals_view, turn_view
from andon.services.loops import find_plan, find_turn, retry_turn, save_plan, start_turn, stop_turn

router = APIRouter(include_in_schema=False)

BY_HAND = "asked for by hand"


async def _form(request: Request) -> Mapping[str, str]:
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


@router.get("/signals")
def index(request: Request, after: After = None) -> HTMLResponse:
    """What is monitored, the plans with their triggers, and the turns, newest first."""
    view = signals_view(workspace_of(request), after)
    return page(request, "signals/list", view, title="Signals", section="signals")


@router.post("/plans/{plan}/versions")
def change(request: Request, plan: str, form: Annotated[Mapping[str, str], Depends(_form)]) -> Response:
    """Put other triggers of a plan in force; where that is not possible, the page says why."""
    workspace = workspace_of(request)
    try:
        changed = replace(
            find_plan(workspace, plan), triggers=_triggers(form), approves=form.get("approves") == "gate"
        )
        save_plan(workspace, changed)
    except AndonError as error:
        view = signals_view(workspace, problem=error)
        answer = page(request, "signals/list", view, title="Signals", section="signals")
        answer.status_code = status_of(error)
        return answer
    return RedirectResponse("/signals#plans", status_code=303)


def _triggers(form: Mapping[str, str]) -> tuple[Trigger, ...]:
    """Limits by kind of signal; an empty field is no trigger."""
    made = []
    for kind in SignalKind:
        text = form.get(f"limit_{kind.value}", "").strip()
        if not text:
            continue
        try:
            made.append(Trigger(kind, float(text)))
        except ValueError as cause:
            raise InvalidInput(f"the limit {text[:20]!r} for {NAMES[kind].lower()} is no number") from cause
    return tuple(made)


@router.post("/turns")
def start(request: Request, plan: Annotated[str, Form()]) -> Response:
    """Begin a turn of a plan now."""
    return _to(start_turn(workspace_of(request), plan, BY_HAND).id)


@router.get("/turns/{turn}")
def show(request: Request, turn: str) -> HTMLResponse:
    """One turn, step by step."""
    workspace = workspace_of(request)
    found = find_turn(workspace, turn)
    view = turn_view(workspace, found)
    return page(request, "turns/show", view, title=f"Turn of {found.plan}", section="signals")


@router.post("/turns/{turn}/ending")
def end(request: Request, turn: str, reason: Annotated[str, Form()] = "") -> Response:
    """End a turn by hand."""
    return _to(stop_turn(workspace_of(request), turn, reason or "ended by hand, on the hub's page").id)


@router.post("/turns/{turn}/retries")
def retry(request: Request, turn: str) -> Response:
    """Let a turn that stands still go on."""
    retry_turn(workspace_of(request), turn)
    return _to(turn)


def _to(turn: str) -> Response:
    return RedirectResponse(f"/turns/{turn}", status_code=303)
