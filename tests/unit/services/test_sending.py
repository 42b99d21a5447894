import pytest

from andon.domain.feedback import SendPolicy, SendRule
from andon.domain.inspections import Verdict
from andon.errors import InvalidInput
from andon.services.sending import rule_of, rule_text, rules_of, words_of

RULES = (
    SendRule("scratch", 0.2, 0.4, Verdict.PASS, "bracket"),
    SendRule("oil spot", low=0.25),
    SendRule(verdict=Verdict.NO_DECISION),
    SendRule(part_type="housing B, left"),
)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_read_as_it_is_written(rule: SendRule) -> None:
    assert rule_of(rule_text(rule)) == rule


def test_rules_are_one_a_line() -> None:
    assert rules_of("\n\n".join(map(rule_text, RULES))) == RULES
    assert rule_of("concept=scratch, low=0.2") == SendRule("scratch", 0.2)
    with pytest.raises(InvalidInput, match="more than"):
        rules_of("low=0.5\n" * 21)


@pytest.mark.parametrize(
    "text",
    ["scratch", "concept=", "size=3", "low=much", "verdict=good", "low=0.1 low=0.2", "low=0.9 high=0.1"],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        rule_of(text)


def test_a_policy_is_said_in_words_and_numbers() -> None:
    policy = SendPolicy(True, 0.1, RULES[:1], 0.02, quota=1500, hours=(22, 6), bytes_per_second=2500)
    assert words_of(policy) == (
        "Audit samples always; what a person contradicts; reviews and scores within 0.1 of a cut;"
        " parts with concept=scratch low=0.2 high=0.4 verdict=PASS part_type=bracket;"
        " 2 % of all parts by chance; at most 1,500 a day; from 22 to 6 o'clock UTC;"
        " at most 2.5 kB a second."
    )
    assert words_of(SendPolicy(wrong=False, near=None, random=0)) == "Audit samples always."
    assert words_of(None) == "Every picture that is kept."
