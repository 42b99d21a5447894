"""Plans of the loop, version by version, and the turns that were made, step by step. Only ever added to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from andon.domain.loops import LoopPlan, Turn, TurnEvent, TurnStep
from andon.domain.serial import from_json
from andon.errors import NotFound
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import as_text, by_prefix, from_text, matching, next_version
from andon.store.tables import plans, turn_events, turns


def add_plan(tx: Connection, draft: LoopPlan) -> LoopPlan:
    """Put ``draft`` in force as the next version of its name; its own version number does not matter."""
    plan = replace(draft, version=next_version(tx, plans, name=draft.name))
    values = {name: getattr(plan, name) for name in ("name", "version", "author", "at")}
    tx.execute(plans.insert(), values | {"body": as_text(plan)})
    return plan


def plan(tx: Connection, name: str, version: int | None = None) -> LoopPlan:
    """The plan called ``name``: the version in force, or the one that is asked for.

    Raises:
        NotFound: there is none.
    """
    row = _plan_row(tx, name, version)
    return from_json(LoopPlan, from_text(row.body))


def all_plans(tx: Connection) -> tuple[LoopPlan, ...]:
    """The version in force of every plan, by name."""
    last = select(func.max(plans.c.id)).group_by(plans.c.name)
    found = tx.execute(select(plans.c.body).where(plans.c.id.in_(last)).order_by(plans.c.name))
    return tuple(from_json(LoopPlan, from_text(body)) for body in found.scalars())


def versions(tx: Connection, name: str) -> tuple[LoopPlan, ...]:
    """All versions of a plan, newest first."""
    found = tx.execute(select(plans.c.body).where(plans.c.name == name).order_by(plans.c.version.desc()))
    return tuple(from_json(LoopPlan, from_text(body)) for body in found.scalars())


def start_turn(tx: Connection, turn: Turn) -> None:
    """Record that a turn begins; its events are added one by one.

    Raises:
        NotFound: its version of the plan is not stored. Conflict: a turn has that id.
    """
    row = _plan_row(tx, turn.plan, turn.plan_version)
    values = {"turn": turn.id, "plan_id": row.id, "cause": turn.cause}
    tx.execute(turns.insert(), values | {"author": turn.author, "at": turn.at})


def add_event(tx: Connection, event: TurnEvent) -> None:
    """Record a step of a turn.

    Raises:
        NotFound: there is no such turn.
    """
    key = tx.execute(select(turns.c.id).where(turns.c.turn == event.turn)).scalar()
    if key is None:
        raise NotFound(f"there is no turn {event.turn!r}")
    names = ("step", "subject", "detail", "author", "at")
    tx.execute(turn_events.insert(), {name: getattr(event, name) for name in names} | {"turn_id": key})


def turn(tx: Connection, start: str) -> Turn:
    """The turn whose id is ``start`` or begins with it, with its steps so far.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return _with_events(tx, [by_prefix(tx, _turns(), turns.c.turn, start, "turn")])[0]


def turn_page(tx: Connection, after: int | None, limit: int, plan: str | None = None) -> Page[Turn]:
    """Turns with their steps, newest first."""
    query = _turns() if plan is None else _turns().where(plans.c.name == plan)
    found = newest_first(tx, query, turns, Cut(after, limit), lambda row: row)
    return Page(_with_events(tx, found.rows), found.next)


def open_turns(tx: Connection, plan: str | None = None) -> tuple[Turn, ...]:
    """Turns that have not ended, first begun first."""
    ended = select(turn_events.c.turn_id).where(turn_events.c.step == TurnStep.ENDED)
    query = _turns().where(turns.c.id.not_in(ended)).order_by(turns.c.id)
    if plan is not None:
        query = query.where(plans.c.name == plan)
    return _with_events(tx, tx.execute(query).all())


def latest_turn(tx: Connection, plan: str) -> Turn | None:
    """The turn of a plan that began last."""
    found = turn_page(tx, None, 1, plan).rows
    return found[0] if found else None


def _plan_row(tx: Connection, name: str, version: int | None) -> Row[Any]:
    query = select(plans).where(plans.c.name == name)
    if version is not None:
        query = query.where(plans.c.version == version)
    row = tx.execute(query.order_by(plans.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFound(f"there is no loop plan {name!r}", "Make one with `andon loop plan set`.")
    return row


def _turns() -> Select[Any]:
    named = plans.c.name.label("plan"), plans.c.version.label("plan_version")
    return select(turns, *named).join(plans, plans.c.id == turns.c.plan_id)


def _with_events(tx: Connection, rows: Sequence[Row[Any]]) -> tuple[Turn, ...]:
    names = {row.id: row.turn for row in rows}
    events: dict[int, list[TurnEvent]] = {key: [] for key in names}
    query = select(turn_events).order_by(turn_events.c.id)
    for row in matching(tx, query, turn_events.c.turn_id, list(names)):
        what = (TurnStep(row.step), row.subject, row.detail, row.author, row.at)
        events[row.turn_id].append(TurnEvent(names[row.turn_id], *what))
    return tuple(
        Turn(row.turn, row.plan, row.plan_version, row.cause, row.author, row.at, tuple(events[row.id]))
        for row in rows
    )
