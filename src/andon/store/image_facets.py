"""What images can be filtered by, with counts that stop early; values are found by jumps in an index."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import CTE, Column, ColumnElement, Connection, ScalarSelect, Select, func, literal, select

from andon.store.image_pages import Count
from andon.store.tables import annotations, image_labels, image_sources, images, ontologies

VALUES = 40
"""More values than this of one facet are not listed; they can be typed."""

COUNTED = 1000
"""Up to this many images are counted for each value."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, and how many images have it whatever the other filters say."""

    value: str
    count: Count


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one filter, sorted; of lots the latest names first. ``more``: not all are listed."""

    name: str
    values: tuple[FacetValue, ...]
    more: bool = False


def facets(tx: Connection, concepts: Sequence[str]) -> tuple[Facet, ...]:
    """The facets of all images, those without any value left out; ``concepts`` are those to be counted."""
    found = [
        _column_facet(tx, images.c.part_type, "part_type"),
        _column_facet(tx, images.c.line, "line"),
        _column_facet(tx, images.c.station, "station"),
        _column_facet(tx, images.c.lot, "lot", latest_first=True),
        Facet("concept", tuple(_labelled(tx, concept) for concept in concepts[:VALUES])),
        _source_facet(tx),
    ]
    return tuple(facet for facet in found if facet.values)


def mark(tx: Connection) -> tuple[int | None, ...]:
    """What differs as soon as facets may: their tables only grow, so the highest rows tell."""
    return tuple(
        tx.execute(select(func.max(table.c.id))).scalar()
        for table in (images, image_sources, annotations, ontologies)
    )


def _labelled(tx: Connection, concept: str) -> FacetValue:
    rows = select(image_labels.c.image_id).where(image_labels.c.concept == concept)
    number = tx.execute(select(_up_to(rows))).scalar_one()
    return _value(concept, number)


def _column_facet(tx: Connection, column: Column[str], name: str, latest_first: bool = False) -> Facet:
    return _facet(
        tx, name, _distinct(column, latest_first), lambda v: select(images.c.id).where(column == v)
    )


def _source_facet(tx: Connection) -> Facet:
    sources = image_sources.c

    def rows(value: ColumnElement[str]) -> Select[tuple[int]]:
        return select(sources.image_id).where(sources.source == value).distinct()

    return _facet(tx, "source", _distinct(sources.source, False), rows)


def _facet(
    tx: Connection, name: str, values: CTE, rows: Callable[[ColumnElement[str]], Select[tuple[int]]]
) -> Facet:
    counted = _up_to(rows(values.c.value).correlate(values))
    statement = select(values.c.value, counted).where(values.c.value.is_not(None))
    found = [_value(value, number) for value, number in tx.execute(statement)]
    return Facet(name, tuple(found[:VALUES]), len(found) > VALUES)


def _value(value: str, number: int) -> FacetValue:
    return FacetValue(value, Count(min(number, COUNTED), number <= COUNTED))


def _up_to(rows: Select[tuple[int]]) -> ScalarSelect[int]:
    """How many ``rows`` there are; counting ends one behind ``COUNTED``."""
    return select(func.count()).select_from(rows.limit(COUNTED + 1).subquery()).scalar_subquery()


def _distinct(column: Column[str], latest_first: bool) -> CTE:
    """The first values of an indexed column, jumping from each to the next (a loose index scan)."""
    end = func.max if latest_first else func.min
    found = select(end(column).label("value"), literal(1).label("place")).cte("found", recursive=True)
    behind = column < found.c.value if latest_first else column > found.c.value
    following = select(end(column)).where(behind).scalar_subquery()
    return found.union_all(
        select(following, found.c.place + 1).where(found.c.value.is_not(None), found.c.place <= VALUES)
    )
