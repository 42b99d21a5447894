"""A stain: a ragged patch of oil, rust or bleach."""

import numpy as np

from andon.simulate.defects.change import Change, blob, brightness, changed, log_uniform, place
from andon.simulate.scene import Surface, Tint

_OIL: Tint = (-0.8, -0.85, -1.0)
_RUST: Tint = (-0.35, -0.85, -1.1)
_BLEACH: Tint = (1.0, 1.0, 0.95)


def draw(surface: Surface, random: np.random.Generator, detail: float) -> Change:
    """Draw a stain; see :class:`Change`."""
    at = place(surface, random, surface.body)
    radius = log_uniform(random, 6, 32) * detail
    level = brightness(surface, at, radius / 2)
    kinds = (_OIL, _RUST, _BLEACH) if level < 0.6 else (_OIL, _RUST)
    kind = kinds[int(random.integers(len(kinds)))]
    contrast = log_uniform(random, 0.07, 0.26)
    if kind is not _BLEACH:
        contrast = min(contrast, 0.7 * level)
    coverage = blob(surface.body.shape, random, at, radius)
    # Liquids dry from the rim inwards and leave it darker.
    rim = coverage * (1 + np.float32(random.uniform(0, 0.7)) * (1 - coverage))
    red, green, blue = (contrast * part for part in kind)
    return changed(surface, rim, (red, green, blue))
