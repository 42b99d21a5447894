import math

import pytest

from andon.domain.inspections import Decision, Inspection, Reason, ReasonCode, Verdict
from andon.station.state.alarms import Case, Raised
from andon.station.state.condition import FAULTS, Word, condition_of
from andon.station.state.line import LineState
from andon.units import Digest, Timestamp

NOW = Timestamp("2026-01-05T06:00:00.000000Z")
JUDGED = Inspection(
    "id", NOW, "P-1", None, "", "bracket", 1, Digest("a" * 64), "onnxruntime/fp32",
    Decision(Verdict.PASS), (), {"scratch": 0.1}, 5.0,
)  # fmt: skip


def state(*moments: tuple[float, bool]) -> LineState:
    made = LineState("st-04", "line-2", "test", NOW)
    for moment, judged in moments:
        made.moments.append(moment)
        made.strip.append(JUDGED if judged else undecided())
    return made


def undecided() -> Inspection:
    reasons = (Reason(ReasonCode.MODEL_FAILED, None, "the engine died"),)
    decision = Decision(Verdict.NO_DECISION, reasons)
    return Inspection("id", NOW, "P-1", None, "", "", 0, Digest(""), "", decision, (), {}, 5.0)


def test_answers_without_a_model_are_no_sign_of_life() -> None:
    assert condition_of(state(), 100.0, 10.0).word is Word.STARTING
    assert condition_of(state((99.0, False)), 100.0, 10.0).word is Word.STARTING
    assert condition_of(state((95.0, True), (99.0, False)), 100.0, 10.0).word is Word.RUNNING
    silent = condition_of(state((80.0, True), (99.0, False)), 100.0, 10.0)
    assert silent.word is Word.FAULT
    assert "20 s ago" in silent.reason
    assert condition_of(state((80.0, True)), 100.0, math.inf).word is Word.RUNNING


def test_on_a_line_that_pauses_a_golden_image_shows_that_the_model_works() -> None:
    paused = state((10.0, True))
    assert condition_of(paused, 100.0, 30.0).word is Word.FAULT
    paused.proven = 97.0
    assert condition_of(paused, 100.0, 30.0).word is Word.RUNNING
    assert condition_of(paused, 130.0, 30.0).word is Word.FAULT
    fresh = state()
    fresh.proven = 99.0
    assert condition_of(fresh, 100.0, 30.0).word is Word.RUNNING


@pytest.mark.parametrize("case", Case)
def test_an_alarm_under_which_nothing_counts_is_a_fault(case: Case) -> None:
    standing = state((99.0, True))
    standing.raise_alarm(Raised(case, "what is wrong", "what to do", NOW))
    found = condition_of(standing, 100.0, 10.0)
    assert found.word is (Word.FAULT if case.code in FAULTS else Word.RUNNING)
    assert (found.reason == "what is wrong") is (case.code in FAULTS)
