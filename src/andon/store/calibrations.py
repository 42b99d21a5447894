"""Calibrations of views, version by version."""

from typing import Any

from sqlalchemy import Connection, Row, func, select

from andon.domain.calibrations import Calibration
from andon.errors import NotFound
from andon.store import rows
from andon.store.tables import calibrations


def next_version(tx: Connection, station: str, view: str) -> int:
    """The version that a new calibration of the view must have."""
    return rows.next_version(tx, calibrations, station=station, view=view)


def add(tx: Connection, calibration: Calibration) -> None:
    """Put a calibration in force.

    Raises:
        Conflict: the version exists: somebody else added it.
    """
    names = ("station", "view", "version", "pixels_per_mm", "method", "author", "at")
    tx.execute(calibrations.insert(), {name: getattr(calibration, name) for name in names})


def latest(tx: Connection, station: str, view: str) -> Calibration:
    """The calibration in force for a view.

    Raises:
        NotFound: the view was never calibrated.
    """
    statement = select(calibrations).where(calibrations.c.station == station, calibrations.c.view == view)
    row = tx.execute(statement.order_by(calibrations.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFound(
            f"view {view!r} of station {station!r} has no calibration", "Run `andon calibrations add`."
        )
    return _calibration(row)


def in_force(tx: Connection) -> tuple[Calibration, ...]:
    """The calibration in force of every view, by station and view."""
    newest = select(
        calibrations.c.station, calibrations.c.view, func.max(calibrations.c.version).label("version")
    )
    found = newest.group_by(calibrations.c.station, calibrations.c.view).subquery()
    columns = ("station", "view", "version")
    same = [calibrations.c[name] == found.c[name] for name in columns]
    statement = select(calibrations).where(*same).order_by(calibrations.c.station, calibrations.c.view)
    return tuple(_calibration(row) for row in tx.execute(statement))


def _calibration(row: Row[Any]) -> Calibration:
    return Calibration(
        row.station, row.view, row.version, row.pixels_per_mm, row.method, row.author, row.at
    )
