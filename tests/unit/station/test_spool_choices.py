"""Parts chosen to be sent: kept until the hub has the choice and the picture, in the order of reasons."""

import json

from simulators.spooled_parts import DAY, chosen, part_with, told
from simulators.station_parts import record

from andon.domain.feedback import Chosen, SendReason
from andon.domain.serial import from_json
from andon.station.spool.keeping import THUMBNAIL_WORTH
from andon.station.spool.records import Spool


def test_a_choice_stays_until_the_hub_has_it_and_its_picture(spool: Spool) -> None:
    part, image = part_with(spool, b"image", SendReason.CONFUSED)
    ((identifier, text),) = spool.waiting(10).chosen
    assert from_json(Chosen, json.loads(text)).inspection == part.id
    assert spool.chosen.wanted(10, SendReason.RANDOM) == ()
    spool.receipted([part.id], {}, [image.digest])
    assert spool.chosen.wanted(10, SendReason.RANDOM) == (image,)
    assert [found[0] for found in spool.waiting(10).chosen] == [identifier]
    spool.receipted([identifier], {}, ())
    assert (spool.waiting(10).chosen, spool.chosen.count()) == ((), 1)
    assert spool.chosen.wanted(10, SendReason.RANDOM) == (image,)
    spool.uploaded(image.digest, DAY)
    assert (spool.chosen.count(), spool.chosen.wanted(10, SendReason.RANDOM)) == (0, ())
    assert [found.digest for found in spool.pictures.spent(10)] == [image.digest]


def test_a_choice_the_hub_did_not_hear_of_outlives_its_picture(spool: Spool) -> None:
    part, image = part_with(spool, b"image", SendReason.RULE)
    spool.receipted([part.id], {}, [image.digest])
    spool.uploaded(image.digest, DAY)
    ((identifier, _),) = spool.waiting(10).chosen
    spool.receipted([identifier], {}, ())
    assert spool.chosen.count() == 0


def test_chosen_pictures_go_in_order_of_reason_then_age_and_others_not_at_all(spool: Spool) -> None:
    orders = (SendReason.RANDOM, SendReason.CONFUSED, SendReason.AUDIT, SendReason.CONFUSED)
    made = [part_with(spool, f"{number}".encode(), reason) for number, reason in enumerate(orders)]
    made.append(part_with(spool, b"kept and not chosen"))
    spool.receipted([part.id for part, _ in made], {}, [image.digest for _, image in made])
    images = [image for _, image in made]
    found = spool.chosen.wanted(10, SendReason.RANDOM)
    assert found == (images[2], images[1], images[3], images[0])
    assert spool.chosen.wanted(10, SendReason.AUDIT) == (images[2],)
    assert len(spool.pictures.wanted(10)) == 5
    assert spool.pictures.wanted(10, least=THUMBNAIL_WORTH) == ()


def test_a_part_without_a_picture_is_not_chosen(spool: Spool) -> None:
    part = spool.record(record())
    spool.settle(part, (), None, (), [chosen(part)])
    assert told(spool) == []


def test_a_choice_for_a_record_that_the_hub_refuses_is_not_offered_for_ever(spool: Spool) -> None:
    part, _ = part_with(spool, b"image", SendReason.RULE)
    spool.receipted([], {part.id: "never"}, ())
    assert told(spool) == []
    other, _ = part_with(spool, b"other", SendReason.RULE)
    spool.receipted([other.id], {spool.waiting(10).chosen[0][0]: "odd"}, ())
    assert (told(spool), spool.counts()) == ([], (0, 0, 2))
