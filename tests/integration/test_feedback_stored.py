"""Choices and pictures that were given up: the same on both databases."""

from dataclasses import replace

import pytest
from simulators.records import T0, T1, capture, identity, package, recipe, record, review
from sqlalchemy import Connection

from andon.domain.feedback import Answer, Chosen, SendReason
from andon.domain.inspections import Inspection, Kept, Verdict
from andon.errors import NotFound
from andon.store import awaited_images, feedback, inspections, lost_images, models, recipes, reviews
from andon.store.feedback import DayCount, Query
from andon.store.paging import Cut
from andon.units import Timestamp, digest_of

BLOB = digest_of(b"picture")


@pytest.fixture
def parts(tx: Connection) -> tuple[Inspection, ...]:
    models.add(tx, package(), "mara", T0)
    recipes.add_version(tx, recipe(package()))
    kept = {"kept": Kept.KEPT, "blob": BLOB, "size": 7}
    made = [record("ST-1", n, verdict, capture=capture("ST-1", n, **kept)) for n, verdict in VERDICTS]
    made.append(record("ST-2", 1, capture=capture("ST-2", 1, **kept)))
    inspections.add(tx, made, "station/ST-1")
    return tuple(made)


VERDICTS = ((1, Verdict.PASS), (2, Verdict.REJECT))


def chosen(of: Inspection, reason: SendReason, number: int = 1) -> Chosen:
    return Chosen(identity(of.id, number), of.id, reason, T0, 0.5, "why")


def test_choices_are_stored_once_listed_once_a_part_and_counted(
    tx: Connection, parts: tuple[Inspection, ...]
) -> None:
    one, two, other = parts
    told = [
        chosen(one, SendReason.CONFUSED),
        chosen(two, SendReason.RANDOM),
        chosen(one, SendReason.WRONG, 2),
        replace(chosen(other, SendReason.RANDOM), at=T1),
    ]
    assert feedback.add(tx, told, "station/ST-1") == {choice.id for choice in told}
    assert feedback.add(tx, told[:1], "station/ST-1") == frozenset()
    assert feedback.known(tx, [told[0].id, "no"]) == {told[0].id: one.id}
    assert feedback.of(tx, [one.id, two.id]) == {one.id: (told[0], told[2]), two.id: (told[1],)}
    reviews.add(tx, [review(two.id, Answer.CONFIRMED), review(two.id, Answer.FALSE_ALARM, 2)])

    def listed(query: Query) -> list[Chosen]:
        return list(feedback.page(tx, query, Cut(None, 9)).rows)

    assert listed(Query()) == [told[3], told[2], told[1]]
    assert listed(Query(reason=SendReason.CONFUSED)) == [told[0]]
    assert listed(Query(station="ST-2", verdict=Verdict.PASS, since=T1)) == [told[3]]
    assert listed(Query(answer=Answer.FALSE_ALARM)) == [told[1]]
    assert listed(Query(answer=Answer.CONFIRMED)) == []
    assert listed(Query(unsaid=True)) == [told[3], told[2]]
    counts = [feedback.count(tx, Query(unsaid=True), 9), feedback.count(tx, Query(), 2)]
    assert counts == [2, 2]
    first = feedback.page(tx, Query(), Cut(None, 2))
    assert list(feedback.page(tx, Query(), Cut(first.next, 2)).rows) == [told[1]]
    reasons = (SendReason.WRONG, SendReason.CONFUSED, SendReason.RANDOM)
    assert feedback.days(tx, Timestamp("2026")) == (
        DayCount(T1[:10], "ST-2", SendReason.RANDOM, 1),
        *(DayCount(T0[:10], "ST-1", reason, 1) for reason in reasons),
    )
    assert feedback.days(tx, Timestamp("2027")) == ()
    with pytest.raises(NotFound):
        feedback.add(tx, [replace(told[0], id="new", inspection="none")], "station/ST-1")


def test_a_picture_that_is_waited_for_is_given_up_once(
    tx: Connection, parts: tuple[Inspection, ...]
) -> None:
    one, two, other = (part.id for part in parts)
    awaited_images.add(tx, [(BLOB, one), (BLOB, two)], "station/ST-1", T0)
    assert awaited_images.among(tx, [one, two, other]) == {one, two}
    assert lost_images.add(tx, [one, other], "station/ST-1", T1) == 1
    assert lost_images.add(tx, [one], "station/ST-1", T1) == 0
    assert lost_images.among(tx, [one, two, other]) == {one}
    assert awaited_images.waiting_for(tx, [BLOB]) == {BLOB: (two,)}
