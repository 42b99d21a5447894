"""Where a model sees something, drawn into the picture: bright on a dimmed part, readable in grey too."""

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.plots.overlay import Picture

DIMMED = 0.55
"""Share of its brightness that the part keeps, so that heat stands out on bright parts as well."""


def draw_heat(picture: Picture, probabilities: NDArray[np.float32]) -> Picture:
    """A new picture of the same size, the part grey and dimmed, heat in a scale that rises in brightness.

    Args:
        picture: (H, W, 3) RGB.
        probabilities: (h, w) of any size, 0..1; stretched over the picture.
    """
    size = (picture.shape[1], picture.shape[0])
    heat = np.clip(cv2.resize(probabilities, size, interpolation=cv2.INTER_LINEAR), 0, 1)
    coloured = cv2.applyColorMap(np.round(255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., np.newaxis] * DIMMED
    share = np.sqrt(heat)[..., np.newaxis]
    return np.asarray(np.round(grey * (1 - share) + coloured * share), dtype=np.uint8)
