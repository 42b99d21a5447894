"""Parts that are held back from training for gates. Only ever added to; the latest row of part and purpose
counts."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from andon.domain.gates import Holdout, Purpose
from andon.store.rows import matching
from andon.store.tables import holdouts


def add(tx: Connection, added: Sequence[Holdout]) -> None:
    """Record that parts are held, or no more."""
    names = ("part", "purpose", "reason", "author", "at")
    rows = [{name: getattr(one, name) for name in names} | {"held": int(one.held)} for one in added]
    if rows:
        tx.execute(holdouts.insert(), rows)


def current(tx: Connection) -> tuple[Holdout, ...]:
    """What is held now, in the order in which it was held."""
    newest = select(func.max(holdouts.c.id)).group_by(holdouts.c.part, holdouts.c.purpose)
    query = select(holdouts).where(holdouts.c.id.in_(newest), holdouts.c.held == 1)
    return tuple(_holdout(row) for row in tx.execute(query.order_by(holdouts.c.id)))


def parts(tx: Connection) -> frozenset[str]:
    """Keys of all parts that are held now, for whatever purpose."""
    return frozenset(one.part for one in current(tx))


def purposes(tx: Connection, keys: Sequence[str]) -> dict[str, frozenset[Purpose]]:
    """What those of the parts ``keys`` that are held are held for."""
    latest: dict[tuple[str, str], Row[Any]] = {}
    found = matching(tx, select(holdouts), holdouts.c.part, keys)
    for row in sorted(found, key=lambda row: int(row.id)):
        latest[row.part, row.purpose] = row
    held: dict[str, set[Purpose]] = defaultdict(set)
    for (part, purpose), row in latest.items():
        if row.held:
            held[part].add(Purpose(purpose))
    return {part: frozenset(these) for part, these in held.items()}


def history(tx: Connection, part: str) -> tuple[Holdout, ...]:
    """All that was said of one part, first to last."""
    query = select(holdouts).where(holdouts.c.part == part).order_by(holdouts.c.id)
    return tuple(_holdout(row) for row in tx.execute(query))


def _holdout(row: Row[Any]) -> Holdout:
    return Holdout(row.part, Purpose(row.purpose), bool(row.held), row.reason, row.author, row.at)
