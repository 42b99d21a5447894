"""Stations as they made themselves known, with what each said last."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from andon.domain.serial import from_json
from andon.domain.stations import Assignment, Station, StationReport
from andon.errors import NotFound
from andon.store import assignments
from andon.store.rows import add_new, as_text, from_text
from andon.store.tables import stations
from andon.units import Timestamp


def report(tx: Connection, said: StationReport, author: str, at: Timestamp) -> bool:
    """Keep what a station says of itself in the place of what it said before; True for a new station.

    ``at`` is the hub's time: a station's own clock may be wrong.

    Raises:
        InvalidInput: a number is NaN or infinite, or a text is not Unicode.
    """
    values = {"line": said.line, "report": as_text(said), "reported_at": at}
    row = values | {"name": said.station, "author": author, "at": at}
    if add_new(tx, stations, [row], "id"):
        return True
    tx.execute(update(stations).where(stations.c.name == said.station).values(**values))
    return False


def get(tx: Connection, name: str) -> Station:
    """The station called ``name``.

    Raises:
        NotFound: there is none.
    """
    row = tx.execute(select(stations).where(stations.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no station {name!r}", "A station appears when its program first reports.")
    return _station(row, assignments.latest(tx, name))


def names(tx: Connection) -> tuple[str, ...]:
    """Names of all stations, sorted."""
    return tuple(tx.execute(select(stations.c.name).order_by(stations.c.name)).scalars())


def everyone(tx: Connection) -> tuple[Station, ...]:
    """All stations by line and name."""
    found = tx.execute(select(stations).order_by(stations.c.line, stations.c.name)).all()
    assigned = assignments.in_force(tx)
    return tuple(_station(row, assigned.get(row.name)) for row in found)


def _station(row: Row[Any], assignment: Assignment | None) -> Station:
    said = None if row.report is None else from_json(StationReport, from_text(row.report))
    return Station(row.name, row.line, row.author, row.at, said, row.reported_at, assignment)
