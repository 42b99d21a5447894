"""Rules that all parts of the loop share: whose word counts, and which parts are held for gates."""

import pytest

from andon.domain.feedback import Answer, Queue, Review, truth_of
from andon.domain.gates import HELD_SHARE, is_held
from andon.domain.inspections import Verdict
from andon.units import Timestamp


def said(answer: Answer) -> Review:
    return Review("r", "i", answer, Queue.REJECT, "anna", Timestamp("2026-03-01T06:00:00.000000Z"))


@pytest.mark.parametrize(
    ("verdict", "answer", "truth"),
    [
        (Verdict.PASS, Answer.CONFIRMED, False),
        (Verdict.REJECT, Answer.CONFIRMED, True),
        (Verdict.REVIEW, Answer.CONFIRMED, True),
        (Verdict.NO_DECISION, Answer.CONFIRMED, None),
        (Verdict.PASS, Answer.MISSED, True),
        (Verdict.REJECT, Answer.FALSE_ALARM, False),
        (Verdict.REVIEW, Answer.UNSURE, None),
    ],
)
def test_what_a_person_said_is_the_truth_as_far_as_known(
    verdict: Verdict, answer: Answer, truth: bool | None
) -> None:
    assert truth_of(verdict, said(answer)) is truth


def test_nothing_is_known_of_a_part_nobody_judged() -> None:
    assert truth_of(Verdict.PASS, None) is None


def test_three_of_ten_parts_are_held_and_always_the_same() -> None:
    parts = [f"serial=A-{number:05d}" for number in range(10_000)]
    held = [part for part in parts if is_held(part)]
    assert abs(len(held) / len(parts) - HELD_SHARE) < 0.02
    assert held == [part for part in parts if is_held(part)]
