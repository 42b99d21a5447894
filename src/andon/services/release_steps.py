"""The next step of a release at a station: decided by what that reported, recorded, and told to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from andon.domain.release_orders import Pieces, assignment_for
from andon.domain.releases import Release, ReleaseEvent, ReleaseStep
from andon.domain.releasing import next_step, to_stop
from andon.domain.stations import Assignment, Station, StationReport
from andon.errors import AndonError
from andon.services.assignments import hub_key, put_in_force, runnable
from andon.services.release_seen import BACK, expected, running, seen_of
from andon.services.workspaces import Workspace, now
from andon.store import assignments as stored_assignments
from andon.store import recipes as stored_recipes
from andon.store import releases as stored_releases
from andon.store import stations as stored_stations

BAD_ENDS = frozenset({ReleaseStep.STOPPED, ReleaseStep.ROLLED_BACK})

Steps = Mapping[str, ReleaseStep]


def last_steps(history: tuple[ReleaseEvent, ...]) -> Steps:
    """Station -> its last step, of the steps of one release, first to last."""
    return {event.station: event.step for event in history}


def moves_with(tx: Connection, report: StationReport) -> bool:
    """Whether this report could bring a release a step on; costs one look-up where it cannot."""
    if report.rolled_back is None:
        return stored_releases.open_of(tx, report.station) is not None
    last = current(tx, report.station)
    return last is not None and last.step not in BAD_ENDS


def current(tx: Connection, station: str) -> ReleaseEvent | None:
    """The last step of the release on its way to a station, else of the one that what it runs is of."""
    last = stored_releases.open_of(tx, station)
    told = stored_assignments.latest(tx, station)
    if last is not None or told is None or told.release is None:
        return last
    return stored_releases.last_in(tx, told.release, station)


def advance(workspace: Workspace, station: str) -> ReleaseEvent | None:
    """Take the next step of the release at a station, if its time has come, and tell the station.

    Step and assignment are one transaction, and with them the end of those that must not go on.  Of two
    stations of a release that report at once, one waits for the other, and sees what it did.

    Raises:
        OperatorError: the hub's key cannot be read.
    """
    with workspace.database.write() as tx:
        last = current(tx, station)
        if last is None:
            return None
        of = stored_releases.locked(tx, last.release)
        event = _due(tx, of, station)
        if event is not None:
            take(workspace, tx, of, event)
    return event


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why the hub cannot take the step of a release that is due at a station, and what to do about it."""

    release: str
    station: str
    message: str
    todo: str


def hindrances(workspace: Workspace, tx: Connection) -> tuple[Hindrance, ...]:
    """What keeps releases from going on, station by station, by name."""
    moving = {
        name for one in stored_releases.open_ids(tx) for name in stored_releases.get(tx, one).stations
    }
    found = (
        hindrance(workspace, tx, station)
        for station in stored_stations.everyone(tx)
        if station.name in moving or (station.report is not None and station.report.rolled_back)
    )
    return tuple(one for one in found if one is not None)


def hindrance(workspace: Workspace, tx: Connection, station: Station) -> Hindrance | None:
    """Why :func:`advance` would fail at a station now; None where it would not, or nothing is due.

    All of it is done but the writing, so what was mended is known as soon as it is.
    """
    if station.report is None or not moves_with(tx, station.report):
        return None
    last = current(tx, station.name)
    if last is None:
        return None
    try:
        of = stored_releases.get(tx, last.release)
        event = _due(tx, of, station.name)
        for one in () if event is None else _with_stops(tx, of, event):
            if _told(tx, of, one) is not None:
                hub_key(workspace)
    except AndonError as cause:
        return Hindrance(last.release, station.name, cause.message, cause.todo)
    return None


def _due(tx: Connection, of: Release, station: str) -> ReleaseEvent | None:
    """The step that a release is to take at a station now; None: not yet."""
    history = stored_releases.events(tx, of.id)
    own = [event for event in history if event.station == station]
    at = now()
    return next_step(of, own, seen_of(tx, of, own[-1], (last_steps(history), at)), at)


def take(workspace: Workspace, tx: Connection, of: Release, event: ReleaseEvent) -> None:
    """Record a step, tell the station, and stop those that must not go on."""
    for one in _with_stops(tx, of, event):
        record(workspace, tx, of, one)


def _with_stops(tx: Connection, of: Release, event: ReleaseEvent) -> tuple[ReleaseEvent, ...]:
    """A step that is not recorded yet, and the end of those that must not go on because of it."""
    steps = {**last_steps(stored_releases.events(tx, of.id)), event.station: event.step}
    why = f"{event.station} {event.step.value}: {event.reason}"
    stopped = (ReleaseStep.STOPPED, why, event.author, event.at)
    return (event, *(ReleaseEvent(of.id, station, *stopped) for station in to_stop(steps)))


def record(workspace: Workspace, tx: Connection, of: Release, event: ReleaseEvent) -> None:
    """Record a step, and tell the station what it says."""
    stored_releases.add_event(tx, event)
    told = _told(tx, of, event)
    if told is not None:
        put_in_force(tx, told, hub_key(workspace))


def _told(tx: Connection, of: Release, event: ReleaseEvent) -> Assignment | None:
    counter = stored_assignments.next_counter(tx, event.station)
    return assignment_for(of, event, _pieces(tx, of, event), counter)


def _pieces(tx: Connection, of: Release, event: ReleaseEvent) -> Pieces:
    station = stored_stations.get(tx, event.station)
    new = runnable(tx, stored_recipes.get(tx, of.recipe, of.recipe_version))
    rejects = expected(tx, of, station) if event.step is ReleaseStep.SWITCHED else None
    told = stored_assignments.history(tx, event.station, BACK)
    before = next((one for one in told if one.release != of.id), None)
    p99 = station.report.p99 if station.report and station.report.p99 else None
    return Pieces(new, running(tx, station), station.assignment, before, rejects, p99)
