"""Defects that can be drawn on a part; to add one is to add a file and a line here.

A defect is a module with ``draw(surface, random, detail) -> Change``: the changed pixels and the exact
mask of what changed. ``detail`` is the picture's shorter side over 256; sizes scale with it.
"""

from collections.abc import Callable, Mapping

import numpy as np

from andon.simulate.defects import crack, dent, missing_print, scratch, stain
from andon.simulate.defects.change import Change
from andon.simulate.scene import Surface

Draw = Callable[[Surface, np.random.Generator, float], Change]

DEFECTS: Mapping[str, Draw] = {
    "scratch": scratch.draw,
    "dent": dent.draw,
    "stain": stain.draw,
    "crack": crack.draw,
    "missing print": missing_print.draw,
}
"""Concept name -> how it is drawn."""
