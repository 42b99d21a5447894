import re
from dataclasses import replace
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from andon.analysis.cuts import (
    PASS,
    REJECT,
    REVIEW,
    bound_rates,
    choose_cuts,
    expected_cost,
    rates_of,
    verdicts,
)
from andon.analysis.parts import PartTable, fold
from andon.domain.models import Costs, Cuts
from andon.errors import InvalidInput, NotPossible

COSTS = Costs(escape=100.0, overkill=5.0, review=1.0, defect_rate=0.02)
FLOOR = 0.02

COST_STRATEGY = st.builds(
    Costs,
    escape=st.floats(0, 1000),
    overkill=st.floats(0, 50),
    review=st.floats(0, 20),
    defect_rate=st.floats(0.001, 0.9),
)


@st.composite
def tables(draw: st.DrawFn, concepts: int, most: int) -> PartTable:
    count = draw(st.integers(2, most))
    level = st.integers(0, 8).map(lambda step: step / 8)
    scores = draw(
        st.lists(st.lists(level, min_size=concepts, max_size=concepts), min_size=count, max_size=count)
    )
    flags = st.lists(st.booleans(), min_size=concepts, max_size=concepts)
    truth = draw(st.lists(flags, min_size=count, max_size=count))
    names = [f"c{index}" for index in range(concepts)]
    table = fold([f"p{index:02}" for index in range(count)], names, scores, truth)
    assume(table.defective.any() and not table.defective.all())
    return table


def alternatives(table: PartTable, index: int) -> list[Cuts]:
    """Every pair of cuts that treats the parts differently."""
    places = [*np.unique(np.maximum(table.scores[:, index], FLOOR)).tolist(), 1.1]
    return [Cuts(review, reject) for review, reject in combinations_with_replacement(places, 2)]


def cost_of(table: PartTable, cuts: dict[str, Cuts], costs: Costs) -> float:
    return expected_cost(verdicts(table, cuts), table.defective, costs)


@given(tables(concepts=1, most=14), COST_STRATEGY)
def test_no_pair_of_cuts_is_cheaper(table: PartTable, costs: Costs) -> None:
    choice = choose_cuts(table, costs, FLOOR)
    assert choice.cost == pytest.approx(cost_of(table, dict(choice.cuts), costs))
    best = min(cost_of(table, {"c0": cuts}, costs) for cuts in alternatives(table, 0))
    assert choice.cost == pytest.approx(best, rel=1e-9, abs=1e-9)


@given(tables(concepts=2, most=8), COST_STRATEGY, st.lists(st.integers(1, 4), min_size=8, max_size=8))
def test_a_part_that_stands_for_many_counts_like_as_many_parts(
    table: PartTable, costs: Costs, times: list[int]
) -> None:
    counts = times[: len(table.parts)]
    rows = np.repeat(np.arange(len(counts)), counts)
    names = [f"r{row:03}" for row in range(len(rows))]
    repeated = fold(names, table.concepts, table.scores[rows], table.truth[rows])
    weighed = choose_cuts(table, costs, FLOOR, np.array(counts))
    assert weighed.cost == pytest.approx(choose_cuts(repeated, costs, FLOOR).cost)
    assert cost_of(repeated, dict(weighed.cuts), costs) == pytest.approx(weighed.cost)


def test_weights_must_be_one_positive_number_for_each_part() -> None:
    table = fold(["a", "b"], ["dent"], [[0.1], [0.9]], [[0], [1]])
    for wrong in ([1.0], [1.0, 0.0], [1.0, float("nan")]):
        with pytest.raises(InvalidInput, match="weights"):
            choose_cuts(table, COSTS, FLOOR, np.array(wrong))


@given(tables(concepts=3, most=12), COST_STRATEGY)
def test_no_change_of_one_concept_is_cheaper(table: PartTable, costs: Costs) -> None:
    choice = choose_cuts(table, costs, FLOOR)
    assert choice.cost == pytest.approx(cost_of(table, dict(choice.cuts), costs))
    for index, concept in enumerate(table.concepts):
        for cuts in alternatives(table, index):
            assert choice.cost <= cost_of(table, {**choice.cuts, concept: cuts}, costs) + 1e-9


def test_two_concepts_come_close_to_the_exhaustive_search() -> None:
    """Sweeping concept by concept may stop short of the joint optimum; seldom, and never far."""
    random = np.random.default_rng(3)
    gaps = []
    for _ in range(40):
        kind = random.integers(0, 4, 24)
        truth = np.stack([kind == 1, kind == 2], axis=1)
        scores = np.clip(random.normal(0.3 + 0.3 * truth, 0.15).round(1), 0, 1)
        table = fold([f"{i:02}" for i in range(24)], ["c0", "c1"], scores, truth)
        choice = choose_cuts(table, COSTS, FLOOR)
        pairs = product(alternatives(table, 0), alternatives(table, 1))
        best = min(cost_of(table, {"c0": first, "c1": second}, COSTS) for first, second in pairs)
        assert choice.cost is not None
        gaps.append(choice.cost - best)
        assert best <= choice.cost + 1e-12
    everything_passes = COSTS.escape * COSTS.defect_rate
    assert np.mean(np.array(gaps) < 1e-9) >= 0.9
    assert max(gaps) < 0.05 * everything_passes


@given(tables(concepts=2, most=12), COST_STRATEGY)
def test_only_the_order_of_scores_matters(table: PartTable, costs: Costs) -> None:
    bent = replace(table, scores=0.05 + 0.9 * table.scores**3)
    decided = verdicts(table, choose_cuts(table, costs).cuts)
    assert verdicts(bent, choose_cuts(bent, costs).cuts).tolist() == decided.tolist()


@given(tables(concepts=2, most=12), COST_STRATEGY)
def test_cuts_are_such_as_a_recipe_takes(table: PartTable, costs: Costs) -> None:
    for cuts in choose_cuts(table, costs, FLOOR).cuts.values():
        assert FLOOR <= cuts.review <= cuts.reject


def test_cuts_stand_in_the_middle_of_the_gap() -> None:
    table = fold(list("abcd"), ["dent"], [[0.1], [0.2], [0.6], [0.9]], [[0], [0], [1], [1]])
    choice = choose_cuts(table, COSTS)
    assert choice.cuts["dent"] == Cuts(pytest.approx(0.4), pytest.approx(0.4))
    assert choice.cost == 0


def test_scores_that_overlap_are_reviewed_when_that_is_cheap() -> None:
    table = fold(list("abcd"), ["dent"], [[0.1], [0.5], [0.3], [0.9]], [[0], [0], [1], [1]])
    cuts = choose_cuts(table, COSTS).cuts
    assert cuts["dent"] == Cuts(pytest.approx(0.2), pytest.approx(0.7))
    assert verdicts(table, cuts).tolist() == [PASS, REVIEW, REVIEW, REJECT]
    dear = replace(COSTS, review=1000.0)
    assert REVIEW not in verdicts(table, choose_cuts(table, dear).cuts)


def test_the_defect_rate_of_the_line_decides_not_that_of_the_group() -> None:
    table = fold(list("abcd"), ["dent"], [[0.1], [0.5], [0.3], [0.9]], [[0], [0], [1], [1]])
    rare = Costs(escape=10.0, overkill=5.0, review=50.0, defect_rate=0.001)
    often = replace(rare, defect_rate=0.5)
    assert verdicts(table, choose_cuts(table, rare).cuts).tolist() == [PASS, PASS, PASS, REJECT]
    assert verdicts(table, choose_cuts(table, often).cuts).tolist() == [PASS, REJECT, REJECT, REJECT]


def test_a_concept_that_only_disturbs_is_cut_away() -> None:
    random = np.random.default_rng(1)
    noise = random.uniform(0, 1, 30)
    dent = np.concatenate([np.full(15, 0.1), np.full(15, 0.8)])
    truth = np.stack([dent > 0.5, np.zeros(30, bool)], axis=1)
    table = fold([f"{i:02}" for i in range(30)], ["dent", "stain"], np.stack([dent, noise], axis=1), truth)
    choice = choose_cuts(table, COSTS)
    assert choice.cost == 0
    assert choice.cuts["stain"].reject > noise[:15].max()


def test_without_defects_clean_parts_give_cuts_and_the_note_says_so() -> None:
    scores = np.linspace(0.0, 0.5, 100)[:, np.newaxis]
    table = fold([f"{i:03}" for i in range(100)], ["dent"], scores, np.zeros((100, 1)))
    choice = choose_cuts(table, COSTS, FLOOR)
    decided = verdicts(table, choice.cuts)
    assert (decided == REJECT).sum() == 1
    assert (decided == REVIEW).sum() == 4
    assert choice.cost is None
    assert "nothing is known about escapes" in choice.note
    assert "1 of 100 still allows 4.7 %" in choice.note


def test_few_clean_parts_promise_only_what_they_can() -> None:
    table = fold([f"{i}" for i in range(10)], ["dent"], np.linspace(0, 0.3, 10)[:, None], np.zeros((10, 1)))
    choice = choose_cuts(table, COSTS, FLOOR)
    assert (verdicts(table, choice.cuts) == PASS).all()
    assert "With 10 clean parts the least overkill that can be promised is 25.9%" in choice.note
    assert "59 are needed for 5%" in choice.note


@pytest.mark.parametrize("parts", [59, 100, 400])
def test_a_promised_overkill_is_kept_as_often_as_stated(parts: int) -> None:
    random = np.random.default_rng(3)
    broken = 0
    for _ in range(300):
        scores = random.lognormal(-2, 0.5, parts).clip(0, 0.99)
        table = fold([f"{i:04}" for i in range(parts)], ["dent"], scores[:, None], np.zeros((parts, 1)))
        cut = choose_cuts(table, COSTS, FLOOR).cuts["dent"].reject
        fresh = random.lognormal(-2, 0.5, 20_000).clip(0, 0.99)
        broken += (fresh >= cut).mean() > 0.05
    assert broken <= 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5


def test_several_concepts_share_the_promised_overkill() -> None:
    random = np.random.default_rng(4)
    table = fold(
        [f"{i:04}" for i in range(400)], ["a", "b"], random.random((400, 2)) / 2, np.zeros((400, 2))
    )
    choice = choose_cuts(table, COSTS, FLOOR)
    assert 0 < (verdicts(table, choice.cuts) == REJECT).sum() <= 12


@pytest.mark.parametrize("parts", [59, 400])
def test_what_several_concepts_promise_is_kept_as_often_as_stated(parts: int) -> None:
    """Scores fill the range, so that a cut above the highest one hides nothing."""
    random, broken = np.random.default_rng(5), 0
    names = [f"concept {i}" for i in range(8)]
    for _ in range(100):
        table = fold(
            [f"{i:04}" for i in range(parts)], names, random.random((parts, 8)), np.zeros((parts, 8))
        )
        choice = choose_cuts(table, COSTS, FLOOR)
        promised = float(re.findall(r"still allows ([\d.]+) %", choice.note)[0]) / 100
        passed = np.prod([choice.cuts[name].reject for name in names])
        broken += 1 - passed > promised + 0.0005
    assert broken <= 100 * 0.05 + 3 * (100 * 0.05 * 0.95) ** 0.5


def test_two_concepts_need_as_many_parts_as_one_with_a_rejected_part() -> None:
    """0.95 ** 93 + 93 * 0.05 * 0.95 ** 92 is the first of its kind at most 0.05."""
    names, scores = [f"{i:02}" for i in range(92)], np.random.default_rng(6).random((93, 2)) / 2
    few = choose_cuts(fold(names, ["a", "b"], scores[:92], np.zeros((92, 2))), COSTS, FLOOR)
    assert "93 are needed for 5%" in few.note
    enough = choose_cuts(fold([*names, "92"], ["a", "b"], scores, np.zeros((93, 2))), COSTS, FLOOR)
    assert "Overkill is promised to stay below 5%" in enough.note


def test_without_clean_parts_there_is_nothing_to_weigh() -> None:
    with pytest.raises(NotPossible, match="no clean parts"):
        choose_cuts(fold(["a"], ["dent"], [[0.4]], [[1]]), COSTS)


@pytest.mark.parametrize(
    "changed",
    [{"escape": -1.0}, {"overkill": float("nan")}, {"review": float("inf")}, {"defect_rate": 0.0}],
)
def test_impossible_costs_are_refused(changed: dict[str, float]) -> None:
    table = fold(list("ab"), ["dent"], [[0.1], [0.5]], [[0], [1]])
    with pytest.raises(InvalidInput):
        choose_cuts(table, replace(COSTS, **changed))


def test_the_bound_counts_parts_that_chose_nothing() -> None:
    test = fold(
        [f"{i:02}" for i in range(60)],
        ["dent"],
        [[0.9]] * 39 + [[0.1]] + [[0.1]] * 17 + [[0.5]] * 2 + [[0.95]],
        [[1]] * 40 + [[0]] * 20,
    )
    rates = bound_rates(test, {"dent": Cuts(0.4, 0.8)})
    assert (rates.escapes.count, rates.escapes.of) == (1, 40)
    assert rates.escapes.low == 0 < rates.escapes.rate < rates.escapes.high < 0.12
    assert (rates.overkill.count, rates.reviews.count, rates.overkill.of) == (1, 2, 20)


def test_a_group_without_defects_bounds_no_escapes() -> None:
    rates = rates_of(np.array([PASS, REJECT]), np.array([False, False]))
    assert (rates.escapes.of, rates.escapes.high) == (0, 1.0)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_what_chooses_is_optimistic_about_itself(seed: int) -> None:
    """On average over groups: the reason why the bound needs another group."""
    random = np.random.default_rng(seed)
    own, other = [], []
    for _ in range(30):
        tables_ = []
        for _ in range(2):
            truth = np.arange(40) < 12
            scores = np.clip(random.normal(0.3 + 0.25 * truth, 0.15), 0, 1)
            names = [f"{i:02}" for i in range(40)]
            tables_.append(fold(names, ["dent"], scores[:, np.newaxis], truth[:, np.newaxis]))
        cuts = choose_cuts(tables_[0], COSTS).cuts
        own.append(cost_of(tables_[0], dict(cuts), COSTS))
        other.append(cost_of(tables_[1], dict(cuts), COSTS))
    assert np.mean(own) < np.mean(other)
