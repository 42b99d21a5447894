from collections.abc import Mapping
from dataclasses import replace

import pytest

from andon.domain.feedback import Answer, SendPolicy, SendReason, SendRule
from andon.domain.inspections import Decision, Reason, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.quality import second_look_probability
from andon.domain.stations import KeepPolicy
from andon.station.spool.choosing import Choice, Seen, choose, contradicted, second_look
from andon.station.spool.keeping import (
    AUDIT_WORTH,
    REJECT_WORTH,
    UNJUDGED_WORTH,
    keep,
    kept_to_send,
)

CUTS = {"scratch": Cuts(0.45, 0.8), "dent": Cuts(0.3, 0.6)}
QUIET = SendPolicy(near=None, random=0.0)
UNSURE = (Reason(ReasonCode.UNCERTAIN, "scratch", "score 0.600, cut 0.450"),)


def seen(verdict: Verdict = Verdict.PASS, **scores: float) -> Seen:
    reasons = UNSURE if verdict is Verdict.REVIEW else ()
    return Seen(Decision(verdict, reasons), scores or {"scratch": 0.1, "dent": 0.0}, CUTS, "bracket")


def reasons(choices: tuple[Choice, ...]) -> list[SendReason]:
    return [choice.reason for choice in choices]


def test_without_a_policy_nothing_is_chosen() -> None:
    assert choose(seen(Verdict.REVIEW), None, 0.5, 0.0) == ()


def test_an_audit_sample_is_always_chosen_with_its_probability() -> None:
    (choice,) = choose(seen(), QUIET, 0.02, 0.5)
    assert (choice.reason, choice.probability) == (SendReason.AUDIT, 0.02)
    assert "1 of 50" in choice.detail


def test_rejects_are_drawn_for_a_second_look_by_the_same_draw_as_on_the_hub() -> None:
    ids = [f"part {number}" for number in range(400)]
    drawn = [one for one in ids if second_look(Verdict.REJECT, one)]
    assert drawn == [one for one in ids if second_look_probability(one, contradicted=False)]
    assert 60 < len(drawn) < 140
    assert not any(second_look(verdict, one) for verdict in (Verdict.PASS, Verdict.REVIEW) for one in ids)
    share = second_look(Verdict.REJECT, drawn[0])
    choices = choose(seen(Verdict.REJECT, scratch=0.81), replace(QUIET, near=0.05), share, 0.5)
    assert reasons(choices) == [SendReason.AUDIT, SendReason.CONFUSED]
    assert choices[0].probability == share
    assert "1 of 4 rejected parts" in choices[0].detail


@pytest.mark.parametrize(
    ("scores", "detail"),
    [
        ({"scratch": 0.42, "dent": 0.0}, "scratch 0.42, review cut 0.45"),
        ({"scratch": 0.1, "dent": 0.64}, "dent 0.64, reject cut 0.60"),
        ({"scratch": 0.42, "dent": 0.29}, "dent 0.29, review cut 0.30"),
        ({"scratch": 0.38, "dent": 0.36}, None),
        ({"unknown": 0.45}, None),
    ],
)
def test_confused_is_what_lies_near_a_cut_and_says_which(
    scores: Mapping[str, float], detail: str | None
) -> None:
    chosen = choose(seen(**scores), replace(QUIET, near=0.05), 0.0, 0.5)
    assert [choice.detail for choice in chosen] == ([detail] if detail else [])
    assert reasons(chosen) == ([SendReason.CONFUSED] if detail else [])


def test_a_review_is_confused_wherever_its_score_lies_unless_nobody_asks() -> None:
    part = seen(Verdict.REVIEW, scratch=0.6)
    (choice,) = choose(part, replace(QUIET, near=0.0), 0.0, 0.5)
    assert (choice.reason, choice.detail) == (
        SendReason.CONFUSED,
        "for review, scratch score 0.600, cut 0.450",
    )
    assert choose(part, QUIET, 0.0, 0.5) == ()


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (SendRule(), True),
        (SendRule(concept="scratch", low=0.05, high=0.2), True),
        (SendRule(concept="scratch", low=0.2), False),
        (SendRule(low=0.05, high=0.2, part_type="bracket"), True),
        (SendRule(part_type="housing"), False),
        (SendRule(verdict=Verdict.PASS), True),
        (SendRule(verdict=Verdict.REJECT), False),
        (SendRule(concept="unknown", low=0.1), False),
    ],
)
def test_a_rule_asks_for_all_that_it_states(rule: SendRule, fits: bool) -> None:
    never = SendRule(verdict=Verdict.NO_DECISION)
    chosen = choose(seen(), replace(QUIET, rules=(never, rule, rule)), 0.0, 0.5)
    assert reasons(chosen) == ([SendReason.RULE] if fits else [])
    assert all(choice.detail.startswith("rule 2: ") for choice in chosen)


def test_the_random_share_is_drawn_whatever_was_decided_and_for_no_other_reason_in_the_scores() -> None:
    policy = SendPolicy(near=0.05, random=0.1, rules=(SendRule(),))
    parts = [seen(verdict, scratch=score) for verdict in Verdict for score in (0.1, 0.44, 0.9)]
    for part in parts:
        (drawn,) = choose(part, policy, 0.0, 0.0999)
        assert (drawn.reason, drawn.probability) == (SendReason.RANDOM, 0.1)
        assert SendReason.RANDOM not in reasons(choose(part, policy, 0.0, 0.1))
    assert reasons(choose(seen(), policy, 0.02, 0.05)) == [SendReason.AUDIT, SendReason.RANDOM]


def test_several_reasons_come_the_most_urgent_first() -> None:
    policy = SendPolicy(near=0.05, random=0.0, rules=(SendRule(),))
    found = reasons(choose(seen(scratch=0.44), policy, 0.5, 0.5))
    assert found == [SendReason.AUDIT, SendReason.CONFUSED, SendReason.RULE]
    assert found == sorted(found, key=list(SendReason).index)


@pytest.mark.parametrize(
    ("verdict", "answer", "words"),
    [
        (Verdict.PASS, Answer.MISSED, "judged PASS, a person said: a defect was missed"),
        (Verdict.REJECT, Answer.FALSE_ALARM, "judged REJECT, a person said: a false alarm"),
        (Verdict.REJECT, Answer.CONFIRMED, None),
        (Verdict.PASS, Answer.UNSURE, None),
    ],
)
def test_wrong_is_what_a_person_contradicts(verdict: Verdict, answer: Answer, words: str | None) -> None:
    choice = contradicted(verdict, answer, QUIET)
    assert (choice.detail if choice else None) == words
    assert contradicted(verdict, answer, None) is None
    assert contradicted(verdict, answer, replace(QUIET, wrong=False)) is None


def test_the_image_of_a_chosen_pass_is_kept_and_worth_a_little_more() -> None:
    nothing = KeepPolicy(passes=0, audit=0)
    passed = keep(Decision(Verdict.PASS), nothing, (0.5, 0.5))
    chosen = kept_to_send(passed, (Choice(SendReason.RANDOM, 0.01),))
    assert (passed.image, chosen.image) == (False, True)
    assert chosen.worth == UNJUDGED_WORTH < REJECT_WORTH
    assert kept_to_send(passed, None) == passed
    audited = keep(Decision(Verdict.PASS), KeepPolicy(0, 1), (0.5, 0.5))
    assert kept_to_send(audited, (Choice(SendReason.AUDIT, 1.0),)).worth == AUDIT_WORTH
