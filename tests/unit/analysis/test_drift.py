"""Drift: how often a stable line raises an alarm, and how soon a line that changed does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.analysis.drift import (
    BLOCK,
    FALSE_ALARMS,
    allowance,
    compare,
    compare_rates,
    distance,
    distance_limit,
    distances,
    exceeds_by_chance,
)

LOOKS = 60


def parts(rng: np.random.Generator, shift: float = 0.0) -> list[dict[str, float]]:
    """A block of parts with three values of image health; ``shift`` standard deviations too dark."""
    light = rng.normal(0.45 - 0.02 * shift, 0.02, BLOCK)
    sharp, contrast = rng.gamma(4.0, 0.05, BLOCK), rng.beta(5, 9, BLOCK)
    return [
        {"brightness": float(a), "sharpness": float(b), "contrast": float(c)}
        for a, b, c in zip(light, sharp, contrast, strict=True)
    ]


def test_a_line_that_never_changes_raises_hardly_ever_an_alarm_however_often_one_looks() -> None:
    alarms = 0
    lines = 150
    for line in range(lines):
        rng = np.random.default_rng([1, line])
        first = parts(rng)
        looks = (compare(first, parts(rng), block) for block in range(1, LOOKS + 1))
        alarms += any(drift is not None and drift.found for drift in looks)
    assert alarms <= math.ceil(lines * FALSE_ALARMS)


def test_the_bound_itself_keeps_its_promise_where_it_is_tightest() -> None:
    rng = np.random.default_rng(3)
    limit = distance_limit(50, 0.05)
    beyond = sum(distance(list(rng.random(50)), list(rng.random(50))) >= limit for _ in range(2000))
    assert beyond / 2000 <= 0.05


@pytest.mark.parametrize(("shift", "blocks"), [(1.5, 1), (0.8, 40)])
def test_a_change_of_light_is_found_with_the_next_block(shift: float, blocks: int) -> None:
    found = 0
    for line in range(40):
        rng = np.random.default_rng([2, line])
        drift = compare(parts(rng), parts(rng, shift), blocks)
        assert drift is not None
        found += drift.found and drift.name == "brightness"
    assert found >= 38


def test_a_change_that_is_certain_but_tiny_is_no_drift() -> None:
    rng = np.random.default_rng(4)
    drift = compare(parts(rng), parts(rng, 0.1), 1)
    assert drift is not None and not drift.found


def test_what_is_not_measured_on_every_part_is_not_compared() -> None:
    rng = np.random.default_rng(5)
    first, latest = parts(rng), parts(rng, 3.0)
    del latest[7]["brightness"]
    drift = compare(first, latest, 1)
    assert drift is not None and drift.name != "brightness"
    assert compare([{}], [{}], 1) is None and compare([], [], 1) is None


def test_all_looks_together_may_err_as_often_as_stated() -> None:
    assert sum(allowance(block) for block in range(1, 100_000)) == pytest.approx(FALSE_ALARMS, rel=1e-4)


def test_a_reject_rate_that_stays_raises_hardly_ever_an_alarm_and_one_that_jumps_does() -> None:
    rng = np.random.default_rng(6)
    alarms = 0
    for _ in range(100):
        first = int(rng.binomial(BLOCK, 0.03)), BLOCK
        looks = ((int(rng.binomial(BLOCK, 0.03)), BLOCK) for _ in range(LOOKS))
        alarms += any(compare_rates(first, latest, n).found for n, latest in enumerate(looks, start=1))
    assert alarms <= 1
    assert compare_rates((6, BLOCK), (40, BLOCK), 5).found
    assert not compare_rates((40, BLOCK), (6, BLOCK), 5).found


@given(st.integers(0, 12), st.integers(0, 12))
def test_fishers_test_agrees_with_counting(first: int, latest: int) -> None:
    marked, size = first + latest, 12
    ways = sum(
        math.comb(size, k) * math.comb(size, marked - k)
        for k in range(latest, size + 1)
        if 0 <= marked - k <= size
    )
    expected = ways / math.comb(2 * size, marked)
    assert exceeds_by_chance((first, size), (latest, size)) == pytest.approx(expected)


def test_pictures_that_look_different_are_found_and_those_that_do_not_are_not() -> None:
    alarms = found = 0
    for line in range(60):
        rng = np.random.default_rng([7, line])
        mix = rng.normal(size=(24, 24))

        def features(moved: float, rng: np.random.Generator = rng, mix: np.ndarray = mix) -> np.ndarray:
            return (rng.normal(size=(50, 24)) + moved) @ mix

        centre = features(0.0)
        first = distances(centre, features(0.0))
        same = [compare(first, distances(centre, features(0.0)), block) for block in range(1, 11)]
        alarms += any(drift is not None and drift.found for drift in same)
        other = compare(first, distances(centre, features(1.0)), 10)
        found += other is not None and other.found
    assert alarms <= 1 and found >= 57
