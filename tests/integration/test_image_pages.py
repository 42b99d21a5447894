"""Pages of images against a plain look at every row, on both databases: any filters, any place, no scan."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, event

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.images import Image, ImageFilter, Origin, Shape
from andon.domain.ontologies import Concept, ConceptKind, Ontology
from andon.store import annotations, image_facets, image_pages, images, ontologies
from andon.store.image_pages import Count
from andon.units import Timestamp, digest_of

MANY = 120
T0 = Timestamp("2026-03-01T06:00:00.000000Z")
LABELS = ((), ("clean",), ("clean", "pen"), ("scratch",), ("scratch", "dent"), ("pen",))


def taken(number: int) -> Timestamp | None:
    """Some have none; some share one; they do not rise with the order of arrival."""
    if number % 13 == 0:
        return None
    return Timestamp(f"2026-03-{1 + (number * 7) % 20:02d}T06:00:00.000000Z")


def image(number: int) -> Image:
    origin = Origin(
        line=f"line {number % 2}",
        station=f"st-{number % 5}" if number % 7 else None,
        part_type="rare" if number % 30 == 1 else "bracket",
        lot=f"lot-{number // 10:02d}",
        captured_at=taken(number),
    )
    digest = digest_of(str(number).encode())
    return Image(digest, digest, f"{number}.png", 1, Shape(4, 4, 1, 8), origin)


def said(number: int) -> list[Annotation]:
    return [
        Annotation(
            f"{number}-{concept}",
            1,
            image(number).digest,
            None if concept == "clean" else concept,
            WholeImage(),
            AnnotationState.ACCEPTED,
            "mara",
            T0,
        )
        for concept in LABELS[number % len(LABELS)]
    ]


@pytest.fixture
def filled(tx: Connection) -> Connection:
    concepts = (Concept("scratch"), Concept("dent"), Concept("pen", ConceptKind.CONDITION))
    ontologies.add_version(tx, Ontology(1, concepts), "mara", T0)
    for number in range(MANY):
        images.add(tx, [image(number)], f"import {number % 3}", "mara", T0)
        annotations.add(tx, said(number))
    images.add(tx, [replace(image(5), name="again.png")], "import 0", "mara", T0)
    return tx


@pytest.fixture(params=["as it is", "with little looked at"])
def looked(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, filled: Connection
) -> Connection:
    """With a window so small that no filter is narrow, and pages must be searched for."""
    if request.param == "with little looked at":
        monkeypatch.setattr(image_pages, "WINDOW", 7)
        monkeypatch.setattr(image_pages, "FIRST_LOOK", 2)
    return filled


def passes(number: int, query: ImageFilter) -> bool:
    origin, labels = image(number).origin, set(LABELS[number % len(LABELS)])
    defective = bool(labels & {"scratch", "dent"})
    sources = {f"import {number % 3}"} | ({"import 0"} if number == 5 else set())
    return all(
        (
            all(
                getattr(query, name) in (None, getattr(origin, name))
                for name in ("part_type", "line", "station", "lot")
            ),
            query.concept is None or query.concept in labels,
            query.clean is None or query.clean == ("clean" in labels and not defective),
            query.clean is not False or defective,
            query.source is None or query.source in sources,
            query.labelled is None or query.labelled == bool(labels),
            query.captured_from is None or (origin.captured_at or "") >= query.captured_from,
            query.captured_before is None or "" < (origin.captured_at or "") < query.captured_before,
        )
    )


def expected(query: ImageFilter) -> list[str]:
    timed = query.captured_from is not None or query.captured_before is not None
    found = [number for number in range(MANY) if passes(number, query)]
    found.sort(key=lambda number: ((taken(number) or "") if timed else "", number), reverse=True)
    return [f"{number}.png" for number in found]


def walked(tx: Connection, query: ImageFilter, limit: int) -> list[str]:
    names: list[str] = []
    after = None
    for _ in range(MANY):
        page = image_pages.page(tx, query, after, limit)
        assert len(page.rows) <= limit
        assert page.next is not None or not page.searched
        names += [row.name for row in page.rows]
        if page.next is None:
            return names
        after = page.next
    raise AssertionError("the list has no end")


FILTERS = {
    "part_type": ("rare", "bracket"),
    "line": ("line 1",),
    "station": ("st-3",),
    "lot": ("lot-05", "no such lot"),
    "concept": ("scratch", "pen"),
    "clean": (True, False),
    "source": ("import 0",),
    "labelled": (True, False),
    "captured_from": (Timestamp("2026-03-08T00:00:00.000000Z"),),
    "captured_before": (Timestamp("2026-03-15T00:00:00.000000Z"),),
}


def queries() -> Iterator[ImageFilter]:
    """No filter, every filter, some pairs of filters, and some with more."""
    single = [(name, value) for name, values in FILTERS.items() for value in values]
    yield ImageFilter()
    chance = random.Random(4)
    pairs = chance.sample(list(itertools.combinations(single, 2)), 40)
    for some in itertools.chain(((one,) for one in single), pairs):
        yield ImageFilter(**dict(some))
    for _ in range(30):
        yield ImageFilter(**dict(chance.sample(single, 4)))


def test_pages_hold_what_passes_in_order(looked: Connection) -> None:
    for query in queries():
        assert walked(looked, query, 11) == expected(query), query


def test_counts_are_right_or_say_that_they_are_not(looked: Connection) -> None:
    for query in queries():
        found, right = image_pages.count(looked, query), len(expected(query))
        if found is not None:
            assert found.number == right if found.exact else found.number < right, query


def test_a_full_window_says_where_to_go_on(filled: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_pages, "WINDOW", 20)
    page = image_pages.page(filled, ImageFilter(part_type="bracket", lot="lot-00"), None, 5)
    assert page.rows and page.searched == 0
    page = image_pages.page(
        filled, ImageFilter(part_type="bracket", line="line 1", labelled=False), None, 50
    )
    assert page.searched == 20 and page.next is not None and len(page.rows) < 50


def test_facets_name_every_value_with_its_count(filled: Connection) -> None:
    found = {facet.name: facet for facet in image_facets.facets(filled, ("scratch", "dent", "pen", "none"))}
    for name in ("part_type", "line", "station", "lot"):
        values = [getattr(image(number).origin, name) for number in range(MANY)]
        right = {value: Count(values.count(value), True) for value in values if value is not None}
        assert {one.value: one.count for one in found[name].values} == right
        assert not found[name].more
    labels = [label for number in range(MANY) for label in LABELS[number % len(LABELS)]]
    assert [one.count.number for one in found["concept"].values] == [
        labels.count(name) for name in ("scratch", "dent", "pen", "none")
    ]
    assert [(one.value, one.count.number) for one in found["source"].values] == [
        ("import 0", 41),
        ("import 1", 40),
        ("import 2", 40),
    ]


def test_facets_stop_counting_and_listing(filled: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_facets, "COUNTED", 9)
    monkeypatch.setattr(image_facets, "VALUES", 5)
    found = {facet.name: facet for facet in image_facets.facets(filled, ("scratch",))}
    assert [one.value for one in found["lot"].values] == [f"lot-{n:02d}" for n in (11, 10, 9, 8, 7)]
    assert found["lot"].more and not found["line"].more
    assert all(one.count == Count(9, False) for one in found["lot"].values)
    assert found["part_type"].values[1].count == Count(4, True)


def test_the_mark_moves_when_facets_may(filled: Connection) -> None:
    before = image_facets.mark(filled)
    assert image_facets.mark(filled) == before
    images.add(filled, [image(MANY)], "import 9", "mara", T0)
    assert image_facets.mark(filled) != before


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_sqlite_never_scans_images(filled: Connection) -> None:
    sent: list[tuple[str, object]] = []

    def listen(*call: object) -> None:
        sent.append((str(call[2]), call[3]))

    event.listen(filled, "before_cursor_execute", listen)
    for query in queries():
        image_pages.page(filled, query, MANY // 2, 9)
    image_facets.facets(filled, ("scratch",))
    event.remove(filled, "before_cursor_execute", listen)
    for statement, values in dict(sent).items():
        if "LIMIT" in statement:
            continue  # reads in the order of an index and stops
        plan = filled.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)  # type: ignore[call-overload]
        assert not [row.detail for row in plan if row.detail.startswith("SCAN images")], statement
