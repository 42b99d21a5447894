"""The one resize that training and inspection share, and the refusal of images a model was not made for."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.inspections import ReasonCode
from andon.domain.models import InputSpec
from andon.errors import InvalidInput

Pixels = NDArray[Any]
"""(H, W) grey, or (H, W, C) with C 1 (grey) or 3 (RGB order); uint8 or uint16; rows from the top."""

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
        pixels: (H, W), (H, W, 1) or (H, W, 3) as decoded, RGB order, uint8 or uint16.
        spec: what the graph takes.

    Returns:
        C-contiguous (spec.height, spec.width, spec.channels) of the same type; the memory of ``pixels``
        when it already has that size.  Sides shrink by averaging (OpenCV INTER_AREA); when either side
        has to grow both are interpolated (INTER_LINEAR).  Aspect ratio is not kept.

    Raises:
        UnfitImage: wrong number of channels or bits (``WRONG_PIXELS``), or a size that training never
            saw (``WRONG_SIZE``).
    """
    check(pixels, spec)
    height, width = pixels.shape[:2]
    if (height, width) != (spec.height, spec.width):
        shrinks = spec.height <= height and spec.width <= width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        try:
            pixels = cv2.resize(pixels, (spec.width, spec.height), interpolation=how)
        except cv2.error as cause:
            raise UnfitImage(
                ReasonCode.WRONG_SIZE, f"an image of {height} x {width} pixels cannot be resized"
            ) from cause
    return np.ascontiguousarray(pixels).reshape(spec.height, spec.width, spec.channels)


def check(pixels: Pixels, spec: InputSpec) -> None:
    """Refuse an image that the model was not made for.

    Raises:
        UnfitImage: as :func:`fit`.
    """
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels != spec.channels:
        raise _wrong_pixels(f"{channels} colour channels", f"{spec.channels}")
    if pixels.dtype != TYPES[spec.bit_depth]:
        raise _wrong_pixels(f"{8 * pixels.dtype.itemsize} bits per channel", f"{spec.bit_depth}")
    height, width = pixels.shape[:2]
    if spec.source_sizes and (height, width) not in spec.source_sizes:
        known = " or ".join(f"{h} x {w}" for h, w in spec.source_sizes)
        raise UnfitImage(
            ReasonCode.WRONG_SIZE,
            f"the image has {height} x {width} pixels, the model was trained on {known}",
            "Train on images of this size, or bring the camera back to the size of training.",
        )


def _wrong_pixels(found: str, wanted: str) -> UnfitImage:
    return UnfitImage(
        ReasonCode.WRONG_PIXELS,
        f"the image has {found}, the model takes {wanted}",
        "Use the camera settings of the training images.",
    )
