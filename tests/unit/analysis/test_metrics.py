import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from andon.analysis.curves import trade_curve
from andon.analysis.metrics import ANY, PixelCounts, auroc, average_precision, separations
from andon.analysis.parts import fold
from andon.errors import InvalidInput, NotPossible

SCORED = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=60)


@given(SCORED)
def test_both_areas_are_those_of_scikit_learn(scored: list[tuple[int, bool]]) -> None:
    scores, truth = (np.array(column) for column in zip(*scored, strict=True))
    assume(truth.any() and not truth.all())
    assert average_precision(scores, truth) == pytest.approx(average_precision_score(truth, scores))
    assert auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))


@given(SCORED)
def test_only_the_order_of_scores_matters(scored: list[tuple[int, bool]]) -> None:
    scores, truth = (np.array(column) for column in zip(*scored, strict=True))
    assume(truth.any() and not truth.all())
    bent = np.exp(scores / 5.0) - 3
    assert average_precision(bent, truth) == pytest.approx(average_precision(scores, truth))
    assert auroc(bent, truth) == pytest.approx(auroc(scores, truth))


@pytest.mark.parametrize(("truth", "missing"), [([0, 0, 0], "defective"), ([1, 1, 1], "clean")])
def test_one_class_alone_cannot_be_measured(truth: list[int], missing: str) -> None:
    for measure in (average_precision, auroc):
        with pytest.raises(NotPossible, match=f"no {missing} parts"):
            measure([0.1, 0.2, 0.3], truth)
    with pytest.raises(NotPossible, match=f"no {missing} parts"):
        trade_curve(np.array([0.1, 0.2, 0.3]), np.array(truth, dtype=bool))


def test_a_part_is_as_bad_as_its_worst_image() -> None:
    table = fold(
        ["b", "a", "b", "a"],
        ["dent", "scratch"],
        [[0.1, 0.7], [0.2, 0.0], [0.9, 0.3], [0.1, 0.4]],
        [[0, 0], [0, 0], [1, 0], [0, 0]],
    )
    assert table.parts == ("a", "b")
    assert table.scores.tolist() == [[0.2, 0.4], [0.9, 0.7]]
    assert table.truth.tolist() == [[False, False], [True, False]]
    assert table.worst.tolist() == [0.4, 0.9]
    assert table.defective.tolist() == [False, True]


@pytest.mark.parametrize("scores", [[[0.5], [np.nan]], [[0.5], [1.5]], [[0.5]]])
def test_what_are_no_scores_is_refused(scores: list[list[float]]) -> None:
    with pytest.raises(InvalidInput):
        fold(["a", "b"], ["dent"], scores, [[0], [1]])


def test_concepts_are_measured_where_both_kinds_of_parts_exist() -> None:
    table = fold(
        ["a", "b", "c", "d"],
        ["dent", "scratch", "stain"],
        [[0.9, 0.1, 0.5], [0.2, 0.8, 0.5], [0.1, 0.1, 0.5], [0.1, 0.2, 0.5]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]],
    )
    found = separations(table)
    assert set(found) == {ANY, "dent", "scratch"}
    assert found["dent"].auroc == found["dent"].average_precision == 1.0
    assert (found[ANY].defective, found[ANY].clean) == (2, 2)
    assert (found["dent"].defective, found["dent"].clean) == (1, 3)


def test_pixels_are_counted_over_all_images() -> None:
    counts = PixelCounts()
    with pytest.raises(NotPossible):
        _ = counts.iou
    counts.add(np.array([[1, 1, 0, 0]], bool), np.array([[0, 1, 1, 0]], bool))
    counts.add(np.array([[1, 1, 1, 1]], bool), np.array([[1, 1, 1, 1]], bool))
    assert counts.iou == 5 / 7
    assert counts.dice == 10 / 12
    assert counts.true == 6


@given(SCORED)
def test_the_trade_curve_says_what_counting_says(scored: list[tuple[int, bool]]) -> None:
    scores, truth = (np.array(column) for column in zip(*scored, strict=True))
    assume(truth.any() and not truth.all())
    curve = trade_curve(scores.astype(float), truth)
    for cut, escapes, overkill in zip(curve.cuts, curve.escapes, curve.overkill, strict=True):
        assert escapes == pytest.approx(np.mean(scores[truth] < cut))
        assert overkill == pytest.approx(np.mean(scores[~truth] >= cut))
    assert (curve.escapes[0], curve.overkill[0]) == (0, 1)
    assert (curve.escapes[-1], curve.overkill[-1]) == (1, pytest.approx(0))
