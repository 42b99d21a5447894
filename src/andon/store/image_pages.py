"""Pages of images for people: the newest first, any filters, in a time that does not grow with the list.

No page looks at more than ``WINDOW`` candidates.  A filter that fewer images pass is read whole, through
its index, and the others are asked about those.  Where all filters are wide, the list is searched from the
top until the page is full or ``WINDOW`` candidates were seen, and the page says where to go on.  With a
time filter the newest by time taken come first, else the latest arrivals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from andon.domain.images import Image, ImageFilter
from andon.domain.splitting import CLEAN
from andon.errors import NotFound
from andon.store.images import conditions_of, image_of, is_defective
from andon.store.tables import image_labels, image_sources, images
from andon.units import Timestamp

WINDOW = 20_000
FIRST_LOOK = 250
"""Candidates looked at first where filters must be combined; four times as many with every further look."""

COLUMNS = ("part_type", "line", "station", "lot")
"""Filters that are a column with an index of its own."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of images; not ``exact``: there are at least so many."""

    number: int
    exact: bool


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Part of a list of images.

    Attributes:
        next: what to ask the following page with; None where the list ends.
        searched: candidates looked at in vain since the last image shown; above 0 the page is not full
            although the list may go on behind ``next``.
    """

    rows: tuple[Image, ...]
    next: int | None
    searched: int = 0


@dataclass(frozen=True, slots=True)
class _Way:
    """One filter as rows of an index, and which of their columns is the image."""

    rows: Select[Any]
    id: ColumnElement[int]
    without: ImageFilter

    def ids(self) -> Select[Any]:
        """The images that pass, in no order."""
        return self.rows.with_only_columns(self.id.label("id"))


@dataclass(frozen=True, slots=True)
class _Look:
    """How one page is to be read: which candidates, in what order, from where, and how many images."""

    candidates: Select[Any]
    key: tuple[ColumnElement[Any], ...]
    rest: tuple[ColumnElement[bool], ...]
    limit: int

    def below(self, cursor: tuple[Any, ...] | None) -> Select[Any]:
        """The candidates behind ``cursor``, newest first."""
        statement = self.candidates.with_only_columns(*self.key)
        if cursor is not None:
            *taken, arrived = self.key
            behind = arrived < cursor[-1]
            earlier = [time < then for time, then in zip(taken, cursor, strict=False)]
            now = [time <= then for time, then in zip(taken, cursor, strict=False)]
            statement = statement.where(*now, or_(*earlier, behind))
        return statement.order_by(*(part.desc() for part in self.key))


def page(tx: Connection, query: ImageFilter, after: int | None, limit: int) -> ImagePage:
    """The images that pass ``query`` behind the image number ``after`` (a ``next``), newest first.

    Raises:
        NotFound: there is no image ``after``, and the order needs its time.
    """
    timed = _is_timed(query)
    order = (images.c.captured_at, images.c.id) if timed else (images.c.id,)
    cursor = None if after is None else _cursor(tx, after, timed)
    if timed and cursor is not None:
        query = replace(query, captured_before=_just_behind(cursor[0]))
    ways = _ways(query)
    narrow = _narrowest(tx, ways)
    if narrow is not None:
        chosen = (images.c.id.in_(narrow.ids()), *_conditions(narrow.without))
        return _read_all(tx, _Look(select(images), order, chosen, limit), cursor)
    widest = _timed_way(query) if timed else ways[0]
    key = order if timed else (widest.id,)
    look = _Look(widest.rows, key, tuple(_conditions(widest.without)), limit)
    return _read_some(tx, look, cursor) if look.rest else _read_first(tx, look, cursor)


def count(tx: Connection, query: ImageFilter) -> Count | None:
    """How many images pass, up to ``WINDOW``; None where only a search of the whole list would tell."""
    ways = _ways(query)
    narrow = _narrowest(tx, ways)
    if narrow is not None:
        statement = select(images.c.id).where(images.c.id.in_(narrow.ids()), *_conditions(narrow.without))
        return Count(_number(tx, statement, WINDOW), exact=True)
    return None if _conditions(ways[0].without) else bounded_count(tx, ways[0].ids(), WINDOW)


def bounded_count(tx: Connection, statement: Select[Any], limit: int) -> Count:
    """How many rows ``statement`` has, where they are no more than ``limit``."""
    number = _number(tx, statement, limit + 1)
    return Count(min(number, limit), number <= limit)


def _number(tx: Connection, statement: Select[Any], limit: int) -> int:
    rows = statement.limit(limit).subquery()
    return tx.execute(select(func.count()).select_from(rows)).scalar_one()


def _ways(query: ImageFilter) -> list[_Way]:
    """Every filter of ``query`` that an index answers, the usually narrower ones first; else all images."""
    ways = []
    if query.lot is not None:
        ways.append(_column_way(query, "lot"))
    if query.concept is not None:
        ways.append(_label_way(query.concept, replace(query, concept=None)))
    if query.source is not None:
        rows = select(image_sources).where(image_sources.c.source == query.source)
        column = image_sources.c.image_id
        ways.append(_Way(rows.group_by(column), column, replace(query, source=None)))
    ways += [_column_way(query, name) for name in ("station", "line", "part_type") if getattr(query, name)]
    if query.clean:
        ways.append(_label_way(CLEAN, query))
    if _is_timed(query):
        ways.append(_timed_way(query))
    return ways or [_Way(select(images), images.c.id, query)]


def _column_way(query: ImageFilter, name: str) -> _Way:
    rows = select(images).where(images.c[name] == getattr(query, name))
    return _Way(rows, images.c.id, replace(query, **{name: None}))


def _label_way(concept: str, without: ImageFilter) -> _Way:
    rows = select(image_labels).where(image_labels.c.concept == concept)
    return _Way(rows, image_labels.c.image_id, without)


def _timed_way(query: ImageFilter) -> _Way:
    taken = images.c.captured_at
    bounds: list[ColumnElement[bool]] = [taken.is_not(None)]
    if query.captured_from is not None:
        bounds.append(taken >= query.captured_from)
    if query.captured_before is not None:
        bounds.append(taken < query.captured_before)
    without = replace(query, captured_from=None, captured_before=None)
    return _Way(select(images).where(and_(*bounds)), images.c.id, without)


def _conditions(query: ImageFilter) -> list[ColumnElement[bool]]:
    """What an image must fulfil, asked image by image: no list of all that do is made."""
    conditions = conditions_of(replace(query, concept=None, source=None, clean=None))
    if query.concept is not None:
        conditions.append(_is_labelled(query.concept))
    if query.source is not None:
        sources = image_sources.c
        conditions.append(exists().where(sources.image_id == images.c.id, sources.source == query.source))
    if query.clean is not None:
        defective = is_defective()
        conditions += [_is_labelled(CLEAN), ~defective] if query.clean else [defective]
    return conditions


def _is_labelled(concept: str) -> ColumnElement[bool]:
    labels = image_labels.c
    return exists().where(labels.image_id == images.c.id, labels.concept == concept)


def _is_timed(query: ImageFilter) -> bool:
    return query.captured_from is not None or query.captured_before is not None


def _narrowest(tx: Connection, ways: Sequence[_Way]) -> _Way | None:
    """The filter that fewest images pass, where these are at most ``WINDOW``; None when all are wide."""
    if len(ways) == 1 and not _conditions(ways[0].without):
        return None  # read in the order of its index, from any place: nothing is gained by counting
    counted = [(_number(tx, way.ids(), WINDOW + 1), place) for place, way in enumerate(ways)]
    number, place = min(counted)
    return ways[place] if number <= WINDOW else None


def _cursor(tx: Connection, after: int, timed: bool) -> tuple[Any, ...]:
    if not timed:
        return (after,)
    taken = tx.execute(select(images.c.captured_at).where(images.c.id == after)).scalar()
    if taken is None:
        raise NotFound(f"there is no image number {after} with a time", "Start from the first page.")
    return (taken, after)


def _just_behind(taken: Timestamp) -> Timestamp:
    """Text that sorts behind this time and before every later one."""
    return Timestamp(f"{taken}~")


def _read_all(tx: Connection, look: _Look, cursor: tuple[Any, ...] | None) -> ImagePage:
    """A page of candidates that are few."""
    statement = look.below(cursor).with_only_columns(*images.c).where(*look.rest)
    return _full_page(tx, statement, look.limit)


def _read_first(tx: Connection, look: _Look, cursor: tuple[Any, ...] | None) -> ImagePage:
    """A page of candidates that all pass, read in the order of their index."""
    chosen = look.below(cursor).with_only_columns(look.key[-1]).limit(look.limit + 1)
    order = _images_order(look)
    statement = select(images).where(images.c.id.in_(chosen)).order_by(*order)
    return _full_page(tx, statement, look.limit)


def _full_page(tx: Connection, statement: Select[Any], limit: int) -> ImagePage:
    found = tx.execute(statement.limit(limit + 1)).all()
    shown = found[:limit]
    return ImagePage(tuple(image_of(row) for row in shown), shown[-1].id if len(found) > limit else None)


def _read_some(tx: Connection, look: _Look, cursor: tuple[Any, ...] | None) -> ImagePage:
    """A page of candidates of which only some pass: look at more and more, up to ``WINDOW``."""
    found: list[Any] = []
    seen, size = 0, FIRST_LOOK
    while len(found) <= look.limit and seen < WINDOW:
        size = min(size, WINDOW - seen)
        chunk = look.below(cursor).limit(size).subquery()
        passing = select(images).where(images.c.id.in_(select(list(chunk.c)[-1])), *look.rest)
        found += tx.execute(passing.order_by(*_images_order(look)).limit(look.limit + 1 - len(found)))
        number, cursor = _end(tx, chunk)
        seen += number
        if number < size:
            return _of(found, look.limit, None)
        size *= 4
    return _of(found, look.limit, cursor, seen)


def _images_order(look: _Look) -> list[ColumnElement[Any]]:
    newest: list[ColumnElement[Any]] = [images.c.id.desc()]
    return [images.c.captured_at.desc(), *newest] if len(look.key) == 2 else newest


def _end(tx: Connection, chunk: Any) -> tuple[int, tuple[Any, ...] | None]:
    """How many candidates are in ``chunk``, and the key of its last."""
    number = tx.execute(select(func.count()).select_from(chunk)).scalar_one()
    last = tx.execute(select(*chunk.c).order_by(*chunk.c).limit(1)).one_or_none()
    return number, None if last is None else tuple(last)


def _of(found: Sequence[Any], limit: int, end: tuple[Any, ...] | None, searched: int = 0) -> ImagePage:
    """The page of the rows ``found``; ``end`` is where the search stopped before the list's end."""
    shown = tuple(image_of(row) for row in found[:limit])
    if len(found) > limit:
        return ImagePage(shown, found[limit - 1].id)
    return ImagePage(shown, None) if end is None else ImagePage(shown, end[-1], searched)
