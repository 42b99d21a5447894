"""Missing print: ink that did not reach the board, in a patch or along a stripe."""

import numpy as np

from andon.errors import InvalidInput
from andon.simulate.defects.change import FAINTEST, Change, blob, log_uniform, place, ribbon
from andon.simulate.scene import Surface

_VISIBLE = 0.08
"""Least difference (0..1) between printed and bare board for a pixel to count as printed."""


def draw(surface: Surface, random: np.random.Generator, detail: float) -> Change:
    """Take ink away; the mask holds the pixels that lost it.

    Raises:
        InvalidInput: the surface carries no print.
    """
    if surface.bare is None:
        raise InvalidInput(
            "missing print was asked for on a part without print", "Draw the material print."
        )
    lost = surface.bare - surface.pixels
    printed = (lost.max(axis=2) > _VISIBLE) & surface.body
    at = place(surface, random, printed)
    share = random.uniform(0.45, 1.0)
    if random.random() < 0.65:
        coverage = blob(printed.shape, random, at, log_uniform(random, 6, 30) * detail)
    else:
        half = log_uniform(random, 15, 60) * detail
        turn = surface.turn + (np.pi / 2 if random.random() < 0.5 else 0.0)
        steps = np.linspace(-half, half, 9)
        path = np.stack([at[0] + steps * np.cos(turn), at[1] + steps * np.sin(turn)], axis=1)
        coverage = ribbon(printed.shape, path, np.full(9, random.uniform(2.5, 5.0) * detail))
    mask = (coverage > FAINTEST) & printed
    weight = np.where(mask, coverage * np.float32(share), np.float32(0))[..., None]
    return Change(surface.pixels + weight * lost, mask)
