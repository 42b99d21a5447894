"""Releases and their steps, station by station. Only ever added to; the latest step of a station counts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, exists, func, select

from andon.domain.inspections import Verdict
from andon.domain.releases import ENDED_STEPS, Release, ReleaseEvent, ReleaseSettings, ReleaseStep
from andon.domain.releasing import ShadowTally
from andon.domain.serial import from_json
from andon.store import recipes as stored_recipes
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import as_text, by_prefix, from_text, matching
from andon.store.tables import gates, inspections, recipes, release_events, releases, shadows
from andon.units import Digest, Timestamp

NOT_PASSED = (Verdict.REJECT, Verdict.REVIEW)


@dataclass(frozen=True, slots=True)
class Trial:
    """A recipe version at a station, from a time on (of the station's clock)."""

    station: str
    recipe: str
    version: int
    since: Timestamp


@dataclass(frozen=True, slots=True)
class Flip:
    """A part that was answered ``main`` and would have been answered ``shadow``."""

    inspection: str
    part: str
    at: Timestamp
    main: Verdict
    shadow: Verdict


def add(tx: Connection, release: Release) -> None:
    """Record a release, without a step.

    Raises:
        NotFound: its recipe version is not recorded.
        InvalidInput: a number is NaN or infinite.
    """
    row = {
        "release": release.id,
        "recipe_id": stored_recipes.recipe_id(tx, release.recipe, release.recipe_version),
        "gate": release.gate,
        "waves": as_text(release.waves),
        "settings": as_text(release.settings),
        "reason": release.reason,
        "author": release.author,
        "at": release.at,
    }
    tx.execute(releases.insert(), row)


def get(tx: Connection, start: str) -> Release:
    """The release whose id is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return _release(by_prefix(tx, _rows(), releases.c.release, start, "release"))


def locked(tx: Connection, start: str) -> Release:
    """As :func:`get`; until the transaction ends nobody else can take steps of the release.

    Whoever decides by what its stations did reads their steps after this. On SQLite nobody else writes.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    found = get(tx, start)
    tx.execute(select(releases.c.id).where(releases.c.release == found.id).with_for_update())
    return found


def page(tx: Connection, after: int | None, limit: int) -> Page[Release]:
    """Releases, newest first."""
    return newest_first(tx, _rows(), releases, Cut(after, limit), _release)


def add_event(tx: Connection, event: ReleaseEvent) -> None:
    """Record a step of one station."""
    of = select(releases.c.id).where(releases.c.release == event.release).scalar_subquery()
    names = ("station", "step", "reason", "author", "at")
    row = {name: getattr(event, name) for name in names}
    tx.execute(release_events.insert().values(release_id=of, **row))


def events(tx: Connection, release: str) -> tuple[ReleaseEvent, ...]:
    """All steps of a release (its full id), first to last."""
    found = _steps().where(releases.c.release == release).order_by(release_events.c.id)
    return tuple(_event(row) for row in tx.execute(found))


def events_of(tx: Connection, ids: Collection[str]) -> Mapping[str, tuple[ReleaseEvent, ...]]:
    """All steps of several releases, first to last: release -> steps."""
    found: dict[str, list[tuple[int, ReleaseEvent]]] = {name: [] for name in ids}
    for row in matching(tx, _steps(), releases.c.release, list(ids)):
        found[row.release].append((row.id, _event(row)))
    return {name: tuple(event for _, event in sorted(steps)) for name, steps in found.items()}


def last_of(tx: Connection, station: str) -> ReleaseEvent | None:
    """The last step of a station, of whichever release; None where it was in none. One index look-up."""
    newest = select(func.max(release_events.c.id)).where(release_events.c.station == station)
    row = tx.execute(_steps().where(release_events.c.id == newest.scalar_subquery())).one_or_none()
    return None if row is None else _event(row)


def last_in(tx: Connection, release: str, station: str) -> ReleaseEvent | None:
    """The last step of a station in one release (its full id); None where it is not in it."""
    found = _steps().where(releases.c.release == release, release_events.c.station == station)
    row = tx.execute(found.order_by(release_events.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _event(row)


def open_of(tx: Connection, station: str) -> ReleaseEvent | None:
    """The last step of the newest release that has not ended at a station; None where all have.

    What is noted of an older release meanwhile does not count.
    """
    of_station = release_events.c.station == station
    last = select(func.max(release_events.c.id)).where(of_station).group_by(release_events.c.release_id)
    found = _steps().where(release_events.c.id.in_(last), release_events.c.step.not_in(ENDED_STEPS))
    row = tx.execute(found.order_by(release_events.c.release_id.desc()).limit(1)).one_or_none()
    return None if row is None else _event(row)


def last_of_all(tx: Connection) -> tuple[ReleaseEvent, ...]:
    """The last step of every station that was ever in a release, by its name."""
    newest = select(func.max(release_events.c.id)).group_by(release_events.c.station)
    found = _steps().where(release_events.c.id.in_(newest)).order_by(release_events.c.station)
    return tuple(_event(row) for row in tx.execute(found))


def open_ids(tx: Connection) -> tuple[str, ...]:
    """Releases of which a station is still on its way, oldest first."""
    newest = select(func.max(release_events.c.id))
    last = newest.group_by(release_events.c.release_id, release_events.c.station)
    found = _steps().where(release_events.c.id.in_(last), release_events.c.step.not_in(ENDED_STEPS))
    return tuple(sorted({row.release for row in tx.execute(found)}))


@dataclass(frozen=True, slots=True)
class Gated:
    """A recipe version that has been through a gate, and what its last one said."""

    recipe: str
    version: int
    package: Digest
    gate: str
    passed: bool
    at: Timestamp


def gated(tx: Connection, limit: int) -> tuple[Gated, ...]:
    """Recipe versions that have been through a gate, the newest gate first."""
    return tuple(_gated(row) for row in tx.execute(_last_gates().limit(limit)))


def unreleased(tx: Connection, limit: int) -> tuple[Gated, ...]:
    """Newest versions of recipes whose last gate passed and that were never released, newest gate first."""
    newer = recipes.alias()
    is_newest = ~exists().where(newer.c.name == recipes.c.name, newer.c.version > recipes.c.version)
    is_new = gates.c.recipe_id.not_in(select(releases.c.recipe_id))
    query = _last_gates().where(gates.c.passed == 1, is_new, is_newest)
    return tuple(_gated(row) for row in tx.execute(query.limit(limit)))


def _last_gates() -> Select[Any]:
    last = select(func.max(gates.c.id)).group_by(gates.c.recipe_id)
    shown = (recipes.c.name, recipes.c.version, recipes.c.package)
    joined = gates.join(recipes, recipes.c.id == gates.c.recipe_id)
    query = select(*shown, gates.c.gate, gates.c.passed, gates.c.at).select_from(joined)
    return query.where(gates.c.id.in_(last)).order_by(gates.c.id.desc())


def _gated(row: Row[Any]) -> Gated:
    return Gated(row.name, row.version, Digest(row.package), row.gate, bool(row.passed), row.at)


def tally(tx: Connection, trial: Trial) -> ShadowTally:
    """How a recipe that judges beside compares with what was answered, over parts taken since then."""
    differs = case((shadows.c.verdict != inspections.c.verdict, 1), else_=0)
    stopped = case((shadows.c.verdict.in_(NOT_PASSED), 1), else_=0)
    main_stopped = case((inspections.c.verdict.in_(NOT_PASSED), 1), else_=0)
    is_reject = inspections.c.verdict == Verdict.REJECT
    rejected = case((is_reject, 1), else_=0)
    freed = case((is_reject & (shadows.c.verdict == Verdict.PASS), 1), else_=0)
    counted = (differs, stopped, main_stopped, rejected, freed)
    sums = (func.coalesce(func.sum(one), 0) for one in counted)
    row = tx.execute(_beside(trial, select(func.count(), *sums))).one()
    return ShadowTally(*(int(value) for value in row))


def flips(tx: Connection, trial: Trial, limit: int) -> tuple[Flip, ...]:
    """Parts on which the two disagree, those that would pass and did not first, then the newest."""
    shown = (inspections.c.inspection, inspections.c.part, inspections.c.at, inspections.c.verdict)
    would_pass = case((shadows.c.verdict == Verdict.PASS, 0), else_=1)
    query = _beside(trial, select(*shown, shadows.c.verdict.label("beside")))
    query = query.where(shadows.c.verdict != inspections.c.verdict)
    found = tx.execute(query.order_by(would_pass, shadows.c.id.desc()).limit(limit))
    return tuple(Flip(row[0], row[1], row[2], Verdict(row[3]), Verdict(row[4])) for row in found)


def verdicts(tx: Connection, trial: Trial, limit: int) -> Mapping[Verdict, int]:
    """Verdicts that were really given by a recipe version, of the last ``limit`` parts of the station."""
    shown = (inspections.c.verdict, inspections.c.recipe_id, inspections.c.at)
    of_station = select(*shown).where(inspections.c.station == trial.station)
    last = of_station.order_by(inspections.c.id.desc()).limit(limit).subquery()
    wanted = (last.c.recipe_id == _recipe(trial)) & (last.c.at >= trial.since)
    found = tx.execute(select(last.c.verdict, func.count()).where(wanted).group_by(last.c.verdict))
    return {Verdict(row[0]): row[1] for row in found}


def _recipe(trial: Trial) -> ColumnElement[Any]:
    named = (recipes.c.name == trial.recipe) & (recipes.c.version == trial.version)
    return select(recipes.c.id).where(named).scalar_subquery()


def _beside(trial: Trial, query: Select[Any]) -> Select[Any]:
    joined = shadows.join(inspections, inspections.c.id == shadows.c.inspection_id)
    wanted = and_(
        shadows.c.recipe_id == _recipe(trial),
        inspections.c.station == trial.station,
        inspections.c.at >= trial.since,
    )
    return query.select_from(joined).where(wanted)


def _rows() -> Select[Any]:
    joined = releases.join(recipes, recipes.c.id == releases.c.recipe_id)
    shown = (recipes.c.name, recipes.c.version, recipes.c.package)
    return select(releases, *shown).select_from(joined)


def _steps() -> Select[Any]:
    joined = release_events.join(releases, releases.c.id == release_events.c.release_id)
    return select(release_events, releases.c.release).select_from(joined)


def _release(row: Row[Any]) -> Release:
    return Release(
        id=row.release,
        recipe=row.name,
        recipe_version=row.version,
        package=Digest(row.package),
        gate=row.gate,
        waves=from_json(tuple[tuple[str, ...], ...], from_text(row.waves)),
        settings=from_json(ReleaseSettings, from_text(row.settings)),
        reason=row.reason,
        author=row.author,
        at=row.at,
    )


def _event(row: Row[Any]) -> ReleaseEvent:
    return ReleaseEvent(row.release, row.station, ReleaseStep(row.step), row.reason, row.author, row.at)
