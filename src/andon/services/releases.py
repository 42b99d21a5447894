"""Releases: a gated and approved recipe version goes to stations, step by step, and back if it is bad."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from andon.domain.recipes import Recipe
from andon.domain.release_orders import way_back
from andon.domain.releases import Release, ReleaseEvent, ReleaseSettings, ReleaseStep
from andon.domain.releasing import is_replaced
from andon.domain.stations import Station
from andon.errors import Conflict, InvalidInput, Refused
from andon.services.assignments import hub_key, is_approved, put_in_force, refuse_unapproved, runnable
from andon.services.recipes import find_recipe
from andon.services.release_seen import BACK, told_before
from andon.services.release_steps import BAD_ENDS, last_steps, record, take
from andon.services.replacing import passed_gate
from andon.services.workspaces import Workspace, new_id, now
from andon.store import assignments as stored_assignments
from andon.store import releases as stored_releases
from andon.store import stations as stored_stations

MAX_REASON = 2000
"""Characters."""

MAX_STATIONS = 500


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What a person asks for.

    Attributes:
        recipe: ``NAME`` (its latest version) or ``NAME@VERSION``.
        waves: groups of stations, one after the other.
        gate: id of the gate that passed, or its beginning; None: the last one against what runs there.
    """

    recipe: str
    waves: tuple[tuple[str, ...], ...]
    reason: str
    gate: str | None = None
    settings: ReleaseSettings = field(default_factory=ReleaseSettings)


def release(workspace: Workspace, request: ReleaseRequest) -> Release:
    """Send a recipe version on its way; each station begins when it reports next and its wave has come.

    Raises:
        NotFound: no such recipe, gate or station.
        InvalidInput: no reason, no station, or one twice.
        Refused: no gate that passed compares it with what the stations run, or the model is not approved.
        Conflict: a station is in another release that has not ended.
    """
    _check_request(request)
    recipe = find_recipe(workspace, request.recipe)
    stations = [station for wave in request.waves for station in wave]
    with workspace.database.write() as tx:
        gate = passed_gate(tx, recipe, stations, request.gate)
        refuse_unapproved(tx, recipe)
        runnable(tx, recipe)
        waves = tuple(tuple(wave) for wave in request.waves)
        what = (recipe.name, recipe.version, recipe.package, gate.id, waves, request.settings)
        made = Release(new_id(), *what, request.reason.strip(), workspace.who, now())
        for station in made.stations:
            _refuse_busy(tx, station)
        stored_releases.add(tx, made)
        for station in made.stations:
            first = (ReleaseStep.WAITING, made.reason, made.author, made.at)
            stored_releases.add_event(tx, ReleaseEvent(made.id, station, *first))
    return made


def _check_request(request: ReleaseRequest) -> None:
    if not request.reason.strip() or len(request.reason) > MAX_REASON:
        raise InvalidInput(
            "a release needs a reason", f"Say in up to {MAX_REASON} characters why it goes out."
        )
    stations = [station for wave in request.waves for station in wave]
    if not stations or not all(request.waves) or len(stations) > MAX_STATIONS:
        raise InvalidInput("a release needs stations, and no empty wave", "Name those that shall get it.")
    twice = sorted({name for name in stations if stations.count(name) > 1})
    if twice:
        raise InvalidInput(f"station {twice[0]!r} is named twice", "Each station is in one wave.")


def _refuse_busy(tx: Connection, station: str) -> None:
    stored_stations.get(tx, station)
    last = stored_releases.open_of(tx, station)
    if last is not None:
        raise Conflict(
            f"station {station!r} is in release {last.release}, which has not ended ({last.step})",
            "Wait for it, or stop it or roll it back on its page.",
        )


def open_release_of(workspace: Workspace, station: str) -> ReleaseEvent | None:
    """The last step of the release that is on its way to a station; None where none is."""
    with workspace.database.read() as tx:
        return stored_releases.open_of(tx, station)


def ended_by(workspace: Workspace, station: Station, recipe: Recipe) -> ReleaseEvent | None:
    """The last step of the release that ends at a station which is told to run ``recipe``; None: none."""
    with workspace.database.read() as tx:
        last = stored_releases.open_of(tx, station.name)
        if last is None or last.step is not ReleaseStep.WAITING:
            return last
        of = stored_releases.get(tx, last.release)
        before = told_before(tx, station, last.at)
    return last if is_replaced(of, recipe, before) else None


def roll_back(
    workspace: Workspace, start: str, reason: str, station: str | None = None
) -> tuple[ReleaseEvent, ...]:
    """Take a release back, at one station or at all: those that were switched are told to run what ran
    before, the others do not begin. A newer release that waits or judges beside there is stopped for it.

    Args:
        workspace: where it is recorded.
        start: id of the release, or its beginning.
        reason: in a sentence.
        station: one of its stations; None: all of them.

    Raises:
        NotFound, Conflict: no release, or several, begin so; or nothing of it is left to be taken back.
        InvalidInput: there is no reason, or the station is not one of its own.
        Refused: nothing ran before, or its model is not approved any more. Where all stations were asked
            for, the others were taken back or stopped all the same, and only those left are named.
        OperatorError: the hub's key cannot be read.
    """
    _check_reason(reason)
    with workspace.database.write() as tx:
        of = stored_releases.locked(tx, start)
        if station is not None and station not in of.stations:
            raise InvalidInput(f"station {station!r} is not in release {of.id}")
        switched = _switched(workspace, tx, of, (station, reason.strip()))
        left = {name: why for name in switched if (why := _hindrance(tx, name))}
        if station is not None and left:
            raise _left(of, left)
        for name in switched:
            if name not in left:
                _go_back(workspace, tx, of, (name, reason.strip()))
        stopped = _stop_all(workspace, tx, of, reason.strip())
        if not switched and not stopped:
            raise Conflict(f"nothing of release {of.id} runs or waits any more")
        events = stored_releases.events(tx, of.id)
    if left:
        raise _left(of, left)
    return events


def _switched(
    workspace: Workspace, tx: Connection, of: Release, what: tuple[str | None, str]
) -> tuple[str, ...]:
    """The stations that run a release and are to be taken back, with newer ones stopped there."""
    station, reason = what
    steps = last_steps(stored_releases.events(tx, of.id))
    wanted = of.stations if station is None else (station,)
    for name in wanted:
        _make_way(workspace, tx, (of, steps[name]), (name, reason))
    switched = tuple(name for name in wanted if _is_switched(tx, of, name, steps[name]))
    if station is not None and not switched:
        raise Conflict(
            f"station {station!r} does not run release {of.id} ({steps[station]})",
            "Stop the release, where it has not ended.",
        )
    return switched


def _hindrance(tx: Connection, station: str) -> str:
    """Why a station cannot be told to run what ran before; empty where it can."""
    told = stored_assignments.latest(tx, station)
    if told is None or told.fallback is None:
        return "nothing ran there before"
    before = told.fallback.recipe
    if is_approved(tx, before.package):
        return ""
    return f"{before.name}@{before.version} ran there before, and its model is not approved any more"


def _left(of: Release, left: Mapping[str, str]) -> Refused:
    names = "; ".join(f"{name} ({why})" for name, why in left.items())
    return Refused(
        f"release {of.id} was not taken back at {names}",
        "Assign another recipe there, on the page Stations.",
    )


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_REASON:
        raise InvalidInput("a reason is missing", f"Say in up to {MAX_REASON} characters why.")


_RUNS = frozenset({ReleaseStep.SWITCHED, ReleaseStep.WATCHED, ReleaseStep.DONE})


def _is_switched(tx: Connection, of: Release, station: str, step: ReleaseStep) -> bool:
    told = stored_assignments.latest(tx, station)
    return step in _RUNS and told is not None and told.release == of.id


def _make_way(
    workspace: Workspace, tx: Connection, which: tuple[Release, ReleaseStep], what: tuple[str, str]
) -> None:
    """Stop another release at a station that shall go back in this one, where it waits or judges beside."""
    of, step = which
    station, reason = what
    other = stored_releases.open_of(tx, station)
    if other is None or other.release == of.id or step not in _RUNS:
        return
    newer = stored_releases.locked(tx, other.release)
    last = stored_releases.last_in(tx, newer.id, station)
    told = stored_assignments.history(tx, station, BACK)
    before = next((one for one in told if one.release != newer.id), None)
    before_switch = last is not None and last.step in (ReleaseStep.WAITING, ReleaseStep.SHADOW)
    if before_switch and before is not None and before.release == of.id:
        why = f"release {of.id} was taken back there: {reason}"
        stopped = (ReleaseStep.STOPPED, why, workspace.who, now())
        take(workspace, tx, newer, ReleaseEvent(newer.id, station, *stopped))


def _go_back(workspace: Workspace, tx: Connection, of: Release, what: tuple[str, str]) -> None:
    """Tell a station, which :func:`_hindrance` found nothing against, to run what ran before."""
    station, reason = what
    told = stored_assignments.latest(tx, station)
    at = now()
    counter = stored_assignments.next_counter(tx, station)
    made = way_back(told, counter, (workspace.who, at)) if told else None
    if made is not None:
        event = ReleaseEvent(of.id, station, ReleaseStep.ROLLED_BACK, reason, workspace.who, at)
        stored_releases.add_event(tx, event)
        put_in_force(tx, made, hub_key(workspace))


def stop(workspace: Workspace, start: str, reason: str) -> tuple[ReleaseEvent, ...]:
    """Let a release go no further: stations that wait or judge beside stay with what they run.

    Those that were switched already go on with it; take them back with :func:`roll_back`.

    Raises:
        NotFound, Conflict: no release, or several, begin so; or no station of it waits or judges beside.
        InvalidInput: there is no reason.
        OperatorError: the hub's key cannot be read.
    """
    _check_reason(reason)
    with workspace.database.write() as tx:
        of = stored_releases.locked(tx, start)
        if not _stop_all(workspace, tx, of, reason.strip()):
            raise Conflict(
                f"no station of release {of.id} waits or judges beside", "Roll it back, if it is bad."
            )
        return stored_releases.events(tx, of.id)


def acknowledge(workspace: Workspace, start: str, reason: str) -> tuple[ReleaseEvent, ...]:
    """Say that a person has seen where a release stopped or went back by itself, and why that is enough.

    Stations that took a step of another release since have nothing to be said of.

    Raises:
        NotFound, Conflict: no release, or several, begin so; or no station of it stopped or went back.
        InvalidInput: there is no reason.
    """
    _check_reason(reason)
    with workspace.database.write() as tx:
        of = stored_releases.locked(tx, start)
        steps = last_steps(stored_releases.events(tx, of.id))
        bad = {name: step for name, step in steps.items() if step in BAD_ENDS and _is_last(tx, of, name)}
        if not bad:
            raise Conflict(f"no station of release {of.id} stopped or went back")
        for name, step in bad.items():
            seen = ReleaseEvent(of.id, name, step, reason.strip(), workspace.who, now())
            stored_releases.add_event(tx, seen)
        return stored_releases.events(tx, of.id)


def _is_last(tx: Connection, of: Release, station: str) -> bool:
    last = stored_releases.last_of(tx, station)
    return last is not None and last.release == of.id


def _stop_all(workspace: Workspace, tx: Connection, of: Release, reason: str) -> int:
    steps = last_steps(stored_releases.events(tx, of.id))
    waiting = [name for name, step in steps.items() if step in (ReleaseStep.WAITING, ReleaseStep.SHADOW)]
    for name in waiting:
        event = ReleaseEvent(of.id, name, ReleaseStep.STOPPED, reason, workspace.who, now())
        record(workspace, tx, of, event)
    return len(waiting)
