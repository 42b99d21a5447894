"""A dent: no colour of its own, only light and shade on its slopes."""

import numpy as np

from andon.simulate.defects.change import Change, log_uniform, place
from andon.simulate.scene import Surface


def draw(surface: Surface, random: np.random.Generator, detail: float) -> Change:
    """Draw a dent lit from the upper left; see :class:`Change`."""
    x, y = place(surface, random, surface.body)
    radius = log_uniform(random, 5, 20) * detail
    squeeze, turn = random.uniform(0.6, 1.0), random.uniform(0, np.pi)
    rows = (np.arange(surface.body.shape[0], dtype=np.float32)[:, None] - y) / np.float32(radius)
    columns = (np.arange(surface.body.shape[1], dtype=np.float32) - x) / np.float32(radius)
    along = np.float32(np.cos(turn)) * columns + np.float32(np.sin(turn)) * rows
    across = (np.float32(np.cos(turn)) * rows - np.float32(np.sin(turn)) * columns) / np.float32(squeeze)
    inside = np.maximum(0, 1 - along * along - across * across)
    mask = (inside > 0) & surface.body
    # Slope of a pit of depth inside**1.5 towards the light; its largest value is about 1.
    towards_light = (0.6 * columns + 0.8 * rows) * np.sqrt(inside) * 2
    strength = log_uniform(random, 0.07, 0.26)
    shade = strength * (towards_light - 0.25 * inside)
    weight = np.where(mask, shade, np.float32(0))[..., None]
    return Change(surface.pixels + weight.astype(np.float32), mask)
