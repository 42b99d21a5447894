"""What is monitored, as it is now: labels and time of plans; quality, drift and speed of stations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from andon.analysis.drift import BLOCK, Drift, compare, compare_rates
from andon.domain.inspections import Inspection, Verdict
from andon.domain.lines import is_silent
from andon.domain.loops import LoopPlan, Turn
from andon.domain.models import Costs
from andon.domain.quality import Estimate, QualityRow
from andon.domain.releasing import by_its_clock
from andon.domain.signals import Signal, SignalKind
from andon.domain.stations import Assignment, Station
from andon.errors import NotFound, Refused, UserError
from andon.services.feature_drift import FEWEST, Drawn
from andon.services.holdouts import held_images
from andon.services.jobs import ago
from andon.services.quality import of_station
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

HOUR = 3600.0

Limits = Mapping[tuple[SignalKind, str], float]
"""The lowest limit that a plan states for a kind, by kind and station."""


def look(workspace: Workspace) -> tuple[Signal, ...]:
    """Look at everything now; nothing is written."""
    at = now()
    with workspace.database.read() as tx:
        plans = stored_loops.all_plans(tx)
        limits = _limits(plans)
        of_plans = [one for plan in plans for one in _of_plan(tx, plan, at)]
        stations = [s for s in stored_stations.everyone(tx) if s.assignment is not None]
        of_stations = [one for station in stations for one in _of_station(tx, station, limits, at)]
        since = {s.name: _since(tx, s, s.assignment) for s in stations if s.assignment is not None}
        noted = stored_signals.latest(tx)
    told = [s.assignment for s in stations if s.assignment is not None]
    of_features = [_of_features(workspace, one, since[one.station], (noted, limits, at)) for one in told]
    of_quality = _of_quality(workspace, since, _paid(plans), limits)
    return (*of_plans, *of_stations, *of_features, *of_quality)


def _of_features(
    workspace: Workspace,
    told: Assignment,
    since: Timestamp,
    known: tuple[Mapping[Key, Signal], Limits, Timestamp],
) -> Signal:
    """What the pictures drawn by chance look like to the model, now and just after the release."""
    noted, limits, at = known
    kind, station = SignalKind.FEATURES, told.station
    drawn = Drawn(station, since, told.recipe.package)
    number, used = drawn.count(workspace)
    before = noted.get((kind, "", station))
    which = f"{told.recipe.name}@{told.recipe.version}"
    if before is not None and before.n == used and which in before.detail:
        return before
    least = limits.get((kind, station), 0.0)
    try:
        drift = drawn.drift(workspace) if number >= FEWEST else None
        words = f"{number} pictures came back by chance from {which}; {FEWEST} that can be read are needed"
    except (UserError, Refused) as trouble:
        drift, words = None, f"pictures of {which} cannot be compared: {trouble.message}"
    if drift is None:
        return Signal(kind, "", station, 0.0, 0.0, used, False, words, at)
    limit = max(drift.limit, least)
    words = f"pictures differ by {drift.now:.2f} from the first of {which}, {drift.before:.2f} did then"
    raised = drift.value >= limit
    return Signal(kind, "", station, round(drift.value, 4), round(limit, 4), used, raised, words, at)


def _paid(plans: Sequence[LoopPlan]) -> dict[str, Costs]:
    """What outcomes cost on each station, where a plan says so."""
    return {station: plan.costs for plan in plans for wave in plan.stations for station in wave}


def _of_quality(
    workspace: Workspace, since: Mapping[str, Timestamp], paid: Mapping[str, Costs], limits: Limits
) -> Iterator[Signal]:
    """Escapes, overkill and cost of each station since its release."""
    at = now()
    for name, begun in since.items():
        row = of_station(workspace, name, begun, paid.get(name))
        if row is not None:
            yield from _estimated(row, limits, at)


def _estimated(row: QualityRow, limits: Limits, at: Timestamp) -> Iterator[Signal]:
    named = (
        (SignalKind.ESCAPES, row.escapes, "escape", 100.0, " %"),
        (SignalKind.OVERKILL, row.overkill, "are rejected though good", 100.0, " %"),
        (SignalKind.COST, row.cost, "per 1,000 parts", 1.0, ""),
    )
    for kind, found, words, scale, unit in named:
        limit = limits.get((kind, row.name), 0.0)
        if found is None:
            few = "not known: people have judged too few parts that were drawn by chance"
            yield Signal(kind, "", row.name, 0.0, limit, 0, False, few, at)
        else:
            raised, said = 0 < limit <= found.low, _said(found, scale, unit)
            yield Signal(
                kind, "", row.name, found.value, limit, found.looked_at, raised, f"{said} {words}", at
            )


def _said(found: Estimate, scale: float, unit: str) -> str:
    value, low, high = (scale * number for number in (found.value, found.low, found.high))
    told, least, most = (f"{n:,.0f}" if abs(n) >= 100 else f"{n:.3g}" for n in (value, low, high))
    return f"{told}{unit} ({least} to {most})"


def _limits(plans: Sequence[LoopPlan]) -> Limits:
    found: dict[tuple[SignalKind, str], float] = {}
    for plan in plans:
        for station in (station for wave in plan.stations for station in wave):
            for trigger in plan.triggers:
                key = (trigger.kind, station)
                found[key] = min(found.get(key, trigger.limit), trigger.limit)
    return found


def _of_plan(tx: Connection, plan: LoopPlan, at: Timestamp) -> Iterator[Signal]:
    limits = {trigger.kind: trigger.limit for trigger in plan.triggers}
    last = stored_loops.latest_turn(tx, plan.name)
    labels, wanted = new_labels(tx, plan, last), limits.get(SignalKind.NEW_LABELS, 0.0)
    words = f"{labels:,} images labelled since the last turn or freeze of {plan.dataset.name!r}"
    raised = 0 < wanted <= labels
    yield Signal(SignalKind.NEW_LABELS, plan.name, "", labels, wanted, labels, raised, words, at)
    hours = _hours(last.at if last is not None else plan.at, at)
    wanted = limits.get(SignalKind.SCHEDULE, 0.0)
    words = (
        f"{hours:.1f} hours since the last turn" if last else f"{hours:.1f} hours since the plan was set"
    )
    raised = 0 < wanted <= hours
    yield Signal(SignalKind.SCHEDULE, plan.name, "", round(hours, 3), wanted, 0, raised, words, at)


def new_labels(tx: Connection, plan: LoopPlan, last: Turn | None) -> int:
    """Images of the plan's data set whose label in force is new; at most ``MOST_LABELS``.

    New is what came after the data set was frozen last and after the ``last`` turn began: one that froze
    nothing, or the same again, does not begin anew for the same labels.  Parts held for gates are not
    counted: no model learns from them.
    """
    try:
        frozen = stored_datasets.find(tx, plan.dataset.name).at
    except NotFound:
        frozen = Timestamp("")  # never yet
    since = frozen if last is None else max(frozen, last.at)
    found = stored_images.labelled_since(tx, plan.dataset.query, since, MOST_LABELS)
    return len(found) - len(held_images(tx, found))


def _of_station(tx: Connection, station: Station, limits: Limits, at: Timestamp) -> Iterator[Signal]:
    if station.assignment is None:
        return
    blocks = _blocks(tx, station, station.assignment)
    for kind, drift in _drifts(blocks).items():
        least, where = limits.get((kind, station.name), 0.0), ("", station.name)
        if drift is None:
            few = f"{blocks.parts:,} parts since the release; {2 * BLOCK} in a row are needed to compare"
            yield Signal(kind, *where, 0.0, 0.0, blocks.parts, False, few, at)
        else:
            limit = max(drift.limit, least)
            value, raised, words = drift.value, drift.value >= limit, _moved(kind, drift)
            yield Signal(kind, *where, round(value, 4), round(limit, 4), BLOCK, raised, words, at)
    yield from _latency(station, station.assignment, limits, at)


def _latency(
    station: Station,
    told: Assignment,
    limits: Limits,
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


def _blocks(tx: Connection, station: Station, told: Assignment) -> _Blocks:
    recipe = (told.recipe.name, told.recipe.version)
    numbers = stored_inspections.sequences(tx, told.station, recipe, _since(tx, station, told))
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


def _since(tx: Connection, station: Station, told: Assignment) -> Timestamp:
    """When the station was first told to run what it is told to run, by its own clock, as its records are.

    Later assignments may say the same.
    """
    since = told.at
    for earlier in stored_assignments.history(tx, told.station, ASSIGNMENTS):
        if (earlier.recipe.name, earlier.recipe.version) != (told.recipe.name, told.recipe.version):
            break
        since = earlier.at
    return by_its_clock(since, station)


def _health(parts: Sequence[Inspection]) -> list[Mapping[str, float]]:
    """What was measured on the images of parts, where there were any."""
    return [part.capture.health for part in parts if part.capture and part.capture.health]


def _rejected(of: Sequence[Inspection]) -> tuple[int, int]:
    return sum(one.decision.verdict in {Verdict.REJECT, Verdict.REVIEW} for one in of), len(of)


def _hours(since: Timestamp, at: Timestamp) -> float:
    begun, ended = (datetime.fromisoformat(text) for text in (since, at))
    return max(0.0, (ended - begun).total_seconds() / HOUR)
