"""`/api/releases`: recipe versions on their way to stations, how far they are, and the way back."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath

from andon.domain.releases import Release, ReleaseEvent
from andon.hub.requests import After, Limit, workspace_of
from andon.services.release_progress import ReleaseProgress, ReleaseSummary, page_of_releases, progress
from andon.services.releases import ReleaseRequest, acknowledge, release, roll_back, stop

router = APIRouter(prefix="/api/releases", tags=["releases"])

ReleaseId = Annotated[str, InPath(description="Release id, or the beginning of one.")]


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """Releases, newest first; ``next`` asks for the following page."""

    releases: tuple[ReleaseSummary, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class RollbackWish:
    """Why it goes back; ``station``: there alone."""

    reason: str
    station: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseWord:
    """Why it goes no further, or why nothing more is to be done about it."""

    reason: str


@router.get("")
def index(request: Request, after: After = None, limit: Limit = 50) -> ReleasePage:
    """Releases with the last step of each station, newest first."""
    found = page_of_releases(workspace_of(request), after, limit)
    return ReleasePage(found.rows, found.next)


@router.post("", status_code=201)
def add(request: Request, wanted: ReleaseRequest) -> Release:
    """Send a recipe version on its way; its gate must have passed and its model be approved."""
    return release(workspace_of(request), wanted)


@router.get("/{release}")
def show(request: Request, release: ReleaseId) -> ReleaseProgress:
    """One release: each station's step, what it really runs, its shadow and the parts that differ."""
    return progress(workspace_of(request), release)


@router.post("/{release}/rollback")
def add_rollback(request: Request, release: ReleaseId, wish: RollbackWish) -> tuple[ReleaseEvent, ...]:
    """Tell stations to run what ran before; those not switched go no further. All its steps."""
    return roll_back(workspace_of(request), release, wish.reason, wish.station)


@router.post("/{release}/stop")
def add_stop(request: Request, release: ReleaseId, wish: ReleaseWord) -> tuple[ReleaseEvent, ...]:
    """Stations that wait or judge beside stay with what they run. All its steps."""
    return stop(workspace_of(request), release, wish.reason)


@router.post("/{release}/acknowledgement")
def add_acknowledgement(
    request: Request, release: ReleaseId, wish: ReleaseWord
) -> tuple[ReleaseEvent, ...]:
    """Somebody has seen where it stopped or went back by itself. All its steps."""
    return acknowledge(workspace_of(request), release, wish.reason)
