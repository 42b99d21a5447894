"""Pictures in the spool: sent after their records where wanted, shared, given up, counted by day."""

from pathlib import Path

from simulators.spooled_parts import DAY, blob, kept, part_with, sent
from simulators.station_parts import record

from andon.domain.feedback import SendReason
from andon.domain.inspections import Kept
from andon.station.spool.keeping import THUMBNAIL_WORTH
from andon.station.spool.records import Spool


def test_pictures_go_after_their_records_receipt_and_only_where_they_are_wanted(spool: Spool) -> None:
    image, thumbnail = blob(b"image"), blob(b"small", 6, kept_in_file=False)
    written = spool.record(record())
    spool.settle(kept(written, image), (image, thumbnail))
    assert spool.pictures.wanted(10) == ()
    assert spool.pictures.spent(10) == ()
    spool.receipted([written.id], {}, [thumbnail.digest])
    assert spool.pictures.wanted(10) == (thumbnail,)
    assert spool.pictures.spent(10) == (image,)
    spool.uploaded(thumbnail.digest, "2026-11-21")
    assert {found.digest for found in spool.pictures.spent(10)} == {image.digest, thumbnail.digest}
    spool.forget(image.digest)
    assert spool.image_bytes() == 0


def test_a_picture_that_two_records_share_stays_until_the_hub_has_both(spool: Spool) -> None:
    image = blob(b"the camera shows the same again")
    first, second = (spool.record(record()) for _ in range(2))
    for one in (first, second):
        spool.settle(kept(one, image), (image,))
    spool.receipted([second.id], {}, [])
    assert spool.pictures.spent(10) == ()
    spool.receipted([first.id], {}, [])
    assert spool.pictures.spent(10) == (image,)


def test_a_shared_picture_that_is_gone_is_lost_to_every_record_that_waits(spool: Spool) -> None:
    image = blob(b"the camera shows the same again")
    for one in [spool.record(record()) for _ in range(3)]:
        spool.settle(kept(one, image), (image,))
    spool.forget(image.digest)
    assert [found.capture.kept for found in sent(spool) if found.capture] == [Kept.LOST] * 3
    assert spool.image_bytes() == 0


def test_a_picture_the_hub_waits_for_is_still_sent_when_another_record_shows_it(spool: Spool) -> None:
    image, better = blob(b"same", 1), blob(b"same", 5)
    first = spool.record(record())
    spool.settle(kept(first, image), (image,))
    spool.receipted([first.id], {}, [image.digest])
    second = spool.record(record())
    spool.settle(kept(second, better), (better,))
    assert spool.pictures.wanted(10) == (better,)
    spool.uploaded(image.digest, "2026-11-21")
    assert spool.pictures.spent(10) == ()
    third = spool.record(record())
    spool.settle(kept(third, image), (image,))
    spool.receipted([second.id, third.id], {}, [])
    assert spool.pictures.spent(10) == (better,)


def test_the_hub_is_told_of_a_picture_it_waits_for_that_was_given_up(spool: Spool) -> None:
    part, image = part_with(spool, b"image", SendReason.RANDOM)
    spool.receipted([part.id, spool.waiting(10).chosen[0][0]], {}, [image.digest])
    assert spool.waiting(10).given_up == ()
    spool.forget(image.digest)
    assert [name for name, _ in spool.waiting(10).given_up] == [part.id]
    assert spool.chosen.count() == 0
    spool.receipted([part.id], {}, ())
    assert spool.waiting(10).given_up == ()


def test_a_picture_given_up_while_its_record_may_be_on_the_hub_is_told_after_that_record(
    spool: Spool,
) -> None:
    part, image = part_with(spool, b"image")
    spool.forget(image.digest)
    assert spool.waiting(10).given_up == ()
    spool.receipted([part.id], {}, ())
    assert [name for name, _ in spool.waiting(10).given_up] == [part.id]
    spool.receipted([part.id], {}, ())
    assert spool.waiting(10).given_up == ()


def test_no_picture_is_said_to_be_given_up_that_the_hub_has_or_did_not_want(spool: Spool) -> None:
    (sent, first), (unwanted, second) = part_with(spool, b"sent"), part_with(spool, b"unwanted")
    spool.receipted([sent.id, unwanted.id], {}, [first.digest])
    spool.uploaded(first.digest, DAY)
    for image in (first, second):
        spool.forget(image.digest)
    assert spool.waiting(10).given_up == ()


def test_a_picture_the_hub_will_not_take_is_given_up(spool: Spool) -> None:
    part, image = part_with(spool, b"image")
    spool.receipted([part.id], {}, [image.digest])
    spool.not_taken(image.digest)
    assert [name for name, _ in spool.waiting(10).given_up] == [part.id]
    assert [found.digest for found in spool.pictures.spent(10)] == [image.digest]
    assert spool.pictures.sent_on(DAY) == 0


def test_pictures_are_counted_by_day_once_each_and_thumbnails_are_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    images = [part_with(spool, f"{number}".encode())[1] for number in range(3)]
    small = blob(b"small", THUMBNAIL_WORTH, kept_in_file=False)
    spool.settle(spool.record(record()), (small,))
    for image in (*images[:2], images[0], small):
        spool.uploaded(image.digest, DAY)
    spool.uploaded(images[2].digest, "2026-11-22")
    spool.close()
    again = Spool(tmp_path / "spool.db")
    days = (DAY, "2026-11-22", "2026-11-23")
    assert [again.pictures.sent_on(day) for day in days] == [2, 1, 0]
    again.close()


def test_what_is_given_up_first_is_worth_least_and_its_record_says_that_it_is_lost(spool: Spool) -> None:
    written = [spool.record(record(f"p{n}")) for n in range(3)]
    images = [blob(f"image {n}".encode(), worth) for n, worth in enumerate((3, 1, 1))]
    for one, image in zip(written, images, strict=True):
        spool.settle(kept(one, image), (image,))
    assert [found.digest for found in spool.pictures.cheapest(10)] == [images[n].digest for n in (1, 2, 0)]
    spool.forget(images[1].digest)
    lost = sent(spool)[1].capture
    assert lost is not None
    assert (lost.kept, lost.blob, lost.size) == (Kept.LOST, None, 0)
    assert sent(spool)[0].capture.kept is Kept.KEPT  # type: ignore[union-attr]
