"""Pages of long lists, by key: the cost of a page does not grow with how far it lies from the start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Select, Table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list; ``next`` is what to ask the following page with, None on the last one."""

    rows: tuple[T, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a list: ``limit`` rows behind ``after`` (a ``Page.next``; None from the start)."""

    after: int | None
    limit: int


def newest_first(
    tx: Connection, query: Select[Any], table: Table, cut: Cut, read: Callable[[Row[Any]], T]
) -> Page[T]:
    """A page of ``query``, which selects the column ``id`` of ``table``, latest rows first."""
    if cut.after is not None:
        query = query.where(table.c.id < cut.after)
    return _page(tx, query.order_by(table.c.id.desc()), cut.limit, read)


def oldest_first(
    tx: Connection, query: Select[Any], table: Table, cut: Cut, read: Callable[[Row[Any]], T]
) -> Page[T]:
    """A page of ``query``, which selects the column ``id`` of ``table``, in order of arrival."""
    if cut.after is not None:
        query = query.where(table.c.id > cut.after)
    return _page(tx, query.order_by(table.c.id), cut.limit, read)


def _page(tx: Connection, query: Select[Any], limit: int, read: Callable[[Row[Any]], T]) -> Page[T]:
    found = tx.execute(query.limit(limit + 1)).all()
    shown = found[:limit]
    return Page(tuple(read(row) for row in shown), shown[-1].id if len(found) > limit else None)
