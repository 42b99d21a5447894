"""A scratch: a thin, slightly bent line, brighter or darker than what it crosses."""

import numpy as np

from andon.simulate.defects.change import Change, brightness, changed, log_uniform, place, ribbon
from andon.simulate.scene import Surface

_OFF_GRAIN = np.radians(15)
"""A scratch runs at least this much off the grain; along it, nobody could tell."""


def draw(surface: Surface, random: np.random.Generator, detail: float) -> Change:
    """Draw a scratch; see :class:`Change`."""
    at = place(surface, random, surface.body)
    length = log_uniform(random, 14, 120) * detail
    direction = surface.turn + random.uniform(_OFF_GRAIN, np.pi - _OFF_GRAIN)
    bend = random.uniform(-0.5, 0.5) / length
    steps = np.linspace(-0.5, 0.5, 17) * length
    angles = direction + bend * steps
    path = np.stack([at[0] + steps * np.cos(angles), at[1] + steps * np.sin(angles)], axis=1)
    width = random.uniform(0.9, 2.4) * max(1.0, detail)
    widths = width * (1 - 0.75 * np.abs(np.linspace(-1, 1, 17)) ** 3) * random.uniform(0.85, 1.15, 17)
    contrast = log_uniform(random, 0.09, 0.32)
    level = brightness(surface, at, length / 3)
    bright = level < 0.62 and (level < 0.3 or random.random() < 0.6)
    delta = contrast if bright else -min(contrast, 0.8 * level)
    return changed(
        surface, ribbon(surface.body.shape, path, np.maximum(widths, 0.8)), (delta, delta, delta)
    )
