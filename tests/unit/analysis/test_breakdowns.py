"""Breakdowns against cases that were counted by hand."""

import numpy as np
import pytest

from andon.analysis.breakdowns import by_concept, by_value, confused_pairs, confusion
from andon.analysis.curves import precision_curve
from andon.analysis.cuts import PASS, REJECT, REVIEW, verdicts
from andon.analysis.metrics import average_precision
from andon.analysis.parts import fold
from andon.domain.models import Cuts
from andon.errors import NotPossible

CUTS = {"crack": Cuts(0.3, 0.6), "stain": Cuts(0.2, 0.5)}
PARTS = (
    # part, (crack, stain) scores, (crack, stain) truth
    ("a", (0.7, 0.1), (1, 0)),  # rejected as crack
    ("b", (0.1, 0.9), (1, 0)),  # a crack, rejected as stain
    ("c", (0.1, 0.1), (1, 0)),  # escapes
    ("d", (0.1, 0.3), (0, 1)),  # a stain, to review
    ("e", (0.8, 0.4), (1, 1)),  # both, both reach
    ("f", (0.9, 0.1), (1, 1)),  # both, the stain is not seen
    ("g", (0.1, 0.1), (0, 0)),  # passes
    ("h", (0.4, 0.1), (0, 0)),  # clean, to review as crack
    ("i", (0.1, 0.6), (0, 0)),  # clean, rejected as stain
)
TABLE = fold(
    [part for part, _, _ in PARTS],
    ("crack", "stain"),
    [scores for _, scores, _ in PARTS],
    [truth for _, _, truth in PARTS],
)
DECIDED = verdicts(TABLE, CUTS)


def test_the_verdicts_are_those_written_beside_the_parts() -> None:
    wanted = [REJECT, REJECT, PASS, REVIEW, REJECT, REJECT, PASS, REVIEW, REJECT]
    assert DECIDED.tolist() == wanted


def test_concepts_count_their_parts_and_the_clean_ones() -> None:
    crack, stain = by_concept(TABLE, DECIDED, CUTS)
    assert (crack.escapes.count, crack.escapes.of) == (1, 5)
    assert (stain.escapes.count, stain.escapes.of) == (0, 3)
    assert (crack.overkill.count, crack.overkill.of) == (0, 3)  # h is reviewed, not rejected
    assert (stain.overkill.count, stain.overkill.of) == (1, 3)
    assert stain.escapes.low == 0.0 and stain.escapes.high == pytest.approx(1 - 0.05 ** (1 / 3))
    assert stain.overkill.low == pytest.approx(1 - 0.975 ** (1 / 3))


def test_a_part_of_two_days_counts_in_both_and_one_of_none_stands_last() -> None:
    days = [frozenset({"mon"})] * 3 + [frozenset({"mon", "tue"})] + [frozenset({"tue"})] * 4 + [frozenset()]
    monday, tuesday, unknown = by_value(DECIDED, TABLE.defective, days)
    assert [group.value for group in (monday, tuesday, unknown)] == ["mon", "tue", None]
    assert [group.parts for group in (monday, tuesday, unknown)] == [4, 5, 1]
    assert (monday.rates.escapes.count, monday.rates.escapes.of) == (1, 4)
    assert (tuesday.rates.escapes.count, tuesday.rates.escapes.of) == (0, 3)
    assert (tuesday.rates.reviews.count, tuesday.rates.reviews.of) == (1, 2)
    assert (unknown.rates.overkill.count, unknown.rates.overkill.of) == (1, 1)
    assert unknown.rates.escapes.of == 0


def test_rows_of_the_confusion_look_past_other_defects_that_are_really_there() -> None:
    found = confusion(TABLE, CUTS)
    assert found.counts.tolist() == [
        [3, 1, 1],  # cracks: a, e, f as crack; b as stain; c as nothing
        [0, 2, 1],  # stains: d, e as stain; f as nothing, although its crack was seen
        [1, 1, 1],  # clean: h as crack, i as stain, g as nothing
    ]
    assert found.shown("crack") == 5
    assert found.never_called == ()


def test_a_concept_no_part_is_taken_for_is_told_and_a_review_counts_as_taken() -> None:
    high = {"crack": Cuts(0.3, 0.6), "stain": Cuts(0.95, 0.95)}
    assert confusion(TABLE, high).never_called == ("stain",)
    edge = {"crack": Cuts(0.3, 0.6), "stain": Cuts(0.9, 0.95)}
    assert confusion(TABLE, edge).never_called == ()


def test_confused_pairs_need_both_the_parts_and_the_share() -> None:
    found = confusion(TABLE, CUTS)
    assert list(confused_pairs(found, 1, 0.2)) == [("crack", "stain", 1, 5)]
    assert not list(confused_pairs(found, 2, 0.2))
    assert not list(confused_pairs(found, 1, 0.21))


def test_the_precision_curve_has_the_area_that_average_precision_says() -> None:
    random = np.random.default_rng(4)
    scores, truth = random.integers(0, 9, 60) / 9, random.random(60) < 0.3
    curve = precision_curve(scores, truth)
    steps = np.diff(curve.recall, prepend=0)
    assert float((steps * curve.precision).sum()) == pytest.approx(average_precision(scores, truth))
    reached = scores >= 0.5
    assert curve.at(0.5) == pytest.approx((truth[reached].sum() / truth.sum(), truth[reached].mean()))
    assert curve.at(1.5) is None
    with pytest.raises(NotPossible):
        precision_curve(scores, np.zeros(60, dtype=bool))
