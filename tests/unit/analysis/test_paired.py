"""The bound on net change: never zero, as doubtful as few parts are, broken no more often than stated."""

import numpy as np
import pytest

from andon.analysis.bounds import upper_bound
from andon.analysis.paired import net_change
from andon.domain.gates import Paired
from andon.errors import InvalidInput

TRIALS = 1500


def compare(worse: int, better: int, both_well: int, both_badly: int = 0) -> Paired:
    old = [False] * worse + [True] * better + [False] * both_well + [True] * both_badly
    new = [True] * worse + [False] * better + [False] * both_well + [True] * both_badly
    found = net_change([1.0] * len(old), old, new)
    assert found is not None
    return found


@pytest.mark.parametrize("parts", [1, 20, 59, 60, 300, 5000])
def test_no_change_among_few_parts_says_little(parts: int) -> None:
    found = compare(worse=0, better=0, both_well=parts)
    assert (found.net, found.of, found.parts) == (0.0, parts, parts)
    assert found.upper >= upper_bound(0, parts)
    assert found.upper <= 3.0 / parts


def test_parts_that_become_better_count_against_those_that_become_worse() -> None:
    alone = compare(worse=3, better=0, both_well=97)
    with_gains = compare(worse=3, better=10, both_well=47, both_badly=40)
    assert alone.net == pytest.approx(0.03)
    assert alone.upper > 0.05
    assert (with_gains.worse, with_gains.better) == (3, 10)
    assert with_gains.net == pytest.approx(-0.07)
    assert -0.07 < with_gains.upper < 0.02


def test_the_bound_rises_with_every_part_that_becomes_worse() -> None:
    bounds = [compare(worse, 0, 60 - worse).upper for worse in range(0, 60, 5)]
    assert bounds == sorted(bounds)
    assert bounds[-1] <= 1


def test_a_part_that_stands_for_many_brings_the_doubt_of_many() -> None:
    old, new = [False] * 100 + [True], [False] * 100 + [True]
    light = net_change([1.0] * 100 + [50.0], old, new)
    assert light is not None
    assert light.upper == pytest.approx(3.0 / 150, rel=0.01), "the heavy one could not become worse"

    old[-1] = new[-1] = False
    heavy = net_change([1.0] * 100 + [50.0], old, new)
    assert heavy is not None
    assert heavy.upper > 0.9


def test_nothing_is_said_of_no_parts() -> None:
    assert net_change([], [], []) is None


@pytest.mark.parametrize(
    ("weights", "old", "new", "confidence"),
    [
        ([1.0], [True, False], [True], 0.95),
        ([0.0], [True], [True], 0.95),
        ([float("nan")], [True], [True], 0.95),
        ([1.0], [True], [True], 1.0),
    ],
)
def test_what_is_no_comparison_is_refused(
    weights: list[float], old: list[bool], new: list[bool], confidence: float
) -> None:
    with pytest.raises(InvalidInput):
        net_change(weights, old, new, confidence)


@pytest.mark.parametrize(
    ("parts", "badly", "worsens", "improves", "seen"),
    [
        (60, 0.0, 0.05, 0.0, 1.0),
        (60, 0.1, 0.05, 0.5, 1.0),
        (300, 0.05, 0.03, 0.5, 1.0),
        (60, 0.5, 0.5, 0.5, 1.0),
        (300, 0.1, 0.05, 0.5, 0.1),
        (1000, 0.05, 0.1, 0.8, 0.05),
        (3000, 0.02, 0.05, 0.5, 0.02),
        (400, 0.05, 0.05, 0.9, 0.02),
    ],
)
def test_the_bound_is_broken_no_more_often_than_stated(
    parts: int, badly: float, worsens: float, improves: float, seen: float
) -> None:
    """Simulated lines: the old model does badly on the share ``badly``, of which only an audit sample of
    ``seen`` is known, each part with the weight 1 / ``seen``; the others are all known."""
    random = np.random.default_rng(0)
    truth = (1 - badly) * worsens - badly * improves
    broken = 0
    for _ in range(TRIALS):
        old = random.random(parts) < badly
        new = old ^ (random.random(parts) < np.where(old, improves, worsens))
        known = ~old | (random.random(parts) < seen)
        found = net_change(
            np.where(old, 1 / seen, 1.0)[known].tolist(), old[known].tolist(), new[known].tolist()
        )
        broken += found is not None and found.upper < truth
    # 5 % are allowed; three standard errors of the simulation on top.
    assert broken / TRIALS <= 0.05 + 3 * (0.05 * 0.95 / TRIALS) ** 0.5
