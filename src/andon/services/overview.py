"""Every line at a glance, and what needs a person now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from threading import Lock

from sqlalchemy import Connection

from andon.analysis.bounds import interval
from andon.analysis.limits import summed
from andon.domain.feedback import Answer
from andon.domain.inspections import Verdict
from andon.domain.lines import Light, light_of, worst
from andon.domain.models import Interval
from andon.domain.needs import Need
from andon.domain.stations import Assignment, Station
from andon.services.jobs import ago
from andon.services.needs import needs
from andon.services.stations import SILENT_SECONDS, own_page
from andon.services.workspaces import Workspace
from andon.store import assignments as stored_assignments
from andon.store import stations as stored_stations
from andon.store import tallies
from andon.store.tallies import JudgedCount
from andon.units import Timestamp

STRIP_MINUTES = 60

ASSIGNMENTS = 20
"""How far back it is looked for what a station ran before."""

MinuteTally = Mapping[Verdict, int]


class VerdictStrips:
    """Verdicts of the last hour by station and minute; each look reads only the rows that are new.

    Lives as long as the program; safe to use from many threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: int | None = None
        self._counts: dict[str, dict[str, Counter[Verdict]]] = {}

    def read(self, workspace: Workspace) -> Mapping[str, tuple[MinuteTally, ...]]:
        """Station -> one tally for each of the last ``STRIP_MINUTES`` minutes, the running one last."""
        minutes = _last_minutes()
        since = Timestamp(minutes[0])
        with self._lock:
            with workspace.database.read() as tx:
                newest = tallies.newest(tx)
                found = tallies.minutes(tx, self._seen, since)
            self._seen = newest
            for one in found:
                by_minute = self._counts.setdefault(one.station, {})
                by_minute.setdefault(one.minute, Counter())[one.verdict] += one.count
            for by_minute in self._counts.values():
                for minute in [old for old in by_minute if old < since]:
                    del by_minute[minute]
            return {
                station: tuple(dict(by_minute.get(minute, {})) for minute in minutes)
                for station, by_minute in self._counts.items()
            }


@dataclass(frozen=True, slots=True)
class StationCard:
    """One station of a line. ``page``: address of its own page, empty where it has none."""

    station: Station
    light: Light
    page: str


@dataclass(frozen=True, slots=True)
class LineCard:
    """One line.

    Attributes:
        per_minute: parts, over the last ten seconds; None while no station reports.
        strip: verdicts of each of the last sixty minutes.
        escapes: of passed parts drawn for audit that people judged, those with a defect; None: none judged.
        overkill: of rejected parts that people judged, the good ones; None: none judged.
        unsure: parts of which people could not say; they are in neither.
        before: the same under the recipes that the stations ran before, as far as people judged then.
    """

    name: str
    light: Light
    stations: tuple[StationCard, ...]
    per_minute: float | None
    strip: tuple[MinuteTally, ...]
    escapes: Interval | None
    overkill: Interval | None
    unsure: int
    before: "Before"


@dataclass(frozen=True, slots=True)
class Before:
    """Rates under what ran before. ``recipes``: as NAME@VERSION, sorted; empty where nothing did."""

    recipes: tuple[str, ...] = ()
    escapes: Interval | None = None
    overkill: Interval | None = None


def changed(now: Interval, before: Interval) -> tuple[float, float, float]:
    """Difference of two rates, and its limits."""
    terms = (now.rate, now.low, now.high), (-before.rate, -before.high, -before.low)
    return summed(terms)


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page; ``needs`` in order of cost."""

    lines: tuple[LineCard, ...]
    needs: tuple[Need, ...]
    strip_minutes: tuple[str, ...]


def overview(workspace: Workspace, strips: VerdictStrips) -> Overview:
    """Every line now, and what needs a person."""
    silent_since = ago(SILENT_SECONDS)
    by_station = strips.read(workspace)
    with workspace.database.read() as tx:
        stations = stored_stations.everyone(tx)
        judged = {s.name: _judged(tx, s.name) for s in stations if s.assignment is not None}
    cards = [StationCard(s, light_of(s, silent_since), own_page(s)) for s in stations]
    lines = tuple(
        _line(name, tuple(members), by_station, judged)
        for name, members in groupby(cards, lambda card: card.station.line)
    )
    return Overview(lines, needs(workspace), _last_minutes())


@dataclass(frozen=True, slots=True)
class _Judged:
    """What people said of a station's parts since its recipe is in force, and of those before."""

    now: tuple[JudgedCount, ...] = ()
    before: tuple[JudgedCount, ...] = ()
    recipe_before: str = ""


def _judged(tx: Connection, station: str) -> _Judged:
    told = stored_assignments.history(tx, station, ASSIGNMENTS)
    runs = [(recipe, list(these)) for recipe, these in groupby(told, _recipe)]
    since = runs[0][1][-1].at
    counted = tallies.judged(tx, station, since)
    if len(runs) == 1:
        return _Judged(counted)
    recipe, these = runs[1]
    return _Judged(counted, tallies.judged(tx, station, these[-1].at, since), recipe)


def _recipe(assignment: Assignment) -> str:
    return f"{assignment.recipe.name}@{assignment.recipe.version}"


def _last_minutes() -> tuple[str, ...]:
    running = int(datetime.now(UTC).timestamp()) // 60
    starts = range(running - STRIP_MINUTES + 1, running + 1)
    return tuple(datetime.fromtimestamp(60 * start, UTC).strftime("%Y-%m-%dT%H:%M") for start in starts)


def _line(
    name: str,
    members: tuple[StationCard, ...],
    by_station: Mapping[str, tuple[MinuteTally, ...]],
    judged: Mapping[str, _Judged],
) -> LineCard:
    names = [card.station.name for card in members]
    known = [judged[station] for station in names if station in judged]
    counted = [one for station in known for one in station.now]
    earlier = [one for station in known for one in station.before]
    recipes = sorted({station.recipe_before for station in known} - {""})
    strips = [by_station[station] for station in names if station in by_station]
    reporting = [card.station.report for card in members if card.light is not Light.OFFLINE]
    rates = [60 * report.per_second for report in reporting if report is not None]
    return LineCard(
        name=name,
        light=worst(card.light for card in members),
        stations=members,
        per_minute=sum(rates) if rates else None,
        strip=tuple(_sum(tally) for tally in zip(*strips, strict=True)),
        escapes=_escapes(counted),
        overkill=_overkill(counted),
        unsure=sum(one.count for one in counted if one.answer is Answer.UNSURE),
        before=Before(tuple(recipes), _escapes(earlier), _overkill(earlier)),
    )


def _sum(parts: Sequence[MinuteTally]) -> MinuteTally:
    total: Counter[Verdict] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def _escapes(counted: Sequence[JudgedCount]) -> Interval | None:
    audited = [one for one in counted if one.audited and one.verdict is Verdict.PASS]
    return _rate(audited, Answer.MISSED)


def _overkill(counted: Sequence[JudgedCount]) -> Interval | None:
    return _rate([one for one in counted if one.verdict is Verdict.REJECT], Answer.FALSE_ALARM)


def _rate(counted: Sequence[JudgedCount], wrong: Answer) -> Interval | None:
    mistakes = sum(one.count for one in counted if one.answer is wrong)
    known = mistakes + sum(one.count for one in counted if one.answer is Answer.CONFIRMED)
    return interval(mistakes, known) if known else None
