"""Inspections, and their later judgements by other recipe versions. Only ever added to."""

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, exists, func, select

from andon.domain.inspections import Capture, Decision, Finding, Inspection, Reason, Verdict
from andon.domain.parts import asked_keys
from andon.domain.recipes import Recipe
from andon.domain.serial import canonical, from_json
from andon.errors import NotFound
from andon.store import models
from andon.store import recipes as stored_recipes
from andon.store.paging import Page
from andon.store.rows import add_new, as_text, by_prefix, from_text, matching
from andon.store.tables import images, inspections, packages, recipes
from andon.store.tables import rescorings as rescoring_rows
from andon.units import Digest, Timestamp


@dataclass(frozen=True, slots=True)
class Query:
    """Which inspections; None means any. Times are inclusive lower and exclusive upper bounds.

    ``part`` is a key or a serial.
    """

    recipe: str | None = None
    package: Digest | None = None
    verdict: Verdict | None = None
    job: str | None = None
    part: str | None = None
    station: str | None = None
    since: Timestamp | None = None
    before: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Rescoring:
    """A stored inspection judged anew, without running the model."""

    recipe: str
    recipe_version: int
    decision: Decision
    author: str
    at: Timestamp


@dataclass(frozen=True, slots=True)
class _Detail:
    """What is read only when one inspection is looked at."""

    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...]
    scores: Mapping[str, float]
    capture: Capture | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """An inspection and its row's values; packing takes time that no transaction should wait for."""

    inspection: Inspection
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class References:
    """Row ids of the recipe versions and packages that some inspections name, as far as recorded."""

    recipes: Mapping[tuple[str, int], int]
    packages: Mapping[Digest, int]

    def missing(self, inspection: Inspection) -> str | None:
        """What ``inspection`` names and is not recorded; None when all is."""
        version = (inspection.recipe, inspection.recipe_version)
        if inspection.recipe and version not in self.recipes:
            return f"there is no recipe {inspection.recipe!r} of version {inspection.recipe_version}"
        if inspection.package and inspection.package not in self.packages:
            return f"there is no model {inspection.package!r}"
        return None


def pack(inspection: Inspection, author: str) -> Packed:
    """Make the row of an inspection.

    Raises:
        InvalidInput: a score is NaN or infinite, or a text is not Unicode.
    """
    names = ("at", "part", "image", "name", "variant", "job", "milliseconds")
    capture = inspection.capture
    detail = _Detail(inspection.decision.reasons, inspection.findings, inspection.scores, capture)
    values = {name: getattr(inspection, name) for name in names} | {
        "inspection": inspection.id,
        "verdict": inspection.decision.verdict,
        "detail": zlib.compress(canonical(detail)),
        "author": author,
        "station": capture.station if capture else None,
        "sequence": capture.sequence if capture else None,
    }
    return Packed(inspection, values)


def references(tx: Connection, added: Sequence[Inspection]) -> References:
    """What the inspections name, in two queries however many there are."""
    versions = {(i.recipe, i.recipe_version) for i in added if i.recipe}
    digests = {i.package for i in added if i.package}
    return References(stored_recipes.ids(tx, versions), models.ids(tx, digests))


def add(tx: Connection, added: Sequence[Inspection], author: str) -> int:
    """Record inspections; those whose id is recorded already are passed over.

    Returns:
        how many were new.

    Raises:
        NotFound: a recipe version or package is not recorded.
        InvalidInput: a score is NaN or infinite.
    """
    return len(add_packed(tx, [pack(i, author) for i in added], references(tx, added)))


def add_packed(tx: Connection, added: Sequence[Packed], known: References) -> frozenset[str]:
    """Record inspections in one statement; gives the ids of those that were new.

    An inspection is passed over when its id is recorded, or its place in its station's sequence is taken;
    :func:`places` tells the two apart.

    Raises:
        NotFound: a recipe version or package is not among ``known``.
    """
    for packed in added:
        if missing := known.missing(packed.inspection):
            raise NotFound(missing)
    rows = [
        {
            **packed.values,
            "recipe_id": known.recipes.get((packed.inspection.recipe, packed.inspection.recipe_version)),
            "package_id": known.packages.get(packed.inspection.package),
        }
        for packed in added
    ]
    return frozenset(add_new(tx, inspections, rows, "inspection"))


def places(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[str | None, int | None]]:
    """Station and sequence of those of ``ids`` that are recorded."""
    query = select(inspections.c.inspection, inspections.c.station, inspections.c.sequence)
    found = matching(tx, query, inspections.c.inspection, ids)
    return {row.inspection: (row.station, row.sequence) for row in found}


def get(tx: Connection, start: str) -> Inspection:
    """The inspection whose id is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return _inspection(by_prefix(tx, _rows(), inspections.c.inspection, start, "inspection"))


def by_ids(tx: Connection, ids: Sequence[str]) -> tuple[Inspection, ...]:
    """Those of ``ids`` that are recorded, in order of arrival."""
    found = sorted(matching(tx, _rows(), inspections.c.inspection, ids), key=lambda row: int(row.id))
    return tuple(_inspection(row) for row in found)


def at_place(tx: Connection, station: str, sequence: int) -> str | None:
    """Id of the inspection with that number in the station's sequence."""
    place = (inspections.c.station == station) & (inspections.c.sequence == sequence)
    found: str | None = tx.execute(select(inspections.c.inspection).where(place)).scalar()
    return found


def sequences(
    tx: Connection, station: str, recipe: tuple[str, int], since: Timestamp
) -> tuple[int, int] | None:
    """First and last number, in a station's sequence, of what a recipe version judged from ``since`` on."""
    version = stored_recipes.recipe_id(tx, *recipe)
    table = inspections.c
    judged = _aside(table.recipe_id, 0, True) == version
    # By time for the first, by number for the last: either index gives it after few rows.
    begun = select(table.sequence).where(_aside(table.station, "", True) == station, judged)
    first = tx.execute(begun.where(table.at >= since).order_by(table.at).limit(1)).scalar()
    ended = select(table.sequence).where(table.station == station, judged)
    last = tx.execute(ended.order_by(table.sequence.desc()).limit(1)).scalar()
    return None if first is None or last is None else (first, last)


def in_sequence(tx: Connection, station: str, first: int, count: int) -> tuple[Inspection, ...]:
    """Inspections of a station by its sequence, from the number ``first`` on; up to ``count``."""
    numbers = inspections.c.sequence.between(first, first + count - 1)
    query = _rows().where(inspections.c.station == station, numbers)
    return tuple(_inspection(row) for row in tx.execute(query.order_by(inspections.c.sequence)))


def page(tx: Connection, query: Query, after: int | None, limit: int) -> Page[Inspection]:
    """Inspections that ``query`` asks for, newest first."""
    ids = _newest(tx, query, after, limit + 1)
    found = tx.execute(_rows().where(inspections.c.id.in_(ids[:limit])).order_by(inspections.c.id.desc()))
    return Page(tuple(_inspection(row) for row in found), ids[limit - 1] if len(ids) > limit else None)


def with_pictures(
    tx: Connection, names: Collection[str], after: int | None, limit: int
) -> Page[Inspection]:
    """Inspections of stations' parts by recipes of these names whose pictures are here, newest first."""
    here = exists().where(images.c.digest == inspections.c.image)
    named = tx.execute(select(recipes.c.id).where(recipes.c.name.in_(list(names)))).scalars().all()
    judged = _aside(inspections.c.recipe_id, 0, True).in_(named)
    chosen = select(inspections.c.id).where(inspections.c.station.is_not(None), judged, here)
    if after is not None:
        chosen = chosen.where(inspections.c.id < after)
    ids = list(tx.execute(chosen.order_by(inspections.c.id.desc()).limit(limit + 1)).scalars())
    found = tx.execute(_rows().where(inspections.c.id.in_(ids[:limit])).order_by(inspections.c.id.desc()))
    return Page(tuple(_inspection(row) for row in found), ids[limit - 1] if len(ids) > limit else None)


def count(tx: Connection, query: Query, newest: int | None = None) -> dict[Verdict, int]:
    """How many inspections ``query`` asks for, by verdict as first given.

    ``newest`` bounds what it costs: only that many of the latest ones are counted; of a recipe's versions
    those of the latest version come first.
    """
    counts: Counter[Verdict] = Counter()
    for conditions in _ways(tx, query):
        chosen = select(inspections.c.verdict).where(*conditions)
        if newest is not None:
            chosen = chosen.order_by(inspections.c.id.desc()).limit(newest - counts.total())
        verdicts = chosen.subquery()
        found = tx.execute(select(verdicts.c.verdict, func.count()).group_by(verdicts.c.verdict))
        counts.update({Verdict(verdict): number for verdict, number in found})
    return dict(counts)


def stopped(tx: Connection, stations: Sequence[str]) -> dict[tuple[str, Verdict], int]:
    """How many parts of ``stations`` did not pass, by station and verdict as first given."""
    verdicts = [verdict for verdict in Verdict if verdict is not Verdict.PASS]
    by = (inspections.c.station, inspections.c.verdict)
    query = select(*by, func.count()).where(inspections.c.verdict.in_(verdicts))
    found = tx.execute(query.where(inspections.c.station.in_(stations)).group_by(*by))
    return {(station, Verdict(verdict)): number for station, verdict, number in found}


def total_of(tx: Connection, package: Digest) -> int:
    """How many inspections a package made; read from an index alone."""
    made_by = select(packages.c.id).where(packages.c.digest == package).scalar_subquery()
    chosen = select(func.count()).select_from(inspections).where(inspections.c.package_id == made_by)
    return int(tx.execute(chosen).scalar_one())


def add_rescoring(
    tx: Connection, inspection: str, recipe: Recipe, decision: Decision, by: tuple[str, Timestamp]
) -> bool:
    """Add a judgement of a stored inspection; False when this recipe version has judged it already.

    ``by`` is author and time.

    Raises:
        NotFound: the inspection or the recipe version is not recorded.
    """
    found = tx.execute(select(inspections.c.id).where(inspections.c.inspection == inspection)).scalar()
    if found is None:
        raise NotFound(f"there is no inspection {inspection!r}")
    row = {
        "inspection_id": found,
        "recipe_id": stored_recipes.recipe_id(tx, recipe.name, recipe.version),
        "verdict": decision.verdict,
        "reasons": as_text(decision.reasons),
        "author": by[0],
        "at": by[1],
    }
    return bool(add_new(tx, rescoring_rows, [row], "id"))


def rescorings(tx: Connection, inspection: str) -> tuple[Rescoring, ...]:
    """Later judgements of one inspection (its full id), first to last."""
    judged = rescoring_rows.join(inspections, inspections.c.id == rescoring_rows.c.inspection_id)
    by_recipe = judged.join(recipes, recipes.c.id == rescoring_rows.c.recipe_id)
    statement = select(rescoring_rows, recipes.c.name, recipes.c.version).select_from(by_recipe)
    found = tx.execute(
        statement.where(inspections.c.inspection == inspection).order_by(rescoring_rows.c.id)
    )
    return tuple(
        Rescoring(row.name, row.version, _decision(row.verdict, from_text(row.reasons)), row.author, row.at)
        for row in found
    )


def _rows() -> Select[Any]:
    recipe = recipes.c.name.label("recipe"), recipes.c.version.label("recipe_version")
    statement = select(inspections, *recipe, packages.c.digest.label("package"))
    made_with = inspections.outerjoin(recipes, recipes.c.id == inspections.c.recipe_id)
    return statement.select_from(made_with.outerjoin(packages, packages.c.id == inspections.c.package_id))


def _newest(tx: Connection, query: Query, after: int | None, limit: int) -> list[int]:
    """Row ids, highest first: read from an index each, so that no wide row is sorted."""
    found: list[int] = []
    for conditions in _ways(tx, query):
        chosen = select(inspections.c.id).where(*conditions)
        if after is not None:
            chosen = chosen.where(inspections.c.id < after)
        found += tx.execute(chosen.order_by(inspections.c.id.desc()).limit(limit)).scalars()
    return sorted(found, reverse=True)[:limit]


def _ways(tx: Connection, query: Query) -> Iterator[list[ColumnElement[bool]]]:
    """Conditions that together give what ``query`` asks for, no row twice: one for each recipe version,
    the latest first, since an index gives the rows of one version in order and not those of several."""
    table = inspections.c
    one_thing = query.part is not None or query.job is not None
    few = one_thing or query.verdict not in {None, Verdict.PASS}
    wanted: list[tuple[ColumnElement[Any], object]] = [
        (table.job, query.job),
        (_aside(table.verdict, "", one_thing), query.verdict),
        (_aside(table.station, "", few), query.station),
    ]
    conditions = [column == value for column, value in wanted if value is not None]
    if query.part is not None:
        conditions.append(table.part.in_(asked_keys(query.part)))
    if query.since is not None:
        conditions.append(table.at >= query.since)
    if query.before is not None:
        conditions.append(table.at < query.before)
    if query.package is not None:
        package = select(packages.c.id).where(packages.c.digest == query.package).scalar_subquery()
        conditions.append(table.package_id == package)
    if query.recipe is None:
        yield conditions
        return
    versions = select(recipes.c.id).where(recipes.c.name == query.recipe).order_by(recipes.c.id.desc())
    for version in tx.execute(versions).scalars().all():
        yield [*conditions, _aside(table.recipe_id, 0, few) == version]


def _aside(column: Column[Any], nothing: object, is_aside: bool) -> ColumnElement[Any]:
    """The column; hidden from the choice of an index where that of another column finds fewer rows."""
    return func.coalesce(column, nothing) if is_aside else column


def _decision(verdict: str, reasons: Any) -> Decision:
    return Decision(Verdict(verdict), from_json(tuple[Reason, ...], reasons))


def _inspection(row: Row[Any]) -> Inspection:
    detail = from_json(_Detail, from_text(zlib.decompress(row.detail).decode()))
    return Inspection(
        id=row.inspection,
        at=row.at,
        part=row.part,
        image=row.image,
        name=row.name,
        recipe=row.recipe or "",
        recipe_version=row.recipe_version or 0,
        package=row.package or Digest(""),
        variant=row.variant,
        decision=Decision(Verdict(row.verdict), detail.reasons),
        findings=detail.findings,
        scores=detail.scores,
        milliseconds=row.milliseconds,
        job=row.job,
        capture=detail.capture,
    )
