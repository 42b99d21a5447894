import pytest

from andon.domain.feedback import Queue, SendReason
from andon.domain.inspections import Decision, Reason, ReasonCode, Verdict
from andon.domain.stations import KeepPolicy
from andon.station.spool.choosing import Choice
from andon.station.spool.keeping import (
    AUDIT_WORTH,
    PASS_WORTH,
    REJECT_WORTH,
    REVIEW_WORTH,
    UNJUDGED_WORTH,
    keep,
    kept_to_send,
)

POLICY = KeepPolicy(passes=0.1, audit=0.02)
PASS = Decision(Verdict.PASS)


def undecided(code: ReasonCode) -> Decision:
    return Decision(Verdict.NO_DECISION, (Reason(code, None, ""),))


@pytest.mark.parametrize(
    ("draws", "image", "audit", "queue"),
    [
        ((0.019, 0.9), True, 0.02, Queue.AUDIT),
        ((0.02, 0.099), True, 0.0, None),
        ((0.02, 0.1), False, 0.0, None),
    ],
)
def test_passes_are_drawn(
    draws: tuple[float, float], image: bool, audit: float, queue: Queue | None
) -> None:
    found = keep(PASS, POLICY, draws)
    assert (found.image, found.audit, found.queue) == (image, audit, queue)


def test_nothing_of_passes_is_kept_where_the_policy_says_nothing() -> None:
    assert not keep(PASS, KeepPolicy(0, 0), (0.0, 0.0)).image


@pytest.mark.parametrize("draw", [0.0, 0.999])
def test_whatever_is_drawn_rejects_and_reviews_are_kept_and_shown(draw: float) -> None:
    for verdict, queue in ((Verdict.REJECT, Queue.REJECT), (Verdict.REVIEW, Queue.REVIEW)):
        found = keep(Decision(verdict), POLICY, (draw, draw))
        assert (found.image, found.audit, found.queue) == (True, 0.0, queue)


def test_undecided_parts_are_kept_but_not_those_of_a_station_without_a_model() -> None:
    assert keep(undecided(ReasonCode.LATE), POLICY, (0.9, 0.9)).image
    assert not keep(undecided(ReasonCode.NO_MODEL), POLICY, (0.9, 0.9)).image
    assert keep(undecided(ReasonCode.NO_MODEL), POLICY, (0.9, 0.05)).image


def test_passes_are_given_up_before_undecided_parts_and_those_before_rejects() -> None:
    assert PASS_WORTH < UNJUDGED_WORTH < REJECT_WORTH < REVIEW_WORTH < AUDIT_WORTH


def test_what_a_policy_did_not_choose_is_worth_less_than_anything_that_it_did() -> None:
    chosen = (Choice(SendReason.RANDOM, 0.01),)
    passed, reject = (
        keep(Decision(verdict), POLICY, (0.9, 0.9)) for verdict in (Verdict.PASS, Verdict.REJECT)
    )
    review = keep(Decision(Verdict.REVIEW), POLICY, (0.9, 0.9))
    worths = [kept_to_send(kept, ()).worth for kept in (passed, reject, review)]
    assert worths == sorted(worths)
    assert worths[-1] < PASS_WORTH < kept_to_send(passed, chosen).worth
    assert kept_to_send(reject, None).worth == REJECT_WORTH, "without a policy all of it is sent"
