import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from simulators.station_parts import AT, record

from andon.domain.feedback import Answer, Chosen, Queue, Review, SendReason
from andon.domain.inspections import Decision, Inspection, Kept, Reason, ReasonCode, Verdict
from andon.domain.serial import from_json
from andon.errors import AndonError, DiskFull, OperatorError, UnsupportedVersion
from andon.station.spool.database import STEPS, Database
from andon.station.spool.keeping import REVIEW_WORTH, THUMBNAIL_WORTH
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.records import Answered, Spool
from andon.station.spool.reviews import MAX_HELD
from andon.units import digest_of, uuid7

ROOT = Path(__file__).parents[3]
KILLS = 8
NUMBERS = itertools.count(1)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "spool.db")
    yield opened
    opened.close()


def sent(spool: Spool) -> list[Inspection]:
    return [from_json(Inspection, json.loads(text)) for _, text in spool.waiting(500).records]


def sequences(spool: Spool) -> list[int]:
    return [found.capture.sequence for found in sent(spool) if found.capture]


def blob(content: bytes, worth: int = 3, kept_in_file: bool = True) -> StoredBlob:
    return StoredBlob(digest_of(content), len(content), None if kept_in_file else content, worth)


def kept(inspection: Inspection, of: StoredBlob) -> Inspection:
    assert inspection.capture is not None
    capture = replace(inspection.capture, kept=Kept.KEPT, blob=of.digest, size=of.size)
    return replace(inspection, capture=capture)


def test_records_are_numbered_without_a_gap_and_sent_in_order_once_settled(spool: Spool) -> None:
    written = [spool.record(record(f"p{n}")) for n in range(4)]
    assert sequences(spool) == []
    for settled in (written[1], written[0], written[3]):
        spool.settle(settled)
    assert sequences(spool) == [1, 2]
    spool.settle(written[2])
    assert sequences(spool) == [1, 2, 3, 4]
    assert spool.counts() == (4, 0, 0)


def test_numbers_go_on_after_everything_was_receipted_and_the_program_started_anew(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool.db")
    written = [first.record(record()) for _ in range(3)]
    for one in written:
        first.settle(one)
    first.receipted([one.id for one in written], {}, ())
    first.close()
    again = Spool(tmp_path / "spool.db")
    assert again.counts() == (0, 0, 0)
    numbered = again.record(record())
    assert numbered.capture is not None
    assert numbered.capture.sequence == 4
    again.close()


def test_only_what_was_receipted_leaves_and_what_is_refused_is_put_aside(spool: Spool) -> None:
    written = [spool.record(record()) for _ in range(3)]
    for one in written:
        spool.settle(one)
    spool.receipted([written[0].id], {written[1].id: "no such station"}, ())
    assert sequences(spool) == [3]
    assert spool.counts() == (1, 0, 1)


LATE = Decision(Verdict.NO_DECISION, (Reason(ReasonCode.LATE, None, "too late"),))


def test_what_a_killed_program_did_not_mark_as_answered_is_no_decision(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool.db")
    heard, held_up, late = (first.record(record(kept=Kept.LOST)) for _ in range(3))
    told = replace(held_up, decision=LATE)
    silent = first.record(record(), (Answered(heard.id), Answered(held_up.id, told)))
    first.settle(replace(late, decision=LATE))
    first.close()
    again = Spool(tmp_path / "spool.db")
    assert sent(again) == []
    assert again.reap() == 3
    left = {found.id: found for found in sent(again)}
    assert left[heard.id] == heard
    assert left[held_up.id] == told
    assert left[late.id].decision == LATE
    assert left[silent.id].decision.verdict is Verdict.NO_DECISION
    (reason,) = left[silent.id].decision.reasons
    assert reason.code is ReasonCode.NOT_ANSWERED
    assert "PASS" in reason.detail
    assert left[silent.id].scores == silent.scores
    assert again.reap() == 0
    again.close()


def test_a_mark_never_undoes_what_was_settled(spool: Spool) -> None:
    written = spool.record(record())
    settled = replace(written, name="settled")
    spool.settle(settled)
    spool.record(record(), (Answered(written.id, replace(written, decision=LATE)),))
    assert sent(spool) == [settled]


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


DAY = "2026-11-21"


def chosen(of: Inspection, reason: SendReason = SendReason.CONFUSED) -> Chosen:
    return Chosen(uuid7(1_700_000_000_000 + next(NUMBERS), os.urandom(10)), of.id, reason, AT, 1.0, "why")


def told(spool: Spool) -> list[Chosen]:
    return [from_json(Chosen, json.loads(text)) for _, text in spool.waiting(500).chosen]


def part_with(spool: Spool, content: bytes, *reasons: SendReason) -> tuple[Inspection, StoredBlob]:
    """A settled part with its picture, chosen for ``reasons``."""
    image = blob(content)
    part = kept(spool.record(record()), image)
    spool.settle(part, (image,), None, (), [chosen(part, reason) for reason in reasons])
    return part, image


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


def test_a_choice_for_a_record_that_the_hub_refuses_is_not_offered_for_ever(spool: Spool) -> None:
    part, _ = part_with(spool, b"image", SendReason.RULE)
    spool.receipted([], {part.id: "never"}, ())
    assert told(spool) == []
    other, _ = part_with(spool, b"other", SendReason.RULE)
    spool.receipted([other.id], {spool.waiting(10).chosen[0][0]: "odd"}, ())
    assert (told(spool), spool.counts()) == ([], (0, 0, 2))


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


def test_a_file_from_before_knows_of_whom_to_tell_without_looking_at_all_others(tmp_path: Path) -> None:
    old = Database(tmp_path / "spool.db", steps=STEPS[:2])
    parts = [f"part {number:04}" for number in range(2000)]
    with old.change():
        old.run("INSERT INTO given_up VALUES ('on the hub')")
        for number, part in enumerate(parts):
            old.run("INSERT INTO records VALUES (?, ?, 2, '{}')", (number, part))
            old.run("INSERT INTO given_up VALUES (?)", (part,))
    old.close()
    spool = Spool(tmp_path / "spool.db")
    looks: list[None] = []
    spool._database._connection.set_progress_handler(lambda: bool(looks.append(None)), 100)
    assert [name for name, _ in spool.waiting(10).given_up] == ["on the hub"]
    assert len(looks) < 20, "hundreds of steps, not tens of thousands"
    spool.receipted(parts[:1], {}, ())
    assert [name for name, _ in spool.waiting(10).given_up] == ["on the hub", parts[0]]
    spool.close()


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


def test_a_spool_of_the_first_format_goes_on(tmp_path: Path) -> None:
    old = Database(tmp_path / "spool.db", steps=STEPS[:1])
    old.close()
    spool = Spool(tmp_path / "spool.db")
    part, _ = part_with(spool, b"image", SendReason.RULE)
    assert [one.inspection for one in told(spool)] == [part.id]
    spool.close()


def test_people_are_offered_the_newest_parts_and_no_more_than_they_can_look_at(spool: Spool) -> None:
    for number in range(MAX_HELD + 3):
        spool.settle(spool.record(record(f"p{number}")), (), Queue.AUDIT)
    assert spool.counts()[1] == MAX_HELD
    assert spool.reviews.held(1)[0].inspection.part == f"p{MAX_HELD + 2}"


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


def test_the_floor_of_assignments_never_sinks(spool: Spool) -> None:
    assert (spool.facts.floor(), spool.facts.assignment(), spool.facts.hub_key()) == (0, None, None)
    spool.facts.keep_assignment("seven", 7, 1.5)
    spool.facts.keep_assignment("five", 5, 2.5)
    spool.facts.keep_hub_key("key")
    assert (spool.facts.floor(), spool.facts.assignment(), spool.facts.hub_key()) == (7, "five", "key")


def test_a_spool_of_a_newer_program_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    Spool(tmp_path / "newer.db").close()
    newer = apsw.Connection(str(tmp_path / "newer.db"))
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(UnsupportedVersion):
        Spool(tmp_path / "newer.db")
    (tmp_path / "damaged.db").write_bytes(os.urandom(8192))
    with pytest.raises(OperatorError):
        Spool(tmp_path / "damaged.db")


def test_every_record_that_was_said_to_be_written_outlives_kill_9(tmp_path: Path) -> None:
    path, chance, said = tmp_path / "spool.db", random.Random(0), 0
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
    writer = [sys.executable, str(ROOT / "tests/simulators/killed_spool.py"), str(path)]
    for _ in range(KILLS):
        process = subprocess.Popen(writer, stdout=subprocess.PIPE, env=environment, text=True)
        assert process.stdout is not None
        wanted = chance.randrange(1, 40)
        heard = [process.stdout.readline() for _ in range(wanted)]
        process.kill()
        heard += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        numbers = [int(line) for line in heard if line.endswith("\n")]
        assert numbers[0] in {said + 1, said + 2}, "a number was given twice, or one is missing"
        said = numbers[-1]
    spool = Spool(path)
    spool.reap()
    assert spool.counts()[0] - said in {0, 1}
    found = [row[0] for row in spool._rows("SELECT sequence FROM records ORDER BY sequence")]
    assert found == list(range(1, len(found) + 1))
    settled = [row[0] for row in spool._rows("SELECT id FROM records WHERE body LIKE '%kept\":\"kept%'")]
    assert sorted(settled) == sorted(row[0] for row in spool._rows("SELECT inspection FROM chosen"))
    assert len(settled) >= said // 2 - KILLS
    assert spool._rows("PRAGMA integrity_check") == [("ok",)]
    spool.close()


class FailingDisk(apsw.VFS):
    """A disk on which the call with a given number fails, once."""

    def __init__(self, at: int, failure: type[Exception]) -> None:
        self.left, self.failure = at, failure
        self.name = f"failing-{id(self)}"
        super().__init__(self.name, "")

    def xOpen(self, name: object, flags: list[int]) -> "FailingFile":
        return FailingFile(self, name, flags)

    def call(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.failure()


class FailingFile(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: object, flags: list[int]) -> None:
        self.disk = disk
        super().__init__("", name, flags)  # type: ignore[arg-type]

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.call()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.disk.call()
        super().xSync(flags)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("failure", [apsw.FullError, apsw.IOError])
def test_whichever_write_fails_no_record_that_was_written_is_lost(
    tmp_path: Path, failure: type[Exception]
) -> None:
    for at in range(1, 400):
        path = tmp_path / f"spool-{at}.db"
        disk = FailingDisk(at, failure)
        said, failed = flow(path, disk, failure)
        check = Spool(path)
        found = [row[0] for row in check._rows("SELECT id FROM records ORDER BY sequence")]
        assert set(said) <= set(found), f"call {at}: a written record is gone"
        assert check._rows("PRAGMA integrity_check") == [("ok",)]
        check.close()
        if not failed and disk.left > 0:
            return
    raise AssertionError("the flow has more writes than were tried")


def flow(path: Path, disk: FailingDisk, failure: type[Exception]) -> tuple[list[str], bool]:
    """Write five records, each tried until it is written; their ids, and whether the disk ever failed."""
    said: list[str] = []
    failed = False
    spool: Spool | None = None
    while spool is None:
        try:
            spool = Spool(path, vfs=disk.name)
        except AndonError:
            failed = True
    for number in range(5):
        one = record(f"p{number}")
        while one.id not in said:
            try:
                written = spool.record(one)
                said.append(written.id)
                spool.settle(written, (blob(f"{number}".encode(), 1, kept_in_file=False),), Queue.REVIEW)
            except DiskFull:
                failed = True
                assert failure is apsw.FullError
            except OperatorError:
                failed = True
                assert failure is apsw.IOError
    try:
        spool.close()
    except AndonError:
        failed = True
    return said, failed


def test_totals_are_what_counting_gives(spool: Spool) -> None:
    for number in range(6):
        image = blob(f"image {number % 4}".encode(), 1)
        written = spool.record(record())
        spool.settle(kept(written, image), (image,), Queue.AUDIT if number % 2 else None)
        spool.settle(kept(written, image), (image,), Queue.AUDIT if number % 2 else None)
    first, second, third, *_ = (identifier for identifier, _ in spool.waiting(10).records)
    spool.receipted([first], {second: "never", third: "never"}, ())
    spool.receipted([first], {second: "never"}, ())
    spool.forget(blob(b"image 1").digest)
    counted = [spool._rows(f"SELECT count(*) FROM {name}")[0][0] for name in ("records", "held", "aside")]
    assert list(spool.counts()) == counted == [3, 3, 2]
    size = spool._rows("SELECT sum(size) FROM blobs WHERE content IS NULL")[0][0]
    assert spool.image_bytes() == size
