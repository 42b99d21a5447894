"""Stations: what they report, what they are told to run, and the key it is signed with."""

import logging
import math
from dataclasses import dataclass, field

from sqlalchemy import Connection

from andon.domain.feedback import SendPolicy
from andon.domain.lines import is_silent
from andon.domain.models import Package, Variant
from andon.domain.needs import Need
from andon.domain.recipes import Recipe
from andon.domain.stations import (
    MAX_DEADLINE,
    USUAL_DEADLINE,
    Assignment,
    KeepPolicy,
    Sending,
    ShadowCount,
    Station,
    StationReport,
)
from andon.errors import AndonError, InvalidInput, NotFound
from andon.services.assignments import hub_key, put_in_force, refuse_unapproved, usable_variants
from andon.services.jobs import ago
from andon.services.models import find_package
from andon.services.recipes import find_recipe
from andon.services.release_steps import advance, moves_with
from andon.services.replacing import refuse_ungated
from andon.services.workspaces import Workspace, now
from andon.store import assignments as stored_assignments
from andon.store import stations as stored_stations
from andon.trust.assignments import SignedAssignment
from andon.trust.keys import PublicKey
from andon.units import Timestamp, is_timestamp
from andon.wire.deliveries import ReportAnswer

LOG = logging.getLogger("andon.releases")

SILENT_SECONDS = 15.0
"""A station that said nothing for so long is offline; it reports every few seconds."""

MAX_NAME = 64
MAX_ALARMS = 50
MAX_REASON = 2000
MAX_NUMBER = 10**15
HISTORY = 50
"""Assignments that a station's page lists."""


@dataclass(frozen=True, slots=True)
class AssignmentRequest:
    """What a person tells a station.

    Attributes:
        recipe: ``NAME`` (its latest version) or ``NAME@VERSION``.
        deadline: milliseconds from frame to verdict; a later verdict is NO-DECISION.
        send: which pictures it sends; None: all that are kept.
    """

    recipe: str
    keep: KeepPolicy = field(default_factory=KeepPolicy)
    deadline: float = USUAL_DEADLINE
    send: SendPolicy | None = None


def checked_name(name: str) -> str:
    """``name``, if a station may be called so.

    Raises:
        InvalidInput: it is empty, too long, or holds a slash or what cannot be printed.
    """
    if (
        not name.strip()
        or len(name) > MAX_NAME
        or "/" in name
        or not name.isprintable()
        or name in {".", ".."}
    ):
        raise InvalidInput(
            f"{name[:80]!r} is no name for a station",
            f"Use up to {MAX_NAME} printable characters without a slash.",
        )
    return name


def take_report(workspace: Workspace, station: str, report: StationReport) -> ReportAnswer:
    """Keep what a station says of itself; one that is not known makes itself known so.

    Where a release is on its way to the station, it goes on by what the station says; where it cannot, the
    log says why, and the next report tries again.

    Raises:
        InvalidInput: the report is of another station, its name is not usable, or a number is not finite.
    """
    checked_name(station)
    if report.station != station:
        raise InvalidInput(f"this is a report of station {report.station!r}, sent as {station!r}")
    _check_report(report)
    with workspace.database.write() as tx:
        stored_stations.report(tx, report, f"station/{station}", now())
        if not moves_with(tx, report):
            return _answer(tx, station)
    _move_release(workspace, station)
    with workspace.database.read() as tx:
        return _answer(tx, station)


def _move_release(workspace: Workspace, station: str) -> None:
    """A release that cannot go on must not keep a station from hearing what it was told before."""
    try:
        advance(workspace, station)
    except AndonError as cause:
        LOG.error("the release at station %s does not go on: %s %s", station, cause.message, cause.todo)


def _answer(tx: Connection, station: str) -> ReportAnswer:
    assignment = stored_assignments.latest(tx, station)
    return ReportAnswer(assignment.counter if assignment else 0)


def _check_report(report: StationReport) -> None:
    if len(report.line) > MAX_NAME or not report.line.isprintable():
        raise InvalidInput(f"{report.line[:80]!r} is no name for a line")
    if len(report.alarms) > MAX_ALARMS:
        raise InvalidInput(f"{len(report.alarms)} alarms are more than {MAX_ALARMS}")
    sending = report.sending or Sending(0, 0)
    beside = report.shadow or ShadowCount("", 0, 0, 0)
    left = report.rolled_back
    if left and (len(left.reason) > MAX_REASON or len(left.author) > MAX_NAME):
        raise InvalidInput(f"the reason why station {report.station!r} went back is too long")
    numbers = (report.per_second, report.p50, report.p99, report.counter, report.spool, report.held)
    sizes = (report.disk_free, sending.waiting, sending.sent_today, beside.judged, beside.dropped)
    for number in (*numbers, *sizes, *report.parts.values(), *report.shed.values()):
        if not 0 <= number <= MAX_NUMBER:
            raise InvalidInput(f"the number {str(number)[:40]} in the report is not possible")
    times = (report.at, report.started_at, *(alarm.since for alarm in report.alarms))
    for at in (*times, left.at) if left else times:
        if not is_timestamp(at):
            raise InvalidInput(f"{at[:80]!r} is no time", "Write it as 2026-03-01T06:00:00.000000Z.")


def all_stations(workspace: Workspace) -> tuple[Station, ...]:
    """All stations by line and name."""
    with workspace.database.read() as tx:
        return stored_stations.everyone(tx)


def find_station(workspace: Workspace, name: str) -> Station:
    """One station.

    Raises:
        NotFound: none of that name ever reported.
    """
    with workspace.database.read() as tx:
        return stored_stations.get(tx, name)


def assignments_of(workspace: Workspace, station: str) -> tuple[Assignment, ...]:
    """What a station was told, newest first."""
    with workspace.database.read() as tx:
        return stored_assignments.history(tx, station, HISTORY)


def signed_assignment(workspace: Workspace, station: str) -> SignedAssignment:
    """What a station should run now.

    Raises:
        NotFound: it was never told anything.
    """
    with workspace.database.read() as tx:
        signed = stored_assignments.signed(tx, station)
    if signed is None:
        raise NotFound(
            f"nothing is assigned to station {station!r}", "Assign a recipe on the page Stations."
        )
    return SignedAssignment(signed.payload, signed.signature)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an assignment would bring about; nothing was written."""

    station: Station
    recipe: Recipe
    package: Package
    variants: tuple[Variant, ...]
    keep: KeepPolicy
    deadline: float


def plan(workspace: Workspace, station: str, request: AssignmentRequest) -> Plan:
    """See whether a station can be told so.

    Raises:
        NotFound: there is no such station or recipe.
        Refused: the recipe's model is not approved, none of its variants may run there, or no gate has
            passed it against the version that runs there.
        InvalidInput: the deadline is not possible.
    """
    if not (math.isfinite(request.deadline) and 1 <= request.deadline <= MAX_DEADLINE):
        raise InvalidInput(
            f"a deadline of {request.deadline:g} ms is not possible", f"Give 1 to {MAX_DEADLINE:g} ms."
        )
    known = find_station(workspace, station)
    recipe = find_recipe(workspace, request.recipe)
    package = find_package(workspace, recipe.package)
    with workspace.database.read() as tx:
        refuse_unapproved(tx, recipe)
        refuse_ungated(tx, recipe, known)
    return Plan(known, recipe, package, usable_variants(package), request.keep, request.deadline)


def assign(workspace: Workspace, station: str, request: AssignmentRequest) -> Assignment:
    """Tell a station what to run from its next part on.

    Raises:
        NotFound, Refused, InvalidInput: as :func:`plan`.
        OperatorError: the hub's key cannot be read.
    """
    planned = plan(workspace, station, request)
    what = (planned.recipe, planned.variants, planned.keep, planned.deadline)
    key = hub_key(workspace)
    with workspace.database.write() as tx:
        counter = stored_assignments.next_counter(tx, station)
        assignment = Assignment(station, counter, *what, workspace.who, now(), request.send)
        put_in_force(tx, assignment, key)
    return assignment


def public_key(workspace: Workspace) -> PublicKey:
    """What stations check assignments with."""
    return hub_key(workspace).public


def own_page(station: Station) -> str:
    """The station's own page; what it says is only linked where it is a web address."""
    said = station.report.page if station.report is not None else ""
    return said if said.startswith(("http://", "https://")) else ""


def alarm_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Stations that say nothing, and what the others complain of."""
    silent_since = ago(SILENT_SECONDS)
    return tuple(need for one in all_stations(workspace) for need in _alarms(one, silent_since))


def _alarms(station: Station, silent_since: Timestamp) -> tuple[Need, ...]:
    name, report = station.name, station.report
    if report is None or is_silent(station, silent_since):
        todo = "Look whether its program runs and whether its network reaches this hub."
        return (Need(f"{name} says nothing", todo, True, since=station.reported_at),)
    link = own_page(station)
    return tuple(Need(f"{name}: {one.message}", one.todo, True, link, one.since) for one in report.alarms)


def review_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Parts that wait on stations for somebody to judge them."""
    silent_since = ago(SILENT_SECONDS)
    return tuple(
        Need(
            f"{one.name}: {_parts(one.report.held)} for a person",
            "Judge them on the station's page.",
            False,
            own_page(one),
        )
        for one in all_stations(workspace)
        if one.report is not None and one.report.held and not is_silent(one, silent_since)
    )


def _parts(number: int) -> str:
    return "1 part waits" if number == 1 else f"{number:,} parts wait"
