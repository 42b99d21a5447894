"""`/api/stations`: what stations report and hand over, and what they are told to run."""

from dataclasses import dataclass

from fastapi import APIRouter, Request

from andon.domain.stations import Assignment, Station, StationReport
from andon.hub.requests import workspace_of
from andon.services import stations
from andon.services.ingest import deliver
from andon.services.stations import AssignmentRequest
from andon.trust.assignments import SignedAssignment
from andon.wire.deliveries import Delivery, Receipt, ReportAnswer

router = APIRouter(prefix="/api", tags=["stations"])


@dataclass(frozen=True, slots=True)
class HubKey:
    """The public half of the hub's Ed25519 key, 32 bytes in base64."""

    key: str


@router.get("/key")
def show_key(request: Request) -> HubKey:
    """What stations check their assignments with."""
    return HubKey(stations.public_key(workspace_of(request)).text)


@router.get("/stations")
def list_stations(request: Request) -> tuple[Station, ...]:
    """All stations by line and name, each with its last report and its assignment."""
    return stations.all_stations(workspace_of(request))


@router.get("/stations/{station}")
def show_station(request: Request, station: str) -> Station:
    """One station."""
    return stations.find_station(workspace_of(request), station)


@router.put("/stations/{station}/reports")
def take_report(request: Request, station: str, report: StationReport) -> ReportAnswer:
    """Keep what a station says of itself, every few seconds; an unknown one makes itself known so."""
    return stations.take_report(workspace_of(request), station, report)


@router.post("/stations/{station}/deliveries")
def take_delivery(request: Request, station: str, delivery: Delivery) -> Receipt:
    """Record a station's records and reviews, once however often they come; the receipt is their safety.

    A review in neither list of the receipt belongs to a record that has not come yet: send it again later.
    """
    return deliver(workspace_of(request), station, delivery)


@router.get("/stations/{station}/assignment")
def show_assignment(request: Request, station: str) -> SignedAssignment:
    """What a station should run now, signed with the hub's key."""
    return stations.signed_assignment(workspace_of(request), station)


@router.get("/stations/{station}/assignments")
def list_assignments(request: Request, station: str) -> tuple[Assignment, ...]:
    """What a station was told, newest first."""
    return stations.assignments_of(workspace_of(request), station)


@router.post("/stations/{station}/assignments", status_code=201)
def assign(request: Request, station: str, wanted: AssignmentRequest) -> Assignment:
    """Tell a station what to run from its next part on; the recipe's model must be approved."""
    return stations.assign(workspace_of(request), station, wanted)
