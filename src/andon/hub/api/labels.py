"""`/api/labels`: what is said or proposed of one picture, and what a person makes of that."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from andon.domain.serial import from_json, to_json
from andon.hub.requests import workspace_of
from andon.services.labels import LabelSheet, LabelWork, label_sheet, save_labels

router = APIRouter(prefix="/api/labels", tags=["labels"])


@router.get("/{image}")
def show(request: Request, image: str) -> dict[str, Any]:
    """What is accepted on a picture, or, where nobody has labelled it, what a model proposes."""
    return as_json(label_sheet(workspace_of(request), image))


@router.post("", status_code=201)
def add(request: Request, work: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Write down what a picture shows: all its labels, each with ``source`` where it was made from another.

    No labels: it is clean.  ``mark`` is that of the sheet that was seen; geometry has a ``kind``:
    ``wholeimage``, ``box`` (x, y, width, height) or ``polygon`` (points), in pixels.
    """
    saved: dict[str, Any] = to_json(save_labels(workspace_of(request), from_json(LabelWork, work)))
    return saved


def as_json(sheet: LabelSheet) -> dict[str, Any]:
    """The sheet as the page's script reads it."""
    return {
        "image": sheet.image.digest,
        "width": sheet.image.shape.width,
        "height": sheet.image.shape.height,
        "mark": sheet.mark,
        "proposed": sheet.proposed,
        "clean": sheet.clean,
        "concepts": [concept.name for concept in sheet.concepts],
        "labels": [
            {"source": one.id, "concept": one.concept, "geometry": to_json(one)["geometry"]}
            for one in sheet.said
        ],
    }
