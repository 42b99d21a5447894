"""How fast to learn at each step, and how many steps fit into the time given."""

import math

WARM_UP = 0.1
"""Share of the steps over which the rate rises."""

FEWEST_STEPS = 10
"""Even the shortest budget trains this many steps."""


def rate(step: int, steps: int, peak: float) -> float:
    """Learning rate of one step: linear warm-up, then half a cosine to zero (Smith 2018, one cycle)."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def steps_within(seconds: float, step_seconds: float, fixed_seconds: float) -> int:
    """Steps that fit into ``seconds`` of CPU time after ``fixed_seconds`` of reading and evaluating."""
    return max(FEWEST_STEPS, int((seconds - fixed_seconds) / max(step_seconds, 1e-6)))


def average_share(step: int, steps: int) -> float:
    """Share of the old value in the moving average of weights: over about a thirtieth of the run."""
    longest = 1 - 1 / max(2.0, steps / 30)
    return min(longest, (1 + step) / (10 + step))
