"""Signals: look at what is monitored, take note of what changed, start turns of the loop by themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from andon.analysis.drift import BLOCK, Drift, compare, compare_rates
from andon.domain.inspections import Inspection, Verdict
from andon.domain.lines import is_silent
from andon.domain.loops import LoopPlan, Turn
from andon.domain.needs import Need
from andon.domain.signals import Signal, SignalKind, SinceTurn, is_news, starts_turn
from andon.domain.stations import Assignment, Station
from andon.errors import Conflict, NotFound
from andon.services.holdouts import held_images
from andon.services.jobs import ago
from andon.services.loops import go_on, start_turn
from andon.services.stations import SILENT_SECONDS
from andon.services.workspaces import Workspace, now
from andon.store import assignments as stored_assignments
from andon.store import datasets as stored_datasets
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.store import loops as stored_loops
from andon.store import signals as stored_signals
from andon.store import stations as stored_stations
from andon.store.signals import Key
from andon.units import Timestamp

MOST_LABELS = 5000
"""New labels that are counted; more are as good a reason as so many."""

ASSIGNMENTS = 20
"""How far back the assignments of a release are looked for."""

LOOKS = 60
"""Looks at one thing that its chart shows."""

HOUR = 3600.0
LOOP = "loop"
"""Author of looks, and of turns that nobody started by hand."""


@dataclass(frozen=True, slots=True)
class Monitored:
    """One thing that is monitored: its latest look, since when its state stands, and its last looks."""

    look: Signal
    since: Timestamp
    history: tuple[Signal, ...]


def look(workspace: Workspace) -> tuple[Signal, ...]:
    """Look at everything now; nothing is written."""
    at = now()
    with workspace.database.read() as tx:
        plans = stored_loops.all_plans(tx)
        of_plans = [one for plan in plans for one in _of_plan(tx, plan, at)]
        stations = stored_stations.everyone(tx)
        limits = _limits(plans)
        of_stations = [one for station in stations for one in _of_station(tx, station, limits, at)]
    return (*of_plans, *of_stations)


def tick(workspace: Workspace) -> tuple[Turn, ...]:
    """Look at everything, take note of what changed, and start the turns that plans ask for.

    Also asks for turns that a person has approved meanwhile.  Called again and again, by several workers
    too: what has not changed leaves no row, and a plan has one open turn at most.  Gives the turns that
    were started.
    """
    workspace = replace(workspace, who=LOOP)
    go_on(workspace)
    looks = look(workspace)
    take_note(workspace, looks)
    return tuple(_started(workspace, looks))


def take_note(workspace: Workspace, looks: Sequence[Signal]) -> tuple[Signal, ...]:
    """Record those looks that differ noticeably from the ones before."""
    with workspace.database.write() as tx:
        before = stored_signals.latest(tx)
        news = tuple(one for one in looks if is_news(before.get(_key(one)), one))
        stored_signals.add(tx, news, workspace.who)
    return news


def causes(workspace: Workspace, plan: LoopPlan, looks: Sequence[Signal]) -> tuple[str, ...]:
    """Why a turn of ``plan`` should start by itself now, in words; empty where nothing asks for one."""
    with workspace.database.read() as tx:
        last = stored_loops.latest_turn(tx, plan.name)
        labels = next((o.n for o in looks if (o.kind, o.plan) == (SignalKind.NEW_LABELS, plan.name)), 0)
        mine = _concerning(plan, looks)
        raised = {one: stored_signals.since(tx, one) for one, _ in mine}
    began = last.at if last is not None else None
    found = (starts_turn(one, limit, SinceTurn(labels, raised[one], began)) for one, limit in mine)
    return tuple(cause for cause in found if cause is not None)


def _concerning(plan: LoopPlan, looks: Sequence[Signal]) -> list[tuple[Signal, float]]:
    """Looks that a trigger of the plan names, each with the trigger's limit."""
    limits = {trigger.kind: trigger.limit for trigger in plan.triggers}
    stations = {station for wave in plan.stations for station in wave}
    return [
        (one, limits[one.kind])
        for one in looks
        if one.kind in limits and (one.plan == plan.name or one.station in stations)
    ]


def _started(workspace: Workspace, looks: Sequence[Signal]) -> Iterator[Turn]:
    with workspace.database.read() as tx:
        plans = stored_loops.all_plans(tx)
        busy = {turn.plan for turn in stored_loops.open_turns(tx)}
    for plan in plans:
        found = () if plan.name in busy else causes(workspace, plan, looks)
        if found:
            try:
                yield start_turn(workspace, plan.name, found[0])
            except Conflict:
                continue  # another worker looked at the same moment


def monitored(workspace: Workspace) -> tuple[Monitored, ...]:
    """Everything that was ever looked at, with its past; what is raised first, then by kind."""
    with workspace.database.read() as tx:
        latest = stored_signals.latest(tx)
        found = [
            Monitored(one, stored_signals.since(tx, one), stored_signals.history(tx, key, LOOKS))
            for key, one in latest.items()
        ]
    order = list(SignalKind)
    return tuple(
        sorted(
            found, key=lambda m: (not m.look.raised, order.index(m.look.kind), m.look.plan, m.look.station)
        )
    )


def signal_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Stations of which something is beyond its limit; what speaks of plans needs nobody."""
    with workspace.database.read() as tx:
        raised = [one for one in stored_signals.latest(tx).values() if one.raised and one.station]
        since = {one: stored_signals.since(tx, one) for one in raised}
    return tuple(
        Need(f"{one.station}: {one.detail}", TODO[one.kind], True, "/signals", since[one]) for one in raised
    )


LABEL = "Look at Quality; label what the selections offer, and let a turn of the loop begin."

TODO: Mapping[SignalKind, str] = {
    SignalKind.COST: LABEL,
    SignalKind.ESCAPES: LABEL,
    SignalKind.OVERKILL: LABEL,
    SignalKind.REJECTS: "See on the station what is rejected: the parts, the light or the model changed.",
    SignalKind.LATENCY: "See what else runs on the station's machine, or allow more time.",
    SignalKind.HEALTH: "See to lamp, lens and part holder; if the change is to stay, label new pictures.",
    SignalKind.FEATURES: "See what the parts look like now; if the change is to stay, label new pictures.",
}


def _key(one: Signal) -> Key:
    return one.kind, one.plan, one.station


def _limits(plans: Sequence[LoopPlan]) -> dict[tuple[SignalKind, str], float]:
    """The lowest limit that a plan states for a kind, by kind and station."""
    found: dict[tuple[SignalKind, str], float] = {}
    for plan in plans:
        for station in (station for wave in plan.stations for station in wave):
            for trigger in plan.triggers:
                key = (trigger.kind, station)
                found[key] = min(found.get(key, trigger.limit), trigger.limit)
    return found


def _of_plan(tx: Connection, plan: LoopPlan, at: Timestamp) -> Iterator[Signal]:
    limits = {trigger.kind: trigger.limit for trigger in plan.triggers}
    labels, wanted = new_labels(tx, plan), limits.get(SignalKind.NEW_LABELS, 0.0)
    words = f"{labels:,} images labelled since data set {plan.dataset.name!r} was frozen last"
    raised = 0 < wanted <= labels
    yield Signal(SignalKind.NEW_LABELS, plan.name, "", labels, wanted, labels, raised, words, at)
    last = stored_loops.latest_turn(tx, plan.name)
    hours = _hours(last.at if last is not None else plan.at, at)
    wanted = limits.get(SignalKind.SCHEDULE, 0.0)
    words = (
        f"{hours:.1f} hours since the last turn" if last else f"{hours:.1f} hours since the plan was set"
    )
    raised = 0 < wanted <= hours
    yield Signal(SignalKind.SCHEDULE, plan.name, "", round(hours, 3), wanted, 0, raised, words, at)


def new_labels(tx: Connection, plan: LoopPlan) -> int:
    """Images of the plan's data set that were labelled after it was frozen last; at most ``MOST_LABELS``.

    Parts held for gates are not counted: no model learns from them.
    """
    try:
        frozen = stored_datasets.find(tx, plan.dataset.name).at
    except NotFound:
        frozen = Timestamp("")  # never yet
    found = stored_images.labelled_since(tx, plan.dataset.query, frozen, MOST_LABELS)
    return len(found) - len(held_images(tx, found))


def _of_station(
    tx: Connection, station: Station, limits: Mapping[tuple[SignalKind, str], float], at: Timestamp
) -> Iterator[Signal]:
    if station.assignment is None:
        return
    blocks = _blocks(tx, station.assignment)
    for kind, drift in _drifts(blocks).items():
        least, where = limits.get((kind, station.name), 0.0), ("", station.name)
        if drift is None:
            few = f"{blocks.parts:,} parts since the release; {2 * BLOCK:,} are needed to compare"
            yield Signal(kind, *where, 0.0, least, blocks.parts, False, few, at)
        else:
            limit = max(drift.limit, least)
            value, raised, words = drift.value, drift.value >= limit, _moved(kind, drift)
            yield Signal(kind, *where, round(value, 4), round(limit, 4), BLOCK, raised, words, at)
    yield from _latency(station, station.assignment, limits, at)


def _latency(
    station: Station,
    told: Assignment,
    limits: Mapping[tuple[SignalKind, str], float],
    at: Timestamp,
) -> Iterator[Signal]:
    report = station.report
    if report is None or not report.p99 or is_silent(station, ago(SILENT_SECONDS)):
        return
    limit = limits.get((SignalKind.LATENCY, station.name), told.deadline)
    n, words = min(1000, sum(report.parts.values())), f"99 of 100 parts within {report.p99:.0f} ms"
    raised = report.p99 >= limit
    yield Signal(SignalKind.LATENCY, "", station.name, report.p99, limit, n, raised, words, at)


def _moved(kind: SignalKind, drift: Drift) -> str:
    if kind is SignalKind.REJECTS:
        return f"{drift.now:.1%} of the latest {BLOCK} parts rejected, {drift.before:.1%} of the first"
    name = drift.name.replace("_", " ")
    return f"{name} moved from {drift.before:.3f} to {drift.now:.3f} since the release"


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The first and the latest whole block of parts since a recipe version came to its station.

    ``number`` counts blocks after the first; 0 where there is none yet, and then both are empty.
    """

    parts: int
    number: int = 0
    first: tuple[Inspection, ...] = ()
    latest: tuple[Inspection, ...] = ()


def _blocks(tx: Connection, told: Assignment) -> _Blocks:
    recipe = (told.recipe.name, told.recipe.version)
    numbers = stored_inspections.sequences(tx, told.station, recipe, _since(tx, told))
    parts = 0 if numbers is None else numbers[1] - numbers[0] + 1
    if numbers is None or parts < 2 * BLOCK:
        return _Blocks(parts)
    number = parts // BLOCK - 1
    first = stored_inspections.in_sequence(tx, told.station, numbers[0], BLOCK)
    latest = stored_inspections.in_sequence(tx, told.station, numbers[0] + number * BLOCK, BLOCK)
    return _Blocks(parts, number, first, latest)


def _drifts(blocks: _Blocks) -> dict[SignalKind, Drift | None]:
    if not blocks.number or not blocks.first or not blocks.latest:
        return {SignalKind.REJECTS: None, SignalKind.HEALTH: None}
    first, latest = _health(blocks.first), _health(blocks.latest)
    both = min(len(first), len(latest))
    return {
        SignalKind.REJECTS: compare_rates(_rejected(blocks.first), _rejected(blocks.latest), blocks.number),
        SignalKind.HEALTH: compare(first[:both], latest[:both], blocks.number),
    }


def _since(tx: Connection, told: Assignment) -> Timestamp:
    """When the station was first told to run what it is told to run; later assignments may say the same."""
    since = told.at
    for earlier in stored_assignments.history(tx, told.station, ASSIGNMENTS):
        if (earlier.recipe.name, earlier.recipe.version) != (told.recipe.name, told.recipe.version):
            break
        since = earlier.at
    return since


def _health(parts: Sequence[Inspection]) -> list[Mapping[str, float]]:
    """What was measured on the images of parts, where there were any."""
    return [part.capture.health for part in parts if part.capture and part.capture.health]


def _rejected(of: Sequence[Inspection]) -> tuple[int, int]:
    return sum(one.decision.verdict in {Verdict.REJECT, Verdict.REVIEW} for one in of), len(of)


def _hours(since: Timestamp, at: Timestamp) -> float:
    begun, ended = (datetime.fromisoformat(text) for text in (since, at))
    return max(0.0, (ended - begun).total_seconds() / HOUR)
