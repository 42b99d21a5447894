"""`/api/runs`: trainings: ask for one, follow its curve, stop it."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request

from andon.domain.presets import PRESETS
from andon.domain.runs import TrainSettings
from andon.domain.serial import to_json
from andon.hub.requests import Limit, workspace_of
from andon.services.runs import list_runs, show_run, start_run, stop_run

router = APIRouter(prefix="/api/runs", tags=["runs"])


@dataclass(frozen=True, slots=True)
class TrainWish:
    """A data set (name or digest of a snapshot) and how to learn from it; see ``/api/runs/presets``."""

    dataset: str
    settings: TrainSettings


@router.get("")
def index(request: Request, limit: Limit = 50) -> list[dict[str, Any]]:
    """Runs, newest first."""
    return list_runs(workspace_of(request), limit)


@router.get("/presets")
def presets() -> dict[str, TrainSettings]:
    """Settings for everyday use of each family, and tiny ones to try things out."""
    return dict(PRESETS)


@router.post("", status_code=202)
def add(request: Request, wish: TrainWish) -> dict[str, Any]:
    """Ask for a training; a worker takes it. The same again goes on with one that was stopped."""
    workspace = workspace_of(request)
    return show_run(workspace, start_run(workspace, wish.dataset, wish.settings).id)


@router.get("/{run}")
def show(request: Request, run: str) -> dict[str, Any]:
    """A run with its settings, its curve, and the images it was most wrong about."""
    return show_run(workspace_of(request), run)


@router.post("/{run}/cancellation", status_code=202)
def stop(request: Request, run: str) -> dict[str, Any]:
    """Stop a training; what comes back is its job."""
    told: dict[str, Any] = to_json(stop_run(workspace_of(request), run))
    return told
