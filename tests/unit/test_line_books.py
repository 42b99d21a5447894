"""Rules that line tests hold: clean books contradict nothing, each kind of loss is seen by a rule."""

from dataclasses import replace

import pytest
from simulators.line_books import Books, Death, Heard, contradictions

from andon.domain.images import Origin
from andon.domain.inspections import Capture, Decision, Inspection, Kept, Reason, ReasonCode, Verdict
from andon.units import Digest, Timestamp

DEADLINE = 100.0
PASS = Decision(Verdict.PASS)
CUT_SHORT = Decision(Verdict.NO_DECISION, (Reason(ReasonCode.NOT_ANSWERED, None, ""),))
LATE = Decision(Verdict.NO_DECISION, (Reason(ReasonCode.LATE, None, ""),))


def record(sequence: int, decision: Decision = PASS, milliseconds: float = 5.0) -> Inspection:
    return Inspection(
        id=f"inspection-{sequence}",
        at=Timestamp("2026-01-05T06:00:00.000000Z"),
        part=f"part-{sequence}",
        image=None,
        name="",
        recipe="brackets",
        recipe_version=1,
        package=Digest("0" * 64),
        variant="onnxruntime/f32",
        decision=decision,
        findings=(),
        scores={},
        milliseconds=milliseconds,
        capture=Capture("one", sequence, Origin(station="one", line="a"), None, Kept.NOT_KEPT),
    )


def answer(told: Inspection) -> Heard:
    assert told.capture is not None
    return Heard(told.capture.sequence, told.part, told.decision.verdict, told.id)


RECORDS = [record(1), record(2, LATE, 250.0), record(3)]
CLEAN = Books(
    heard=[answer(told) for told in RECORDS],
    stored=RECORDS,
    offered=[told.part for told in RECORDS],
    acknowledged={told.id for told in RECORDS},
)


def test_clean_books_contradict_nothing() -> None:
    assert contradictions(CLEAN, DEADLINE) == []


SPOILED = {
    "not numbered": replace(CLEAN, stored=[record(1), record(3)], heard=[]),
    "the same sequence": replace(CLEAN, stored=[*RECORDS, replace(RECORDS[2], id="other", part="part-4")]),
    "answered twice": replace(CLEAN, heard=[*CLEAN.heard, CLEAN.heard[0]]),
    "answered REJECT, recorded PASS": replace(
        CLEAN, heard=[replace(CLEAN.heard[0], verdict=Verdict.REJECT), *CLEAN.heard[1:]]
    ),
    "not recorded in time": replace(CLEAN, heard=[replace(CLEAN.heard[0], sequence=0), *CLEAN.heard[1:]]),
    "is not recorded": replace(CLEAN, stored=RECORDS[:2], offered=()),
    "got no answer": replace(CLEAN, heard=CLEAN.heard[:2]),
    "offered and not recorded": replace(CLEAN, offered=[*CLEAN.offered, "part-4"]),
    "not offered": replace(CLEAN, offered=CLEAN.offered[:2]),
    "recorded twice": replace(CLEAN, stored=[*RECORDS, replace(record(4), part="part-1")]),
    "still in the spool": replace(CLEAN, spooled=["inspection-9"]),
    "acknowledged records are lost": replace(CLEAN, acknowledged={"inspection-9"}),
    "took 250 ms": replace(CLEAN, stored=[record(1), record(2, milliseconds=250.0), record(3)]),
    "by nothing that has a name": replace(CLEAN, stored=[replace(RECORDS[0], variant=""), *RECORDS[1:]]),
    "without a reason": replace(CLEAN, stored=[record(1, Decision(Verdict.REJECT)), *RECORDS[1:]]),
}


@pytest.mark.parametrize("sentence", SPOILED)
def test_each_loss_is_seen(sentence: str) -> None:
    found = contradictions(SPOILED[sentence], DEADLINE)
    assert any(sentence in line for line in found), found


def test_a_killed_station_takes_what_was_in_flight_and_no_more() -> None:
    many = [record(number, CUT_SHORT if number in {50, 51} else PASS) for number in range(1, 101)]
    offered = [told.part for told in many]
    taken = Books(
        heard=[answer(told) for told in many if told.id not in {"inspection-50", "inspection-51"}],
        stored=many,
        offered=[*offered[:51], "part-lost", *offered[51:]],
        deaths=[Death(51, 52)],
    )
    assert contradictions(taken, DEADLINE) == []
    assert contradictions(replace(taken, deaths=[Death(90, 91)]), DEADLINE)
    passed = replace(taken, stored=[record(number) for number in range(1, 101)])
    assert any("recorded with a verdict" in line for line in contradictions(passed, DEADLINE))


def test_an_answer_that_a_killed_station_could_not_note_is_recorded_as_none() -> None:
    stored = [record(1), record(2, CUT_SHORT), record(3)]
    heard = [answer(record(number)) for number in (1, 2, 3)]
    books = replace(CLEAN, stored=stored, heard=heard, deaths=[Death(2, 2)])
    assert contradictions(books, DEADLINE) == []
    assert any("answered PASS" in line for line in contradictions(replace(books, deaths=[]), DEADLINE))
