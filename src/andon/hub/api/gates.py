"""Gates: what was compared and what came of it; and the parts that are held to do it with."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from andon.domain.gates import Gate, GateRequest, Purpose
from andon.domain.serial import to_json
from andon.hub.requests import After, Limit, workspace_of
from andon.services.gates import ask_gate, find_gate, page_of_gates
from andon.services.holdouts import held_parts, hold_part, release_part

router = APIRouter(tags=["gates"])


@dataclass(frozen=True, slots=True)
class Holding:
    """A part (serial, key, or digest of a picture), what it is held for, and why."""

    part: str
    purpose: Purpose
    reason: str


@router.get("/api/gates")
def index(
    request: Request,
    after: After = None,
    limit: Limit = 20,
    passed: Annotated[bool | None, Query(description="Only those that passed, or were refused.")] = None,
) -> dict[str, Any]:
    """Gates, newest first, without their flips."""
    found = page_of_gates(workspace_of(request), after, limit, passed)
    return {"rows": [_line(gate) for gate in found.rows], "next": found.next}


@router.post("/api/gates", status_code=202)
def ask(request: Request, wish: GateRequest) -> dict[str, Any]:
    """Ask for a gate; the answer is the job that does it, and the gate has the job's id."""
    told: dict[str, Any] = to_json(ask_gate(workspace_of(request), wish))
    return told


@router.get("/api/gates/{gate}")
def show(request: Request, gate: str) -> dict[str, Any]:
    """One gate with everything that was found."""
    found = find_gate(workspace_of(request), gate)
    return {"passed": found.outcome.passed, **to_json(found)}


@router.get("/api/holdouts")
def held(request: Request, purpose: Purpose | None = None) -> list[dict[str, Any]]:
    """Parts that somebody holds back from training."""
    return [
        to_json(one.holdout) | {"labels": one.labels, "images": [i.digest for i in one.images]}
        for one in held_parts(workspace_of(request), purpose)
    ]


@router.post("/api/holdouts", status_code=201)
def hold(request: Request, holding: Holding) -> dict[str, Any]:
    """Hold a part from now on."""
    made = hold_part(workspace_of(request), holding.part, holding.purpose, holding.reason)
    told: dict[str, Any] = to_json(made)
    return told


@router.post("/api/holdouts/removal", status_code=201)
def let_go(request: Request, holding: Holding) -> dict[str, Any]:
    """Hold a part no more for this purpose."""
    made = release_part(workspace_of(request), holding.part, holding.purpose, holding.reason)
    told: dict[str, Any] = to_json(made)
    return told


def _line(gate: Gate) -> dict[str, Any]:
    facts: dict[str, Any] = to_json(gate)
    outcome = {name: value for name, value in facts["outcome"].items() if name != "flips"}
    return {"passed": gate.outcome.passed, **facts, "outcome": outcome}
