"""A crack: a dark jagged line that wanders and branches."""

import numpy as np
from numpy.typing import NDArray

from andon.simulate.defects.change import Change, brightness, changed, log_uniform, place, ribbon
from andon.simulate.scene import Surface

_STEP = 4.0


def draw(surface: Surface, random: np.random.Generator, detail: float) -> Change:
    """Draw a crack with up to two branches; see :class:`Change`."""
    at = place(surface, random, surface.body)
    length = log_uniform(random, 24, 130) * detail
    heading = random.uniform(0, 2 * np.pi)
    width = random.uniform(0.9, 2.0) * max(1.0, detail)
    stem = _walk(random, np.array(at, dtype=np.float64), heading, length, _STEP * detail)
    coverage = _line(surface, stem, width)
    for _ in range(int(random.integers(0, 3))):
        start = stem[int(random.integers(len(stem) // 3, len(stem)))]
        side = heading + random.choice([-1, 1]) * random.uniform(0.5, 1.1)
        branch = _walk(random, start, side, length * random.uniform(0.15, 0.4), _STEP * detail)
        coverage = np.maximum(coverage, _line(surface, branch, 0.7 * width))
    level = brightness(surface, at, 8 * detail)
    depth = -min(log_uniform(random, 0.10, 0.34), 0.85 * level)
    return changed(surface, coverage, (depth, depth, depth))


def _line(surface: Surface, path: NDArray[np.float64], width: float) -> NDArray[np.float32]:
    return ribbon(surface.body.shape, path, np.linspace(width, 0.75, len(path)))


def _walk(
    random: np.random.Generator, start: NDArray[np.float64], heading: float, length: float, step: float
) -> NDArray[np.float64]:
    count = max(3, round(length / step))
    drift = np.cumsum(random.normal(0, 0.22, count))
    angles = heading + drift + random.normal(0, 0.45, count)
    moves = step * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([start[None], start + np.cumsum(moves, axis=0)])
