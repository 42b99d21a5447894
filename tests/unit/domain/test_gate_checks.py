"""Every question of a gate: what passes, what is refused, and that a refusal says what to do."""

from dataclasses import replace

import pytest

from andon.analysis.replays import counted, escapes, escapes_once
from andon.domain.gate_checks import Measured, checks_of
from andon.domain.gates import CaseSource, GateCase, GateLimits, Paired
from andon.domain.inspections import Verdict
from andon.errors import InvalidInput
from andon.units import Digest

LIMITS = GateLimits()
FINE = Paired(worse=1, better=3, of=100, parts=100, net=-0.02, upper=0.01)


def case(source: CaseSource, truth: tuple[str, ...] | None, old: Verdict, new: Verdict) -> GateCase:
    return GateCase("p", (Digest("0"),), source, 1.0, truth, old, new)


GOOD_PARTS = (case(CaseSource.HISTORY, (), Verdict.PASS, Verdict.PASS),) * 20
MUST = case(CaseSource.MUST_CATCH, ("crack",), Verdict.REJECT, Verdict.REJECT)
GOLDEN = case(CaseSource.GOLDEN, ("crack",), Verdict.REJECT, Verdict.REJECT)
ESCAPE = replace(GOLDEN, new=Verdict.PASS)
MEASURED = Measured(
    cases=(*GOOD_PARTS, MUST, *[GOLDEN] * 20),
    escapes=FINE,
    overkill=FINE,
    reviews=FINE,
    misnamed=FINE,
    costs=(100.0, 90.0),
    milliseconds=(5.0, 6.0),
    memory=(2**28, 2**28),
)


def failed(measured: Measured, limits: GateLimits = LIMITS) -> list[str]:
    checks = checks_of(measured, limits)
    assert all(check.todo for check in checks if not check.passed)
    return [check.name for check in checks if not check.passed]


def test_a_candidate_that_is_not_worse_passes() -> None:
    assert failed(MEASURED) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"failure": "golden image 1.png scores 0.4 away"}, "runs here"),
        ({"cases": (*MEASURED.cases, replace(MUST, new=Verdict.PASS))}, "must-catch parts"),
        ({"cases": (*MEASURED.cases, replace(MUST, new=Verdict.NO_DECISION))}, "must-catch parts"),
        ({"absent": ("serial=gone",)}, "must-catch parts"),
        ({"cases": (*MEASURED.cases, ESCAPE, ESCAPE)}, "golden set"),
        ({"cases": MEASURED.cases[1:]}, "good parts"),
        ({"escapes": replace(FINE, parts=19)}, "defective parts"),
        ({"escapes": replace(FINE, upper=0.051)}, "escapes"),
        ({"once": replace(FINE, upper=0.051)}, "escapes, each part once"),
        ({"overkill": replace(FINE, upper=0.11)}, "overkill"),
        ({"overkill": None}, "overkill"),
        ({"reviews": replace(FINE, upper=0.21)}, "good parts stopped"),
        ({"misnamed": Paired(5, 0, 20, 20, 0.25, 0.4)}, "defects by their names"),
        ({"costs": (100.0, 126.0)}, "cost"),
        ({"milliseconds": (5.0, 7.6)}, "speed"),
        ({"memory": (2**28, 2**29 + 1)}, "memory"),
    ],
)
def test_each_question_refuses_by_itself(changes: dict[str, object], name: str) -> None:
    assert failed(replace(MEASURED, **changes)) == [name]  # type: ignore[arg-type]


def test_every_must_catch_part_that_is_held_is_counted_and_named() -> None:
    dark = replace(MUST, part="serial=dark", old=Verdict.NO_DECISION, new=Verdict.NO_DECISION)
    cases = (*MEASURED.cases, replace(MUST, part="serial=slips", new=Verdict.PASS), dark)
    (must,) = [
        check
        for check in checks_of(replace(MEASURED, cases=cases, absent=("serial=gone",)), LIMITS)
        if check.name == "must-catch parts"
    ]
    assert must.measured == (
        "1 of 4 pass: slips; 1 could not be judged: dark; no picture is here of 1: gone"
    )


def test_what_neither_could_judge_is_not_counted() -> None:
    dark = replace(GOLDEN, old=Verdict.NO_DECISION, new=Verdict.NO_DECISION)
    fine = replace(dark, truth=())
    assert counted((dark, fine, GOLDEN)) == [GOLDEN]
    alone = replace(MEASURED, is_alone=True, escapes=None, overkill=None, cases=(GOLDEN, dark))
    assert failed(alone) == ["golden set"], "alone, what it cannot judge is judged wrongly"


def test_parts_that_came_for_their_scores_are_also_counted_once() -> None:
    """One audited escape that ends does not outweigh ten parts that would pass from now on."""
    ended = replace(GOLDEN, source=CaseSource.AUDIT, weight=100.0, old=Verdict.PASS, new=Verdict.REJECT)
    cases = (*[ended] * 3, *[ESCAPE] * 10, *[GOLDEN] * 90)
    weighed, once = escapes(cases), escapes_once(cases)
    assert weighed is not None
    assert once is not None
    assert weighed.upper < 0 < LIMITS.margin < once.upper
    assert (once.worse, once.better, once.of) == (10, 3, 103)
    measured = replace(MEASURED, escapes=weighed, once=once)
    assert failed(measured) == ["escapes, each part once"]


def test_two_parts_under_a_wrong_name_are_an_accident() -> None:
    assert failed(replace(MEASURED, misnamed=Paired(2, 0, 4, 4, 0.5, 0.9))) == []


def test_without_anything_to_compare_with_only_held_parts_are_asked() -> None:
    alone = replace(MEASURED, is_alone=True, escapes=None, overkill=None, milliseconds=(0.0, 6.0))
    assert failed(alone) == []
    wrong = (ESCAPE,) * 3
    assert failed(replace(alone, cases=(*alone.cases, *wrong))) == ["golden set"]
    assert failed(replace(alone, cases=())) == []


@pytest.mark.parametrize("limit", [{"margin": 1.5}, {"min_good": 0}, {"cost_ratio": 0.0}])
def test_limits_that_are_none_are_refused(limit: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        GateLimits(**limit)  # type: ignore[arg-type]
