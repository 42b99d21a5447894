"""Pages of stations: the list, one station, and assigning a recipe to it."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.stations import KeepPolicy
from andon.errors import InvalidInput, Refused
from andon.hub.requests import workspace_of
from andon.hub.web.pages import page
from andon.hub.web.send_forms import SendAsked, SendForm
from andon.hub.web.station_views import (
    GIBIBYTE,
    Form,
    assignment_view,
    list_view,
    station_view,
    usual_form,
)
from andon.services.stations import AssignmentRequest, Plan, assign, find_station, plan

router = APIRouter(include_in_schema=False)

MAX_GIBIBYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the form says; a field that is missing stays as the station has it."""

    recipe: Annotated[str, Query()] = ""
    passes: Annotated[float | None, Query()] = None
    audit: Annotated[float | None, Query()] = None
    gibibytes: Annotated[float | None, Query()] = None
    deadline: Annotated[float | None, Query()] = None


@router.get("/stations")
def list_all(request: Request) -> HTMLResponse:
    """All stations by line."""
    return page(request, "stations/list", list_view(workspace_of(request)), "Stations", "stations")


@router.get("/stations/{station}")
def show(request: Request, station: str) -> HTMLResponse:
    """One station: its state, its alarms and what to do, what it was told."""
    view = station_view(workspace_of(request), station)
    return page(request, "stations/show", view, title=f"Station {station}", section="stations")


@router.get("/stations/{station}/assignments/new")
def new_assignment(
    request: Request,
    station: str,
    chosen: Annotated[Chosen, Depends()],
    sends: Annotated[SendAsked, Depends()],
) -> HTMLResponse:
    """Choose a recipe, and read what will happen before it does, or why it may not."""
    workspace = workspace_of(request)
    known = find_station(workspace, station)
    form = _with(usual_form(known, chosen.recipe), chosen)
    send = sends.form(known.assignment.send if known.assignment else None)
    planned: Plan | Refused | None = None
    if form.recipe:
        try:
            planned = plan(workspace, station, _request(form, send))
        except Refused as why:
            planned = why
    view = assignment_view(workspace, known, (form, send), planned)
    return page(request, "stations/assign", view, title=f"Assign a recipe to {station}", section="stations")


@router.post("/stations/{station}/assignments")
def add_assignment(
    request: Request,
    station: str,
    form: Annotated[Form, Depends()],
    send: Annotated[SendForm, Depends()],
) -> Response:
    """Tell the station what to run, and which pictures to send."""
    assign(workspace_of(request), station, _request(form, send))
    return RedirectResponse(f"/stations/{quote(station, safe='')}", status_code=303)


def _with(form: Form, chosen: Chosen) -> Form:
    def given(name: str) -> float:
        value: float | None = getattr(chosen, name)
        usual: float = getattr(form, name)
        return usual if value is None else value

    return Form(form.recipe, given("passes"), given("audit"), given("gibibytes"), given("deadline"))


def _request(form: Form, send: SendForm) -> AssignmentRequest:
    if not 0 < form.gibibytes <= MAX_GIBIBYTES:
        raise InvalidInput(f"{form.gibibytes:g} GiB for images are not possible", "Give more than 0.")
    keep = KeepPolicy(form.passes / 100, form.audit / 100, round(form.gibibytes * GIBIBYTE))
    return AssignmentRequest(form.recipe, keep, form.deadline, send.policy())
