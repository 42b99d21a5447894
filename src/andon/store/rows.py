"""What several nouns do with rows: add only new ones, look up many keys, find by the beginning of a key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from andon.domain.serial import canonical, to_json
from andon.errors import Conflict, NotFound

Values = Mapping[str, object]

KEYS_A_QUERY = 500


def add_new(tx: Connection, table: Table, rows: Sequence[Values], key: str) -> list[Any]:
    """Add those ``rows`` that break no uniqueness of ``table``; the values of ``key`` of the added ones."""
    if not rows:
        return []
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing().returning(table.c[key])
    return list(tx.execute(statement, rows).scalars())


def matching(
    tx: Connection, query: Select[Any], column: Column[Any], keys: Sequence[object]
) -> Iterator[Row[Any]]:
    """The rows of ``query`` whose ``column`` is one of ``keys``; any number of keys."""
    unique = list(dict.fromkeys(keys))
    for start in range(0, len(unique), KEYS_A_QUERY):
        yield from tx.execute(query.where(column.in_(unique[start : start + KEYS_A_QUERY])))


def by_prefix(tx: Connection, query: Select[Any], column: Column[Any], start: str, noun: str) -> Row[Any]:
    """The one row of ``query`` whose ``column`` is ``start`` or begins with it.

    Raises:
        NotFound: no row does.
        Conflict: several rows do.
    """
    if start:
        begins = (column >= start) & (column < start + "\U0010ffff")
        found = tx.execute(query.where(begins).order_by(column).limit(2)).all()
    else:
        found = []
    if not found:
        raise NotFound(f"there is no {noun} {start!r}")
    if len(found) > 1 and getattr(found[0], column.name) != start:
        raise Conflict(f"several {noun}s begin with {start!r}", "Give more of it.")
    return found[0]


def next_version(tx: Connection, table: Table, **key: object) -> int:
    """One more than the highest ``version`` of the rows that have ``key``."""
    query = select(table.c.version).order_by(table.c.version.desc()).limit(1)
    for name, value in key.items():
        query = query.where(table.c[name] == value)
    return (tx.execute(query).scalar() or 0) + 1


def as_text(value: object, declared: Any = None) -> str:
    """JSON for a column; see :func:`andon.domain.serial.to_json` for ``declared``."""
    return canonical(to_json(value, declared)).decode()


def from_text(text: str) -> Any:
    """What :func:`as_text` wrote, as dicts and lists."""
    return json.loads(text)
