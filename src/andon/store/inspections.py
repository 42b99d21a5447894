"""Inspections, and their later judgements by other recipe versions. Only ever added to."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from andon.domain.inspections import Decision, Finding, Inspection, Reason, Verdict
from andon.domain.recipes import Recipe
from andon.domain.serial import canonical, from_json
from andon.errors import NotFound
from andon.store import models
from andon.store import recipes as stored_recipes
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import add_new, as_text, by_prefix, from_text
from andon.store.tables import inspections, packages, recipes
from andon.store.tables import rescorings as rescoring_rows
from andon.units import Digest, Timestamp


@dataclass(frozen=True, slots=True)
class Query:
    """Which inspections; None means any. Times are inclusive lower and exclusive upper bounds."""

    recipe: str | None = None
    package: Digest | None = None
    verdict: Verdict | None = None
    job: str | None = None
    part: str | None = None
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


def add(tx: Connection, added: Sequence[Inspection], author: str) -> int:
    """Record inspections; those whose id is recorded already are passed over.

    Returns:
        how many were new.

    Raises:
        NotFound: a recipe version or package is not recorded.
        InvalidInput: a score is NaN or infinite.
    """
    versions = {(i.recipe, i.recipe_version) for i in added}
    recipe_ids = {key: stored_recipes.recipe_id(tx, *key) for key in versions}
    package_ids = {digest: models.package_id(tx, digest) for digest in {i.package for i in added}}
    rows = [
        {
            "inspection": i.id,
            "recipe_id": recipe_ids[i.recipe, i.recipe_version],
            "package_id": package_ids[i.package],
            "verdict": i.decision.verdict,
            "detail": zlib.compress(canonical(_Detail(i.decision.reasons, i.findings, i.scores))),
            "author": author,
        }
        | {
            name: getattr(i, name)
            for name in ("at", "part", "image", "name", "variant", "job", "milliseconds")
        }
        for i in added
    ]
    return len(add_new(tx, inspections, rows, "id"))


def get(tx: Connection, start: str) -> Inspection:
    """The inspection whose id is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return _inspection(by_prefix(tx, _rows(), inspections.c.inspection, start, "inspection"))


def page(tx: Connection, query: Query, after: int | None, limit: int) -> Page[Inspection]:
    """Inspections that ``query`` asks for, newest first."""
    return newest_first(tx, _where(_rows(), query), inspections, Cut(after, limit), _inspection)


def count(tx: Connection, query: Query) -> dict[Verdict, int]:
    """How many inspections ``query`` asks for, by verdict as first given."""
    counted = _joined(select(inspections.c.verdict, func.count()))
    found = tx.execute(_where(counted, query).group_by(inspections.c.verdict))
    return {Verdict(verdict): number for verdict, number in found}


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
    return _joined(select(inspections, *recipe, packages.c.digest.label("package")))


def _joined(statement: Select[Any]) -> Select[Any]:
    made_with = inspections.join(recipes, recipes.c.id == inspections.c.recipe_id)
    return statement.select_from(made_with.join(packages, packages.c.id == inspections.c.package_id))


def _where(statement: Select[Any], query: Query) -> Select[Any]:
    wanted = {
        recipes.c.name: query.recipe,
        packages.c.digest: query.package,
        inspections.c.verdict: query.verdict,
        inspections.c.job: query.job,
        inspections.c.part: query.part,
    }
    for column, value in wanted.items():
        if value is not None:
            statement = statement.where(column == value)
    if query.since is not None:
        statement = statement.where(inspections.c.at >= query.since)
    if query.before is not None:
        statement = statement.where(inspections.c.at < query.before)
    return statement


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
        recipe=row.recipe,
        recipe_version=row.recipe_version,
        package=row.package,
        variant=row.variant,
        decision=Decision(Verdict(row.verdict), detail.reasons),
        findings=detail.findings,
        scores=detail.scores,
        milliseconds=row.milliseconds,
        job=row.job,
    )
