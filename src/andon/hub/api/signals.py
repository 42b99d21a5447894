"""`/api/signals`, `/api/plans`, `/api/turns`: what is monitored, what the loop does, and its turns."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from andon.domain.loops import LoopPlan, Turn
from andon.domain.serial import from_json, to_json
from andon.hub.requests import After, Limit, workspace_of
from andon.services.loops import (
    all_plans,
    find_plan,
    find_turn,
    retry_turn,
    save_plan,
    start_turn,
    stop_turn,
    turn_page,
    versions_of_plan,
)
from andon.services.signals import monitored

router = APIRouter(prefix="/api", tags=["signals"])


@dataclass(frozen=True, slots=True)
class TurnWish:
    """A turn that somebody wants now. ``cause`` says why, in a sentence."""

    plan: str
    cause: str = "asked for by hand"


@dataclass(frozen=True, slots=True)
class EndingWish:
    """Why a turn shall end."""

    reason: str


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Turns, newest first; ``next`` asks for the following page."""

    turns: tuple[dict[str, Any], ...]
    next: int | None


@router.get("/signals")
def signals(request: Request) -> list[dict[str, Any]]:
    """The latest look at everything that is monitored, what is raised first; ``since`` its state stands."""
    return [to_json(one.look) | {"since": one.since} for one in monitored(workspace_of(request))]


@router.get("/plans")
def plans(request: Request) -> list[dict[str, Any]]:
    """Every plan of the loop in the version in force."""
    return [_plan(plan) for plan in all_plans(workspace_of(request))]


@router.post("/plans", status_code=201)
def add_plan(request: Request, plan: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Put a plan in force as the next version of its name; its fields are those that ``GET`` gives."""
    return _plan(save_plan(workspace_of(request), from_json(LoopPlan, plan)))


@router.get("/plans/{plan}")
def plan(request: Request, plan: str, version: int | None = None) -> dict[str, Any]:
    """A plan: the version in force, or the one asked for."""
    return _plan(find_plan(workspace_of(request), plan, version))


@router.get("/plans/{plan}/versions")
def versions(request: Request, plan: str) -> list[dict[str, Any]]:
    """All versions of a plan, newest first."""
    return [_plan(one) for one in versions_of_plan(workspace_of(request), plan)]


@router.get("/turns")
def turns(request: Request, plan: str | None = None, after: After = None, limit: Limit = 50) -> TurnPage:
    """Turns of the loop with their steps, newest first."""
    found = turn_page(workspace_of(request), after, limit, plan)
    return TurnPage(tuple(_turn(turn) for turn in found.rows), found.next)


@router.post("/turns", status_code=202)
def start(request: Request, wish: TurnWish) -> dict[str, Any]:
    """Begin a turn; a worker makes its steps."""
    return _turn(start_turn(workspace_of(request), wish.plan, wish.cause))


@router.get("/turns/{turn}")
def turn(request: Request, turn: str) -> dict[str, Any]:
    """One turn with its steps."""
    return _turn(find_turn(workspace_of(request), turn))


@router.post("/turns/{turn}/ending")
def end(request: Request, turn: str, wish: EndingWish) -> dict[str, Any]:
    """End a turn by hand; what it has made stays."""
    return _turn(stop_turn(workspace_of(request), turn, wish.reason))


@router.post("/turns/{turn}/retries", status_code=202)
def retry(request: Request, turn: str) -> dict[str, Any]:
    """Let a turn that stands still go on where it was."""
    retry_turn(workspace_of(request), turn)
    return _turn(find_turn(workspace_of(request), turn))


def _plan(plan: LoopPlan) -> dict[str, Any]:
    told: dict[str, Any] = to_json(plan)
    return told


def _turn(turn: Turn) -> dict[str, Any]:
    told: dict[str, Any] = to_json(turn)
    return told | {"ended": turn.ended, "waits": turn.waits}
