"""Stations, their assignments, their records and what people said of them: the same on both databases."""

from dataclasses import replace

import pytest
from simulators.records import (
    FAST,
    T0,
    T1,
    capture,
    package,
    recipe,
    record,
    report,
    review,
    stalled,
    without_model,
)
from sqlalchemy import Connection, text

from andon.domain.feedback import Answer
from andon.domain.inspections import Verdict
from andon.domain.recipes import Recipe
from andon.domain.stations import Assignment, KeepPolicy
from andon.errors import Conflict, InvalidInput, NotFound
from andon.store import (
    assignments,
    awaited_images,
    inspections,
    models,
    recipes,
    reviews,
    stations,
)
from andon.store.assignments import SignedRow
from andon.store.database import Database
from andon.units import digest_of


@pytest.fixture
def made(tx: Connection) -> Recipe:
    models.add(tx, package(), "mara", T0)
    return recipes.add_version(tx, recipe(package()))


def test_a_station_makes_itself_known_and_keeps_its_last_words(tx: Connection) -> None:
    assert stations.report(tx, report("ST-1"), "station/ST-1", T0)
    assert not stations.report(tx, report("ST-1", alarms=(stalled(),), line="L9"), "station/ST-1", T1)
    stations.report(tx, report("ST-0"), "station/ST-0", T1)
    found = stations.get(tx, "ST-1")
    assert (found.line, found.at, found.reported_at, found.assignment) == ("L9", T0, T1, None)
    assert found.report == report("ST-1", alarms=(stalled(),), line="L9")
    assert [station.name for station in stations.everyone(tx)] == ["ST-0", "ST-1"]
    with pytest.raises(NotFound, match="no station 'ST-2'"):
        stations.get(tx, "ST-2")
    with pytest.raises(InvalidInput):
        stations.report(tx, report("ST-1", p99=float("nan")), "station/ST-1", T1)


def assignment(station: str, counter: int, made: Recipe) -> Assignment:
    return Assignment(station, counter, made, (FAST,), KeepPolicy(), 40.0, "mara", T0)


def test_the_highest_counter_of_each_station_is_in_force(tx: Connection, made: Recipe) -> None:
    for name in ("ST-1", "ST-2", "ST-3"):
        stations.report(tx, report(name), f"station/{name}", T0)
    assert assignments.latest(tx, "ST-1") is None
    assert assignments.signed(tx, "ST-1") is None
    for name, last in (("ST-1", 3), ("ST-2", 1)):
        for counter in range(1, last + 1):
            assert assignments.next_counter(tx, name) == counter
            given = assignment(name, counter, made)
            assignments.add(tx, given, SignedRow(_payload(given), f"signature {counter}"))
    assert assignments.latest(tx, "ST-1") == assignment("ST-1", 3, made)
    assert assignments.signed(tx, "ST-1") == SignedRow(_payload(assignment("ST-1", 3, made)), "signature 3")
    assert [given.counter for given in assignments.history(tx, "ST-1", 2)] == [3, 2]
    counters = [station.assignment and station.assignment.counter for station in stations.everyone(tx)]
    assert counters == [3, 1, None]
    with pytest.raises(NotFound, match="version 9"):
        assignments.add(tx, assignment("ST-1", 4, replace(made, version=9)), SignedRow("{}", ""))


def test_a_counter_is_given_once(database: Database) -> None:
    with database.write() as tx:
        models.add(tx, package(), "mara", T0)
        made = recipes.add_version(tx, recipe(package()))
        stations.report(tx, report("ST-1"), "station/ST-1", T0)
        assignments.add(tx, assignment("ST-1", 1, made), SignedRow("{}", ""))
    with pytest.raises(Conflict, match="at the same time"), database.write() as tx:
        assignments.add(tx, assignment("ST-1", 1, made), SignedRow("{}", ""))


def _payload(given: Assignment) -> str:
    from andon.domain.serial import canonical

    return canonical(given).decode()


def test_records_of_stations_come_back_as_they_were(tx: Connection, made: Recipe) -> None:
    sent = [
        record("ST-1", 1),
        record("ST-1", 2, Verdict.REJECT),
        without_model("ST-1", 3),
        record("ST-2", 1),
    ]
    assert inspections.add(tx, sent, "station/ST-1") == 4
    assert inspections.add(tx, sent, "station/ST-1") == 0
    page = inspections.page(tx, inspections.Query(), None, 9)
    assert list(page.rows) == sent[::-1]
    for query, expected in (
        (inspections.Query(station="ST-1", verdict=Verdict.REJECT), [sent[1]]),
        (inspections.Query(recipe="brackets", station="ST-2"), [sent[3]]),
        (inspections.Query(part="serial=S3"), [sent[2]]),
        (inspections.Query(part="S3"), [sent[2]]),
    ):
        assert list(inspections.page(tx, query, None, 9).rows) == expected
    counted = inspections.count(tx, inspections.Query(station="ST-1"))
    assert counted == {Verdict.PASS: 1, Verdict.REJECT: 1, Verdict.NO_DECISION: 1}
    assert inspections.count(tx, inspections.Query(), newest=2) == {Verdict.PASS: 1, Verdict.NO_DECISION: 1}
    assert inspections.total_of(tx, sent[0].package) == sum(r.package == sent[0].package for r in sent)
    assert inspections.get(tx, sent[2].id) == sent[2]


def test_a_place_in_a_sequence_is_taken_once(tx: Connection, made: Recipe) -> None:
    first, other = record("ST-1", 1), record("ST-2", 1, capture=capture("ST-1", 1))
    assert inspections.add(tx, [first], "station/ST-1") == 1
    assert inspections.add(tx, [other], "station/ST-1") == 0
    assert inspections.places(tx, [first.id, other.id]) == {first.id: ("ST-1", 1)}
    inspected = record("ST-1", 7, capture=None)
    assert inspections.add(tx, [inspected], "mara") == 1
    assert inspections.places(tx, [inspected.id]) == {inspected.id: (None, None)}


def test_what_records_name_must_be_there(tx: Connection, made: Recipe) -> None:
    good, bad = record("ST-1", 1), record("ST-1", 2, recipe_version=7)
    worse = record("ST-1", 3, package=digest_of(b"?"))
    known = inspections.references(tx, [good, bad, worse, without_model("ST-1", 4)])
    assert known.missing(good) is None
    assert known.missing(without_model("ST-1", 4)) is None
    assert "version 7" in str(known.missing(bad))
    assert "no model" in str(known.missing(worse))
    with pytest.raises(NotFound, match="version 7"):
        inspections.add(tx, [good, bad], "station/ST-1")


def test_the_latest_review_of_an_inspection_counts(tx: Connection, made: Recipe) -> None:
    sent = [record("ST-1", n, Verdict.REJECT) for n in (1, 2, 3)]
    inspections.add(tx, sent, "station/ST-1")
    first = replace(review(sent[0].id), concept="dent", note="deep")
    second = review(sent[0].id, Answer.FALSE_ALARM, 2)
    assert reviews.add(tx, [first, review(sent[1].id)]) == {first.id, review(sent[1].id).id}
    assert reviews.add(tx, [first, second]) == {second.id}
    assert reviews.of(tx, sent[0].id) == (first, second)
    assert reviews.latest(tx, [i.id for i in sent]) == {sent[0].id: second, sent[1].id: review(sent[1].id)}
    assert reviews.known(tx, [first.id, "?"]) == {first.id: sent[0].id}
    with pytest.raises(NotFound, match="no inspection 'nowhere'"):
        reviews.add(tx, [review("nowhere")])


def test_blobs_are_waited_for_by_inspections(tx: Connection, made: Recipe) -> None:
    sent = [record("ST-1", n) for n in (1, 2, 3)]
    inspections.add(tx, sent, "station/ST-1")
    one, two = digest_of(b"one"), digest_of(b"two")
    wanted = [(one, sent[0].id), (two, sent[1].id), (one, sent[2].id)]
    for _ in range(2):
        awaited_images.add(tx, wanted, "station/ST-1", T0)
    both = {one: (sent[0].id, sent[2].id), two: (sent[1].id,)}
    assert awaited_images.waiting_for(tx, [one, two, digest_of(b"three")]) == both
    awaited_images.remove(tx, one, [sent[0].id])
    assert awaited_images.waiting_for(tx, [one]) == {one: (sent[2].id,)}
    assert inspections.by_ids(tx, [sent[2].id, sent[0].id, "?"]) == (sent[0], sent[2])


def test_records_of_a_workspace_before_stations_keep_their_story(database: Database) -> None:
    with database.write() as tx:
        models.add(tx, package(), "mara", T0)
        recipes.add_version(tx, recipe(package()))
        inspections.add(tx, [record("ST-1", 1, capture=None, job="job")], "mara")
        rows = tx.execute(text("SELECT station, sequence FROM inspections")).all()
    assert [tuple(row) for row in rows] == [(None, None)]
