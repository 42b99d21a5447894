"""Calibrations: how many pixels a millimetre has in a station's view."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request

from andon.hub.requests import workspace_of
from andon.services.calibrations import add_calibration, list_calibrations

router = APIRouter(prefix="/api/calibrations", tags=["calibrations"])


@dataclass(frozen=True, slots=True)
class KnownLength:
    """A length measured in the picture, and the same length on the part."""

    station: str
    view: str
    pixels: float
    millimetres: float


@router.get("")
def index(request: Request) -> list[dict[str, Any]]:
    """The calibration in force of every view."""
    return list_calibrations(workspace_of(request))


@router.post("", status_code=201)
def add(request: Request, length: KnownLength) -> dict[str, Any]:
    """Add a calibration version from a known length."""
    return add_calibration(
        workspace_of(request), (length.station, length.view), length.pixels, length.millimetres
    )
