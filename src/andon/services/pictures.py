"""Pictures for people: a part with what was found on it, small enough for a page."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.inspections import Verdict
from andon.formats.pixels import Pixels, encode_png
from andon.look.sheets import Theme, colours
from andon.plots.overlay import Mark, draw_overlay
from andon.plots.palette import palette_from
from andon.runtime.findings import Region

THUMBNAIL = 360
"""Longest side of a picture inside a report, pixels."""

Picture = NDArray[np.uint8]


def overlay(
    pixels: Pixels, regions: Sequence[Region], verdict: Verdict, concepts: Sequence[str]
) -> Picture:
    """The image with contours of ``regions`` and the verdict, (H, W, 3) RGB.

    ``concepts`` are in the order of the model's outputs; a concept's place gives its hue.
    """
    return draw_overlay(pixels, marks_of(regions, concepts), verdict, palette_from(colours(Theme.LIGHT)))


def marks_of(regions: Sequence[Region], concepts: Sequence[str]) -> tuple[Mark, ...]:
    """``regions`` as they are drawn; ``concepts`` as for :func:`overlay`."""
    return tuple(
        Mark(
            concept=region.finding.concept,
            place=list(concepts).index(region.finding.concept),
            score=region.finding.score,
            outlines=() if region.outline is None else (np.round(region.outline).astype(np.int32),),
        )
        for region in regions
    )


def thumbnail(pixels: Pixels) -> bytes:
    """A PNG whose longer side is at most ``THUMBNAIL`` pixels; 16-bit images are shown with 8."""
    return encode_png(shrunk(pixels, THUMBNAIL))


def shrunk(pixels: Pixels, side: int) -> Picture:
    """The picture with 8 bits a channel, its longer side at most ``side`` pixels."""
    shown: Picture = (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8)
    height, width = shown.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        shown = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return shown
