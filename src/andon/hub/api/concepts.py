"""`/api/concepts`: what can be seen on parts."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request

from andon.domain.ontologies import Severity
from andon.domain.serial import to_json
from andon.hub.requests import workspace_of
from andon.services.ontologies import add_concept, current_ontology

router = APIRouter(prefix="/api/concepts", tags=["concepts"])


@dataclass(frozen=True, slots=True)
class NewConcept:
    """A kind of defect that had no name yet."""

    name: str
    severity: Severity = Severity.MAJOR


@router.get("")
def index(request: Request) -> dict[str, Any]:
    """The ontology in force, in its order."""
    told: dict[str, Any] = to_json(current_ontology(workspace_of(request)))
    return told


@router.post("", status_code=201)
def add(request: Request, concept: NewConcept) -> dict[str, Any]:
    """Add a kind of defect; the ontology gets its next version."""
    told: dict[str, Any] = to_json(add_concept(workspace_of(request), concept.name, concept.severity))
    return told
