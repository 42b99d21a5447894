"""What recipes that judged beside said of parts; each recipe version once of each part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from andon.domain.inspections import Decision, Finding, Reason, Shadow, Verdict
from andon.domain.serial import from_json
from andon.errors import NotFound
from andon.store import recipes as stored_recipes
from andon.store.rows import add_new, as_text, from_text, matching
from andon.store.tables import inspections, recipes, shadows


@dataclass(frozen=True, slots=True)
class _Detail:
    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...]
    scores: Mapping[str, float]


def add(tx: Connection, added: Sequence[Shadow], author: str) -> int:
    """Record shadows; those whose part and recipe version are recorded are passed over. Gives how many were
    new.

    Raises:
        NotFound: an inspection or a recipe version is not recorded.
        InvalidInput: a score is NaN or infinite.
    """
    ids = _inspection_ids(tx, [shadow.inspection for shadow in added])
    versions = stored_recipes.ids(tx, {(shadow.recipe, shadow.recipe_version) for shadow in added})
    rows = []
    for shadow in added:
        version = (shadow.recipe, shadow.recipe_version)
        if shadow.inspection not in ids or version not in versions:
            raise NotFound(f"there is no inspection {shadow.inspection!r} or no recipe {version}")
        detail = _Detail(shadow.decision.reasons, shadow.findings, shadow.scores)
        rows.append(
            {name: getattr(shadow, name) for name in ("variant", "milliseconds", "at")}
            | {
                "inspection_id": ids[shadow.inspection],
                "recipe_id": versions[version],
                "verdict": shadow.decision.verdict,
                "detail": as_text(detail),
                "author": author,
            }
        )
    return len(add_new(tx, shadows, rows, "id"))


def of(tx: Connection, inspection: str) -> tuple[Shadow, ...]:
    """All shadows of one inspection (its full id), in the order in which they came."""
    query = (
        select(shadows, inspections.c.inspection, recipes.c.name, recipes.c.version, recipes.c.package)
        .join(inspections, inspections.c.id == shadows.c.inspection_id)
        .join(recipes, recipes.c.id == shadows.c.recipe_id)
        .where(inspections.c.inspection == inspection)
        .order_by(shadows.c.id)
    )
    return tuple(_shadow(row) for row in tx.execute(query))


def _inspection_ids(tx: Connection, ids: Sequence[str]) -> dict[str, int]:
    query = select(inspections.c.id, inspections.c.inspection)
    return {row.inspection: row.id for row in matching(tx, query, inspections.c.inspection, ids)}


def _shadow(row: Row[Any]) -> Shadow:
    detail = from_json(_Detail, from_text(row.detail))
    return Shadow(
        inspection=row.inspection,
        recipe=row.name,
        recipe_version=row.version,
        package=row.package,
        variant=row.variant,
        decision=Decision(Verdict(row.verdict), detail.reasons),
        findings=detail.findings,
        scores=detail.scores,
        milliseconds=row.milliseconds,
        at=row.at,
    )
