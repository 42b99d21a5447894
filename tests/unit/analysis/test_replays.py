"""What the parts of a gate add up to."""

import pytest

from andon.analysis.replays import costs_per_thousand, escapes, misnamed, overkill, stopped
from andon.domain.gates import UNNAMED, CaseSource, GateCase, ReviewModel
from andon.domain.inspections import Verdict
from andon.domain.models import Costs
from andon.units import Digest

PASS, REVIEW, REJECT, NOTHING = Verdict.PASS, Verdict.REVIEW, Verdict.REJECT, Verdict.NO_DECISION
COSTS = Costs(escape=50.0, overkill=5.0, review=1.0, defect_rate=0.1)


def case(truth: tuple[str, ...] | None, old: Verdict, new: Verdict, **changes: object) -> GateCase:
    plain = {"part": "p", "images": (Digest("0"),), "source": CaseSource.HISTORY, "weight": 1.0}
    return GateCase(**(plain | {"truth": truth, "old": old, "new": new} | changes))  # type: ignore[arg-type]


def test_only_known_parts_of_the_line_are_counted() -> None:
    cases = [
        case(("crack",), REJECT, PASS),
        case(("crack",), PASS, REVIEW, weight=10.0),
        case(("crack",), REJECT, PASS, source=CaseSource.MUST_CATCH),
        case(None, REJECT, PASS),
        case((), PASS, REJECT),
        case((), PASS, NOTHING, weight=4.0),
        case((), REJECT, REVIEW),
    ]
    found = escapes(cases)
    assert found is not None
    assert (found.worse, found.better, found.of, found.parts) == (1.0, 10.0, 11.0, 2)
    rejected, held_up = overkill(cases), stopped(cases)
    assert rejected is not None
    assert (rejected.worse, rejected.better, rejected.of) == (5.0, 1.0, 6.0)
    assert held_up is not None
    assert (held_up.worse, held_up.better) == (5.0, 0.0)


def test_names_are_asked_where_a_person_named_the_defect_and_both_stopped_it() -> None:
    stops = {"old_found": ("crack",), "new_found": ("dent",)}
    cases = [
        case(("crack",), REJECT, REJECT, **stops),
        case(("crack",), REJECT, REJECT, old_found=("crack",), new_found=("dent", "crack")),
        case((UNNAMED,), REJECT, REJECT, **stops),
        case(("crack",), REJECT, PASS, old_found=("crack",)),
    ]
    found = misnamed(cases)
    assert found is not None
    assert (found.worse, found.better, found.parts) == (1.0, 0.0, 2)
    assert misnamed(cases[2:]) is None


def test_a_thousand_parts_cost_what_people_miss_and_how_long_they_take() -> None:
    people = ReviewModel(catches=0.9, wrongly_rejects=0.1, seconds=36.0, wage=100.0)  # 1.0 a part
    cases = [case(("crack",), PASS, REVIEW), case((), REVIEW, PASS), case((), NOTHING, REJECT)]
    found = costs_per_thousand(cases, COSTS, people)
    assert found is not None
    old, new = found
    assert old == pytest.approx(1000 * (0.1 * 50 + 0.9 * (1.0 + 0.1 * 5 + 5) / 2))
    assert new == pytest.approx(1000 * (0.1 * (1.0 + 0.1 * 50) + 0.9 * 5 / 2))
    assert costs_per_thousand(cases[1:], COSTS, people) is None
