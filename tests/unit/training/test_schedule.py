"""How fast to learn, and for how long."""

import itertools
import math

from andon.training.schedule import FEWEST_STEPS, average_share, rate, steps_within


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [rate(step, 100, 0.01) for step in range(100)]
    assert rates[0] == 0.001
    assert math.isclose(max(rates), 0.01)
    assert rates.index(max(rates)) in {9, 10}
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[-1] < max(rates) / 1000


def test_the_shortest_run_learns_too() -> None:
    assert all(rate(step, steps, 1.0) > 0 for steps in (1, 2, 10) for step in range(steps))


def test_time_becomes_steps() -> None:
    assert steps_within(seconds=360, step_seconds=1.5, fixed_seconds=60) == 200
    assert steps_within(seconds=1, step_seconds=1.5, fixed_seconds=60) == FEWEST_STEPS


def test_the_average_forgets_where_it_started() -> None:
    left = math.prod(average_share(step, 60) for step in range(60))
    assert left < 1e-6
    assert average_share(10_000, 100_000) > 0.99
