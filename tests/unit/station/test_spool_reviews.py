"""Parts held for people in the spool, what they say of them, and the pictures that this keeps."""

import json
from dataclasses import replace

import pytest
from simulators.spooled_parts import DAY, blob, chosen, kept, told
from simulators.station_parts import AT, record

from andon.domain.feedback import Answer, Queue, Review, SendReason
from andon.domain.serial import from_json
from andon.station.spool.keeping import REVIEW_WORTH
from andon.station.spool.records import Spool
from andon.station.spool.reviews import MAX_HELD


def test_a_held_part_keeps_its_picture_until_somebody_said_something(spool: Spool) -> None:
    image = blob(b"image")
    written = spool.record(record())
    spool.settle(kept(written, image), (image,), Queue.REJECT)
    spool.receipted([written.id], {}, ())
    assert spool.pictures.spent(10) == ()
    (held,) = spool.reviews.held(10)
    assert (held.queue, held.inspection.id) == (Queue.REJECT, written.id)
    assert spool.reviews.find_held(written.id) == held
    review = Review("r1", written.id, Answer.CONFIRMED, Queue.REJECT, "ann", AT)
    spool.review(review)
    spool.review(review)
    assert spool.reviews.held(10) == ()
    assert spool.reviews.find_held(written.id) is None
    assert [found.digest for found in spool.pictures.spent(10)] == [image.digest]
    ((identifier, text),) = spool.waiting(10).reviews
    assert from_json(Review, json.loads(text)) == review
    spool.receipted([identifier], {}, ())
    assert spool.waiting(10).reviews == ()


def test_what_a_person_contradicts_is_chosen_with_what_was_said(spool: Spool) -> None:
    image = blob(b"image", worth=3)
    part = kept(spool.record(record()), image)
    spool.settle(part, (image,), Queue.REJECT)
    spool.receipted([part.id], {}, [image.digest])
    said = Review("r1", part.id, Answer.FALSE_ALARM, Queue.REJECT, "ann", AT)
    spool.review(said, chosen(part, SendReason.WRONG), image.digest)
    assert [one.reason for one in told(spool)] == [SendReason.WRONG]
    (found,) = spool.chosen.wanted(10, SendReason.WRONG)
    assert found.worth == REVIEW_WORTH


def test_a_picture_that_was_kept_only_when_a_person_spoke_is_sent_and_told_of_by_its_part(
    spool: Spool,
) -> None:
    part, image = spool.record(record()), blob(b"from memory", worth=REVIEW_WORTH)
    spool.settle(part)
    spool.receipted([part.id], {}, ())
    told_of = replace(chosen(part, SendReason.WRONG), blob=image.digest)
    spool.review(Review("r1", part.id, Answer.MISSED, Queue.PICKED, "ann", AT), told_of, image)
    assert spool.pictures.spent(10) == ()
    spool.receipted([told_of.id], {}, [image.digest])
    assert spool.chosen.wanted(10, SendReason.WRONG) == (image,)
    spool.forget(image.digest)
    assert [name for name, _ in spool.waiting(10).given_up] == [part.id]


@pytest.mark.parametrize("wanted", [True, False])
def test_such_a_picture_goes_once_the_hub_has_it(spool: Spool, wanted: bool) -> None:
    part, image = spool.record(record()), blob(b"from memory")
    told_of = replace(chosen(part, SendReason.WRONG), blob=image.digest)
    spool.review(Review("r1", part.id, Answer.MISSED, Queue.PICKED, "ann", AT), told_of, image)
    spool.receipted([told_of.id], {}, [image.digest] if wanted else [])
    if wanted:
        spool.uploaded(image.digest, DAY)
    assert [found.digest for found in spool.pictures.spent(10)] == [image.digest]
    assert spool.chosen.count() == 0
    spool.forget(image.digest)
    assert spool.waiting(10).given_up == ()


def test_people_are_offered_the_newest_parts_and_no_more_than_they_can_look_at(spool: Spool) -> None:
    for number in range(MAX_HELD + 3):
        spool.settle(spool.record(record(f"p{number}")), (), Queue.AUDIT)
    assert spool.counts()[1] == MAX_HELD
    assert spool.reviews.held(1)[0].inspection.part == f"p{MAX_HELD + 2}"
