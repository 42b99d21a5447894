"""Parts whose pictures stations send, and why. Only ever added to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, exists, func, select

from andon.domain.feedback import Answer, Chosen, SendReason
from andon.domain.images import Image
from andon.domain.inspections import Verdict
from andon.errors import NotFound
from andon.store.images import image_of
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import add_new, matching
from andon.store.tables import feedback, images, inspections, reviews
from andon.units import Timestamp


@dataclass(frozen=True, slots=True)
class Query:
    """Which parts; None means any.

    Attributes:
        answer: what people said last. unsaid: nobody said anything.
        since: the choice was made then or later.
    """

    reason: SendReason | None = None
    station: str | None = None
    verdict: Verdict | None = None
    answer: Answer | None = None
    unsaid: bool = False
    since: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class DayCount:
    """Choices of one station for one reason on one day (UTC, ``YYYY-MM-DD``)."""

    day: str
    station: str
    reason: SendReason
    count: int


def add(tx: Connection, chosen: Sequence[Chosen], author: str) -> frozenset[str]:
    """Record choices; those whose id is recorded are passed over. Gives the ids of the new ones.

    Raises:
        NotFound: an inspection is not recorded.
    """
    query = select(inspections.c.id, inspections.c.inspection)
    found = matching(tx, query, inspections.c.inspection, [one.inspection for one in chosen])
    ids = {row.inspection: row.id for row in found}
    for one in chosen:
        if one.inspection not in ids:
            raise NotFound(f"there is no inspection {one.inspection!r}")
    names = ("reason", "probability", "detail", "at")
    rows = [
        {name: getattr(one, name) for name in names}
        | {"chosen": one.id, "inspection_id": ids[one.inspection], "author": author}
        for one in chosen
    ]
    return frozenset(add_new(tx, feedback, rows, "chosen"))


def known(tx: Connection, ids: Sequence[str]) -> Mapping[str, str]:
    """Those of ``ids`` that are recorded: choice -> its inspection."""
    return {row.chosen: row.inspection for row in matching(tx, _rows(), feedback.c.chosen, ids)}


def of(tx: Connection, ids: Collection[str]) -> Mapping[str, tuple[Chosen, ...]]:
    """Why the pictures of the inspections ``ids`` are sent, first to last."""
    found: dict[str, list[Chosen]] = {}
    rows = matching(tx, _rows(), inspections.c.inspection, list(ids))
    for row in sorted(rows, key=lambda row: int(row.id)):
        found.setdefault(row.inspection, []).append(_chosen(row))
    return {inspection: tuple(chosen) for inspection, chosen in found.items()}


def page(tx: Connection, query: Query, cut: Cut) -> Page[Chosen]:
    """Parts that ``query`` asks for, each once, the latest choice first."""
    wanted = [*_conditions(query), ~_chosen_again(query)]
    return newest_first(tx, _rows().where(*wanted), feedback, cut, _chosen)


def count(tx: Connection, query: Query, most: int) -> int:
    """How many parts ``query`` asks for; ``most`` where there are more."""
    wanted = [*_conditions(query), ~_chosen_again(query)]
    chosen = _rows().with_only_columns(feedback.c.id).where(*wanted).limit(most).subquery()
    return int(tx.execute(select(func.count()).select_from(chosen)).scalar_one())


def days(tx: Connection, since: Timestamp) -> tuple[DayCount, ...]:
    """How many choices were made each day, newest day first, by station and reason."""
    day = func.substr(feedback.c.at, 1, 10).label("day")
    joined = feedback.join(inspections, inspections.c.id == feedback.c.inspection_id)
    grouped = (day, inspections.c.station, feedback.c.reason)
    query = select(*grouped, func.count().label("number")).select_from(joined)
    found = tx.execute(query.where(feedback.c.at >= since).group_by(*grouped))
    counts = [DayCount(row.day, row.station or "", SendReason(row.reason), row.number) for row in found]
    order = list(SendReason)
    counts.sort(key=lambda one: (one.station, order.index(one.reason)))
    return tuple(sorted(counts, key=lambda one: one.day, reverse=True))


def random_images(tx: Connection, station: str, since: Timestamp, cut: Cut) -> tuple[Image, ...]:
    """Pictures of a station that came back because they were drawn by chance, first chosen first.

    ``cut``: how many of the first ones are passed over (None: none), and how many are given.
    """
    query = select(images).select_from(_drawn()).where(*_by_chance(station, since)).order_by(feedback.c.id)
    return tuple(image_of(row) for row in tx.execute(query.offset(cut.after or 0).limit(cut.limit)))


def count_random(tx: Connection, station: str, since: Timestamp) -> int:
    """How many pictures :func:`random_images` has to give."""
    query = select(func.count()).select_from(_drawn()).where(*_by_chance(station, since))
    return int(tx.execute(query).scalar_one())


def _drawn() -> FromClause:
    joined = feedback.join(inspections, inspections.c.id == feedback.c.inspection_id)
    return joined.join(images, images.c.digest == inspections.c.image)


def _by_chance(station: str, since: Timestamp) -> tuple[ColumnElement[bool], ...]:
    drawn = (feedback.c.reason == SendReason.RANDOM, feedback.c.at >= since)
    return (*drawn, inspections.c.station == station)


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    given = (
        (feedback.c.reason, query.reason),
        (inspections.c.station, query.station),
        (inspections.c.verdict, query.verdict),
    )
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in given if value is not None
    ]
    if query.since is not None:
        conditions.append(feedback.c.at >= query.since)
    if query.answer is not None:
        conditions.append(_said(query.answer))
    if query.unsaid:
        conditions.append(~exists().where(reviews.c.inspection_id == feedback.c.inspection_id))
    return conditions


def _said(answer: Answer) -> ColumnElement[bool]:
    """The latest review of the part says so."""
    later = reviews.alias("later")
    is_later = exists().where(later.c.inspection_id == reviews.c.inspection_id, later.c.id > reviews.c.id)
    of_part = reviews.c.inspection_id == feedback.c.inspection_id
    return exists().where(of_part, reviews.c.answer == answer, ~is_later)


def _chosen_again(query: Query) -> ColumnElement[bool]:
    """The part has a later row of the same list."""
    again = feedback.alias("again")
    is_later = (again.c.inspection_id == feedback.c.inspection_id) & (again.c.id > feedback.c.id)
    if query.reason is not None:
        is_later &= again.c.reason == query.reason
    return exists().where(is_later)


def _rows() -> Select[Any]:
    joined = feedback.join(inspections, inspections.c.id == feedback.c.inspection_id)
    return select(feedback, inspections.c.inspection).select_from(joined)


def _chosen(row: Row[Any]) -> Chosen:
    reason = SendReason(row.reason)
    return Chosen(row.chosen, row.inspection, reason, row.at, row.probability, row.detail)
