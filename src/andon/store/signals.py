"""Signals: looks at what is monitored. Only ever added to; the latest of kind, plan and station counts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from andon.domain.signals import Signal, SignalKind
from andon.store.tables import signals
from andon.units import Timestamp

Key = tuple[SignalKind, str, str]
"""Kind, plan and station."""


def add(tx: Connection, looks: Sequence[Signal], author: str) -> None:
    """Record looks.

    Raises:
        InvalidInput: a number is NaN or infinite.
    """
    names = ("kind", "plan", "station", "value", "limit", "n", "detail", "at")
    rows = [
        {name: getattr(look, name) for name in names} | {"raised": int(look.raised), "author": author}
        for look in looks
    ]
    if rows:
        tx.execute(signals.insert(), rows)


def latest(tx: Connection) -> dict[Key, Signal]:
    """The look that counts of everything that was ever looked at."""
    last = select(func.max(signals.c.id)).group_by(signals.c.kind, signals.c.plan, signals.c.station)
    found = tx.execute(select(signals).where(signals.c.id.in_(last)).order_by(signals.c.id))
    return {(one.kind, one.plan, one.station): one for one in map(_signal, found)}


def history(tx: Connection, key: Key, limit: int) -> tuple[Signal, ...]:
    """The last looks at one thing, first to last."""
    kind, plan, station = key
    same = (signals.c.kind == kind, signals.c.plan == plan, signals.c.station == station)
    found = tx.execute(select(signals).where(*same).order_by(signals.c.id.desc()).limit(limit)).all()
    return tuple(_signal(row) for row in reversed(found))


def since(tx: Connection, look: Signal) -> Timestamp:
    """Since when the state of the latest look (raised or not) stands."""
    same = (
        signals.c.kind == look.kind,
        signals.c.plan == look.plan,
        signals.c.station == look.station,
    )
    other = select(func.max(signals.c.id)).where(*same, signals.c.raised != int(look.raised))
    before = tx.execute(other).scalar() or 0
    first = select(signals.c.at).where(*same, signals.c.id > before).order_by(signals.c.id).limit(1)
    found: Timestamp | None = tx.execute(first).scalar()
    return look.at if found is None else found


def _signal(row: Row[Any]) -> Signal:
    return Signal(
        kind=SignalKind(row.kind),
        plan=row.plan,
        station=row.station,
        value=row.value,
        limit=row.limit,
        n=row.n,
        raised=bool(row.raised),
        detail=row.detail,
        at=row.at,
    )
