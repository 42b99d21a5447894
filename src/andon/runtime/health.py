"""Image health: whether a picture says anything about its part at all."""

from dataclasses import dataclass

import cv2
import numpy as np

from andon.domain.inspections import ReasonCode
from andon.domain.recipes import HealthLimits
from andon.runtime.pixels import Pixels, UnfitImage

WINDOW = 1024
"""Sharpness is measured on at most this many rows and columns around the centre: it takes its time."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was measured on one picture.

    Attributes:
        brightness: mean of all values as a share of the type's range, 0..1.
        sharpness: standard deviation of the Laplacian of the grey picture, of a range of 0..1. It rises
            with texture and noise too, so its limit is set on good pictures of the same view.
    """

    brightness: float
    sharpness: float


def measure(pixels: Pixels) -> Health:
    """Brightness and sharpness of (H, W) or (H, W, C) uint8 or uint16 pixels."""
    full = float(np.iinfo(pixels.dtype).max)
    brightness = float(np.mean(cv2.mean(pixels)[: pixels.shape[2] if pixels.ndim == 3 else 1])) / full
    # The Laplacian of 8 bits fits 16, which take a third of the time of floats.
    depth = cv2.CV_16S if pixels.dtype == np.uint8 else cv2.CV_32F
    _, spread = cv2.meanStdDev(cv2.Laplacian(grey(_centre(pixels)), depth))
    return Health(brightness, float(spread[0, 0]) / full)


def check(health: Health, limits: HealthLimits) -> None:
    """Refuse a picture that nothing can be decided on.

    Raises:
        UnfitImage: too dark, too bright or blurred, with the code for it.
    """
    if health.brightness < limits.dark:
        raise UnfitImage(
            ReasonCode.DARK_IMAGE,
            f"the image's brightness is {health.brightness:.3f}, the recipe asks for {limits.dark:g}",
            "Look at the lamp, the trigger and the exposure.",
        )
    if health.brightness > limits.bright:
        raise UnfitImage(
            ReasonCode.BRIGHT_IMAGE,
            f"the image's brightness is {health.brightness:.3f}, the recipe allows {limits.bright:g}",
            "Look at the lamp, the trigger and the exposure.",
        )
    if health.sharpness < limits.blurred:
        raise UnfitImage(
            ReasonCode.BLURRED_IMAGE,
            f"the image's sharpness is {health.sharpness:.4f}, the recipe asks for {limits.blurred:g}",
            "Look at focus, the lens and vibration.",
        )


class Repeats:
    """Counts equal pictures in a row: a camera that gives them is stuck, real pictures have noise."""

    def __init__(self) -> None:
        self._last: Pixels | None = None
        self._count = 0

    def seen(self, pixels: Pixels) -> int:
        """How often this picture has come in a row, 1 for a new one. Keeps a copy of it."""
        if self._last is not None and np.array_equal(self._last, pixels):
            self._count += 1
        else:
            self._last, self._count = pixels.copy(), 1
        return self._count


def grey(pixels: Pixels) -> Pixels:
    """(H, W) of (H, W), (H, W, 1) or (H, W, 3) RGB pixels, same type."""
    if pixels.ndim == 2:
        return pixels
    return pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _centre(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    top, left = max(0, (height - WINDOW) // 2), max(0, (width - WINDOW) // 2)
    return pixels[top : top + WINDOW, left : left + WINDOW]
