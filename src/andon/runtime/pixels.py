"""The one resize that training and inspection share, and the refusal of images a model was not made for."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.inspections import ReasonCode
from andon.domain.models import InputSpec
from andon.errors import InvalidInput

Pixels = NDArray[Any]
"""(H, W, C) uint8 or uint16; C is 1 (grey) or 3 (RGB order); rows from the top."""

TYPES = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16)}
"""Array type by bits per channel."""


class UnfitImage(InvalidInput):
    """An image the model cannot judge; ``code`` says why, in the words of a verdict's reasons."""

    def __init__(self, code: ReasonCode, message: str, todo: str = "") -> None:
        super().__init__(message, todo)
        self.code = code


def fit(pixels: Pixels, spec: InputSpec) -> Pixels:
    """Bring one decoded image to the size of the network's input.

    Args:
        pixels: (H, W, C) as decoded, RGB order, uint8 or uint16.
        spec: what the graph takes.

    Returns:
        C-contiguous (spec.height, spec.width, spec.channels) of the same type; ``pixels`` itself when it
        already has that size.  Sides shrink by averaging (OpenCV INTER_AREA); when either side has to
        grow both are interpolated (INTER_LINEAR).  Aspect ratio is not kept.

    Raises:
        UnfitImage: wrong number of channels or bits (``WRONG_PIXELS``), or a size that training never
            saw (``WRONG_SIZE``).
    """
    check(pixels, spec)
    height, width = pixels.shape[:2]
    if (height, width) == (spec.height, spec.width):
        return np.ascontiguousarray(pixels)
    shrinks = spec.height <= height and spec.width <= width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, (spec.width, spec.height), interpolation=how)
    return resized.reshape(spec.height, spec.width, spec.channels)


def check(pixels: Pixels, spec: InputSpec) -> None:
    """Refuse an image that the model was not made for.

    Raises:
        UnfitImage: as :func:`fit`.
    """
    if pixels.ndim != 3 or pixels.shape[2] != spec.channels:
        found = pixels.shape[2] if pixels.ndim == 3 else "no"
        raise UnfitImage(
            ReasonCode.WRONG_PIXELS,
            f"the image has {found} colour channels, the model takes {spec.channels}",
            "Use the camera's settings of the training images.",
        )
    if pixels.dtype != TYPES[spec.bit_depth]:
        raise UnfitImage(
            ReasonCode.WRONG_PIXELS,
            f"the image is stored as {pixels.dtype}, the model takes {spec.bit_depth} bits per channel",
            "Use the camera's settings of the training images.",
        )
    height, width = pixels.shape[:2]
    if height < 1 or width < 1:
        raise UnfitImage(ReasonCode.WRONG_SIZE, f"the image has {height} x {width} pixels")
    if spec.source_sizes and (height, width) not in spec.source_sizes:
        known = ", ".join(f"{h} x {w}" for h, w in spec.source_sizes)
        raise UnfitImage(
            ReasonCode.WRONG_SIZE,
            f"the image has {height} x {width} pixels, the model was trained on {known}",
            "Train on images of this size, or bring the camera back to the size of training.",
        )
