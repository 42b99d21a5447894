"""`/api/selections`: pictures picked for labelling; ask for some, see why and how far people are."""

from typing import Any

from fastapi import APIRouter, Request

from andon.domain.selections import SelectionSettings
from andon.domain.serial import to_json
from andon.hub.requests import Limit, workspace_of
from andon.services.picked_pictures import as_facts
from andon.services.selections import ask_selection, find_selection, list_selections

router = APIRouter(prefix="/api/selections", tags=["selections"])


@router.get("")
def index(request: Request, limit: Limit = 50) -> list[dict[str, Any]]:
    """Selections, newest first, without their pictures."""
    page = list_selections(workspace_of(request), None, limit)
    names = ("id", "settings", "package", "seconds", "looked_at", "author", "at")
    return [
        {name: to_json(getattr(made, name)) for name in names}
        | {"pictures": far.pictures, "labelled": far.labelled}
        for made, far in page.rows
    ]


@router.post("", status_code=202)
def add(request: Request, settings: SelectionSettings) -> dict[str, Any]:
    """Ask for a selection; a worker makes it. The answer is its job."""
    told: dict[str, Any] = to_json(ask_selection(workspace_of(request), settings))
    return told


@router.get("/{selection}")
def show(request: Request, selection: str) -> dict[str, Any]:
    """A selection with its pictures in order, and chosen ones against those drawn by chance."""
    workspace = workspace_of(request)
    return as_facts(workspace, find_selection(workspace, selection))
