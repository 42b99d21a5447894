import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from andon.analysis.bounds import at_most, interval, parts_needed, sentence, upper_bound
from andon.errors import InvalidInput


def test_none_of_forty_still_allows_seven_percent() -> None:
    assert upper_bound(0, 40) == pytest.approx(1 - 0.05 ** (1 / 40))
    assert sentence(at_most(0, 40)) == "0 of 40 still allows 7.2 % at 95 %"


def test_published_values_of_the_two_sided_interval() -> None:
    """Clopper-Pearson 95 % for 4 of 20 and 0 of 20, as in Brown, Cai and DasGupta (2001)."""
    some, none = interval(4, 20), interval(0, 20)
    assert (some.low, some.high) == (pytest.approx(0.0573, abs=5e-5), pytest.approx(0.4366, abs=5e-5))
    assert (none.low, none.high) == (0.0, pytest.approx(0.1684, abs=5e-5))


def test_nothing_counted_means_nothing_known() -> None:
    assert (interval(0, 0).low, interval(0, 0).high) == (0.0, 1.0)
    assert at_most(0, 0).high == 1.0
    assert sentence(at_most(0, 0)) == "no parts to count: nothing is known about the rate"


def test_all_missed_has_no_better_bound_than_all() -> None:
    assert interval(7, 7).high == 1.0
    assert interval(7, 7).low == pytest.approx(0.025 ** (1 / 7))


@pytest.mark.parametrize(("rate", "of"), [(0.02, 30), (0.1, 60), (0.35, 25), (0.5, 10)])
def test_the_interval_covers_the_truth_at_least_as_often_as_it_says(rate: float, of: int) -> None:
    """Exactly, by summing over every possible count."""
    chances = binom.pmf(np.arange(of + 1), of, rate)
    covered = [interval(count, of).low <= rate <= interval(count, of).high for count in range(of + 1)]
    bounded = [rate <= upper_bound(count, of) for count in range(of + 1)]
    assert chances[covered].sum() >= 0.95
    assert chances[bounded].sum() >= 0.95


def test_simulated_parts_are_covered_too() -> None:
    random = np.random.default_rng(7)
    counts = random.binomial(50, 0.08, size=2000)
    covered = [interval(int(count), 50).low <= 0.08 <= interval(int(count), 50).high for count in counts]
    assert np.mean(covered) >= 0.95


@given(st.integers(1, 400), st.floats(0.5, 0.999))
def test_parts_needed_is_the_smallest_number_that_suffices(of: int, confidence: float) -> None:
    bound = upper_bound(0, of, confidence)
    assert parts_needed(bound, confidence) == of
    assert upper_bound(0, parts_needed(0.01, confidence), confidence) <= 0.01 + 1e-9


@given(st.integers(0, 60), st.integers(0, 60))
def test_more_misses_never_bound_lower(count: int, more: int) -> None:
    of = 120
    assert upper_bound(count, of) <= upper_bound(count + more, of)
    found = interval(count, of)
    assert 0 <= found.low <= found.rate <= found.high <= 1


@pytest.mark.parametrize(
    ("count", "of", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)]
)
def test_impossible_counts_are_refused(count: int, of: int, confidence: float) -> None:
    with pytest.raises(InvalidInput):
        interval(count, of, confidence)
    with pytest.raises(InvalidInput):
        upper_bound(count, of, confidence)


@pytest.mark.parametrize("bound", [0.0, 1.0, -0.1])
def test_an_impossible_bound_needs_no_number_of_parts(bound: float) -> None:
    with pytest.raises(InvalidInput):
        parts_needed(bound)
