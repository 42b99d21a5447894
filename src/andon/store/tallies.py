"""Counts of stations' inspections: verdicts by the minute, and what people found where they looked."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from andon.domain.feedback import Answer, Queue
from andon.domain.inspections import Verdict
from andon.store.tables import inspections, reviews
from andon.units import Timestamp

REVIEWS = 10_000
"""Bounds what a look costs."""

MINUTE = 16
"""Characters of a timestamp up to its minute."""


@dataclass(frozen=True, slots=True)
class MinuteCount:
    """Parts of one station with one verdict in one minute (``2026-03-01T14:02``, UTC)."""

    station: str
    minute: str
    verdict: Verdict
    count: int


@dataclass(frozen=True, slots=True)
class JudgedCount:
    """Parts that people judged. ``audited``: they passed and were drawn by chance."""

    verdict: Verdict
    answer: Answer
    audited: bool
    count: int


def newest(tx: Connection) -> int:
    """The highest row number of the inspections; 0 where there is none."""
    return tx.execute(select(func.max(inspections.c.id))).scalar() or 0


def minutes(tx: Connection, after: int | None, since: Timestamp) -> tuple[MinuteCount, ...]:
    """Counts of the inspections in rows behind ``after`` (None: all) that were made from ``since`` on."""
    minute = func.substr(inspections.c.at, 1, MINUTE)
    wanted = inspections.c.station.is_not(None) & (inspections.c.at >= since)
    if after is not None:
        wanted &= inspections.c.id > after
    counted = select(inspections.c.station, minute, inspections.c.verdict, func.count()).where(wanted)
    found = tx.execute(counted.group_by(inspections.c.station, minute, inspections.c.verdict))
    return tuple(MinuteCount(row[0], row[1], Verdict(row[2]), row[3]) for row in found)


def judged(
    tx: Connection, station: str, since: Timestamp, before: Timestamp | None = None
) -> tuple[JudgedCount, ...]:
    """What people said of a station's parts made from ``since`` on and before ``before`` (None: until now).

    The last word on each part counts.  Of all stations only the latest ``REVIEWS`` reviews are read.
    """
    last = _last_words(since)
    joined = last.join(reviews, reviews.c.id == last.c.review).join(
        inspections, inspections.c.id == last.c.inspection_id
    )
    shown = (inspections.c.verdict, reviews.c.answer, last.c.audited)
    counted = select(*shown, func.count()).select_from(joined)
    wanted = (inspections.c.station == station) & (inspections.c.at >= since)
    if before is not None:
        wanted &= inspections.c.at < before
    found = tx.execute(counted.where(wanted).group_by(*shown))
    return tuple(JudgedCount(Verdict(row[0]), Answer(row[1]), bool(row[2]), row[3]) for row in found)


def _last_words(since: Timestamp) -> Any:
    """Part -> its last review, and whether any of its reviews came from the audit sample."""
    audited = func.max(case((reviews.c.queue == Queue.AUDIT, 1), else_=0)).label("audited")
    last = func.max(reviews.c.id).label("review")
    newest = select(func.max(reviews.c.id)).scalar_subquery()
    latest = (reviews.c.id > newest - REVIEWS) & (reviews.c.at >= since)
    query: Select[Any] = select(reviews.c.inspection_id, last, audited).where(latest)
    return query.group_by(reviews.c.inspection_id).subquery()
