"""What stations were told to run, each row signed; the highest counter of a station is in force."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from andon.domain.serial import from_json
from andon.domain.stations import Assignment
from andon.store import recipes as stored_recipes
from andon.store.rows import from_text
from andon.store.tables import assignments


@dataclass(frozen=True, slots=True)
class SignedRow:
    """An assignment's canonical JSON and the signature over its bytes, as they go to the station."""

    payload: str
    signature: str


def next_counter(tx: Connection, station: str) -> int:
    """One more than the station's highest."""
    highest = select(func.max(assignments.c.counter)).where(assignments.c.station == station)
    return (tx.execute(highest).scalar() or 0) + 1


def add(tx: Connection, assignment: Assignment, signed: SignedRow) -> None:
    """Put an assignment in force.

    Raises:
        NotFound: its recipe version is not recorded.
        Conflict: another assignment took the counter at the same time.
    """
    recipe = assignment.recipe
    row = {
        "station": assignment.station,
        "counter": assignment.counter,
        "recipe_id": stored_recipes.recipe_id(tx, recipe.name, recipe.version),
        "payload": signed.payload,
        "signature": signed.signature,
        "author": assignment.author,
        "at": assignment.at,
    }
    tx.execute(assignments.insert(), row)


def signed(tx: Connection, station: str) -> SignedRow | None:
    """The assignment in force as it goes to the station; None where it was never told anything."""
    row = _latest(tx, station)
    return None if row is None else SignedRow(row.payload, row.signature)


def latest(tx: Connection, station: str) -> Assignment | None:
    """The assignment in force."""
    row = _latest(tx, station)
    return None if row is None else _assignment(row)


def in_force(tx: Connection) -> dict[str, Assignment]:
    """The assignment in force of every station that has one."""
    newest = select(assignments.c.station, func.max(assignments.c.counter).label("counter"))
    chosen = newest.group_by(assignments.c.station).subquery()
    same = (assignments.c.station == chosen.c.station) & (assignments.c.counter == chosen.c.counter)
    found = tx.execute(select(assignments).join(chosen, same))
    return {row.station: _assignment(row) for row in found}


def history(tx: Connection, station: str, limit: int) -> tuple[Assignment, ...]:
    """What a station was told, newest first."""
    query = select(assignments).where(assignments.c.station == station)
    found = tx.execute(query.order_by(assignments.c.counter.desc()).limit(limit))
    return tuple(_assignment(row) for row in found)


def _latest(tx: Connection, station: str) -> Row[Any] | None:
    query = select(assignments).where(assignments.c.station == station)
    return tx.execute(query.order_by(assignments.c.counter.desc()).limit(1)).one_or_none()


def _assignment(row: Row[Any]) -> Assignment:
    return from_json(Assignment, from_text(row.payload))
