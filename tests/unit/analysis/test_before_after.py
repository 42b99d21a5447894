import numpy as np
import pytest

from andon.analysis.before_after import compare, part_costs
from andon.domain.gates import ReviewModel
from andon.domain.inspections import Verdict
from andon.domain.models import Costs
from andon.errors import InvalidInput

COSTS = Costs(escape=100.0, overkill=5.0, review=1.0, defect_rate=0.5)
REVIEW = ReviewModel(catches=0.9, wrongly_rejects=0.1, seconds=36.0, wage=50.0)
PRICES = (COSTS, REVIEW)
PASS, REVIEWED, REJECT, NONE = Verdict.PASS, Verdict.REVIEW, Verdict.REJECT, Verdict.NO_DECISION


def test_a_part_costs_what_its_verdict_brings_about():
    verdicts = [PASS, PASS, REVIEWED, REVIEWED, REJECT, REJECT, NONE, NONE]
    truth = np.array([True, False] * 4)
    costs = part_costs(verdicts, truth, *PRICES)
    assert costs == pytest.approx([100, 0, 0.5 + 10, 0.5 + 0.5, 0, 5, 0, 5])


def test_figures_are_per_thousand_parts_and_their_intervals_hold_them():
    truth = [True] * 100 + [False] * 900
    old = [PASS] * 20 + [REJECT] * 80 + [REJECT] * 46 + [REVIEWED] * 4 + [PASS] * 850
    new = [PASS] * 5 + [REJECT] * 95 + [REJECT] * 9 + [PASS] * 891
    found = compare(old, new, truth, PRICES)
    assert (found.parts, found.defective) == (1000, 100)
    expected = {"escapes": (20, 5), "overkill": (46, 9), "reviews": (4, 0), "cost": (2234, 545)}
    for name, (before, after) in expected.items():
        row = found.row(name)
        assert (row.old.value, row.new.value) == pytest.approx((before, after))
        assert row.difference.value == pytest.approx(after - before)
        for figure in (row.old, row.new, row.difference):
            assert figure.low <= figure.value <= figure.high and figure.low < figure.high
    assert {row.name: row.word for row in found.rows} == {
        "escapes": "better",
        "overkill": "better",
        "reviews": "not shown",
        "cost": "better",
    }
    assert compare(new, old, truth, PRICES).row("escapes").word == "worse"


def test_no_difference_on_few_parts_is_not_called_certain():
    found = compare([PASS, REJECT] * 10, [PASS, REJECT] * 10, [False, True] * 10, PRICES)
    escapes = found.row("escapes").difference
    assert escapes.low < -100 < 0 < 100 < escapes.high and found.row("escapes").word == "not shown"


def test_the_interval_of_a_difference_covers_what_is_true():
    """400 pairs of models whose net change is known: 2 of 100 worse, 6 of 100 better."""
    random = np.random.default_rng(8)
    covered = 0
    for _ in range(400):
        drawn = random.random(600)
        old = [PASS if 0.02 <= value < 0.10 else REJECT for value in drawn]
        new = [PASS if value < 0.02 or 0.08 <= value < 0.10 else REJECT for value in drawn]
        difference = compare(old, new, [True] * 600, PRICES).row("escapes").difference
        covered += difference.low <= -40 <= difference.high
    assert 0.93 <= covered / 400 <= 1.0


def test_lists_that_do_not_fit_are_refused():
    for old, truth in (([PASS], [True, False]), ([], [])):
        with pytest.raises(InvalidInput, match="same parts"):
            compare(old, [PASS] * len(old), truth, PRICES)
