"""Records in the spool: numbered, settled, sent in order, receipted, put aside, counted."""

from dataclasses import replace
from pathlib import Path

from simulators.spooled_parts import blob, kept, sent, sequences
from simulators.station_parts import record

from andon.domain.feedback import Queue
from andon.domain.inspections import Decision, Kept, Reason, ReasonCode, Verdict
from andon.station.spool.records import Answered, Spool


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
