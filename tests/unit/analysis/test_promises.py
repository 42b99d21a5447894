"""The rule behind promises: against sums by hand, and on populations whose truth is known."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.analysis.bounds import upper_bound
from andon.analysis.promises import least_restrictive
from andon.errors import InvalidInput

FLOOR = 0.02


def chance_of_so_few(misses: int, parts: int, rate: float) -> float:
    """The sum that a text book writes; no library."""
    return sum(comb(parts, k) * rate**k * (1 - rate) ** (parts - k) for k in range(misses + 1))


def evenly(parts: int) -> np.ndarray:
    """Levels 0.5, 0.501, ...: the k-th lowest is the cut that k - 1 of them pass."""
    return 0.5 + np.arange(parts) / 1000


@pytest.mark.parametrize(
    ("parts", "rate", "confidence", "needed"),
    [
        (37, 0.01, 0.95, 299),
        (298, 0.01, 0.95, 299),
        (0, 0.01, 0.95, 299),
        (5, 0.05, 0.9, 45),
        (1, 0.5, 0.75, 2),
    ],
)
def test_too_few_parts_are_told_how_many_it_takes(
    parts: int, rate: float, confidence: float, needed: int
) -> None:
    found = least_restrictive(evenly(parts), FLOOR, rate, confidence)
    assert (found.cut, found.parts, found.needed) == (None, parts, needed)
    assert (1 - rate) ** needed <= 1 - confidence < (1 - rate) ** (needed - 1)


def test_as_many_as_it_takes_are_enough_and_one_more_miss_is_not() -> None:
    found = least_restrictive(evenly(299), FLOOR, 0.01)
    assert (found.cut, found.misses) == (0.5, 0)
    missed = least_restrictive([-np.inf, *evenly(298)], FLOOR, 0.01)
    assert (missed.cut, missed.misses, missed.needed, missed.needed_with_misses) == (None, 1, 299, 473)
    assert chance_of_so_few(1, 473, 0.01) <= 0.05 < chance_of_so_few(1, 472, 0.01)
    assert least_restrictive([-np.inf, *evenly(472)], FLOOR, 0.01).cut == 0.5


@pytest.mark.parametrize(("parts", "rate"), [(300, 0.05), (500, 0.02), (60, 0.2), (1000, 0.01)])
def test_the_cut_lets_pass_as_many_as_the_sum_by_hand_allows_and_not_one_more(
    parts: int, rate: float
) -> None:
    found = least_restrictive(evenly(parts), FLOOR, rate)
    allowed = next(k for k in range(parts) if chance_of_so_few(k + 1, parts, rate) > 0.05)
    assert allowed > 0 and found.misses == allowed
    assert found.cut == pytest.approx(0.5 + allowed / 1000)


def test_equal_scores_pass_together_or_not_at_all() -> None:
    tied = np.repeat([0.3, 0.6, 0.9], [4, 50, 246])
    found = least_restrictive(tied, FLOOR, 0.05)
    assert (found.cut, found.misses) == (0.6, 4)
    assert least_restrictive(np.full(300, 0.7), FLOOR, 0.05).cut == 0.7


def test_what_never_passes_and_what_always_does() -> None:
    stopped = least_restrictive(np.full(300, np.inf), FLOOR, 0.01)
    assert (stopped.cut, stopped.misses) == (FLOOR, 0)
    assert least_restrictive(np.full(3000, -np.inf), FLOOR, 0.01).cut is None
    below = least_restrictive([FLOOR / 2] * 5 + [0.5] * 400, FLOOR, 0.05)
    assert (below.cut, below.misses) == (0.5, 5)
    with pytest.raises(InvalidInput):
        least_restrictive([0.5, np.nan], FLOOR, 0.01)
    for rate in (0.0, 1.0, -0.1):
        with pytest.raises(InvalidInput):
            least_restrictive([0.5], FLOOR, rate)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 12).map(lambda step: step / 12), min_size=1, max_size=120),
    st.sampled_from([0.02, 0.05, 0.1, 0.3]),
    st.sampled_from([0.5, 0.9, 0.95]),
)
def test_it_is_the_highest_cut_whose_exact_bound_keeps_the_rate(
    levels: list[float], rate: float, confidence: float
) -> None:
    """The bound of Clopper and Pearson is another way to the same test."""
    found = least_restrictive(levels, FLOOR, rate, confidence)
    cuts = sorted({FLOOR, *(level for level in levels if level > FLOOR)})
    misses = {cut: sum(level < cut for level in levels) for cut in cuts}
    good = [cut for cut in cuts if upper_bound(misses[cut], len(levels), confidence) <= rate + 1e-9]
    assert found.cut == max(good, default=None)
    assert found.misses == misses[max(good, default=FLOOR)]


SPLITS = 1000
MANY = 70
"""Of 1,000 promises at 95 % more than 70 are broken with a chance of 0.003."""


def broken(population: np.ndarray, parts: int, rate: float) -> tuple[int, int]:
    """(promises broken, promises made) in random samples of a population whose escapes can be counted."""
    draws = np.random.default_rng(5)
    made = bad = 0
    for _ in range(SPLITS):
        found = least_restrictive(draws.choice(population, parts), FLOOR, rate)
        if found.cut is not None:
            made += 1
            bad += bool((population < found.cut).mean() > rate)
    return bad, made


def test_a_promise_is_broken_no_more_often_than_stated_and_nearly_so_often() -> None:
    """Nearly so often: a rule that were only careful would pass the first half of this."""
    population = np.random.default_rng(6).beta(4, 2, 50_000)
    bad, made = broken(population, 181, 0.05)  # P(4 misses or fewer | 5 %) is 0.0492
    assert made == SPLITS and 30 <= bad <= MANY


def test_ties_and_a_share_that_no_cut_catches_break_it_no_more_often() -> None:
    random = np.random.default_rng(7)
    steps = np.round(random.beta(4, 2, 50_000) * 20) / 20
    bad, made = broken(steps, 181, 0.05)
    assert made == SPLITS and bad <= MANY
    blind = np.where(random.random(50_000) < 0.06, -np.inf, steps)
    bad, made = broken(blind, 181, 0.05)
    assert bad == made <= MANY, "6 % pass with every cut: each promise made is a broken one"
