"""The labels of an image as contours that lie over it: an SVG of the image's size in any scale."""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from andon.plots.overlay import Mark
from andon.plots.palette import Palette

MAX_OUTLINES = 2000
"""More contours than this of one mark are noise; the largest are drawn."""


def draw_labels(height: int, width: int, marks: Sequence[Mark], palette: Palette) -> str:
    """The contours of ``marks`` in their concepts' hues on a dark halo, the concept as a title of each."""
    shapes = "".join(_mark(mark, palette.hue(mark.place)) for mark in marks if mark.outlines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}">{shapes}</svg>'
    )


def _mark(mark: Mark, hue: str) -> str:
    largest = sorted(mark.outlines, key=len, reverse=True)[:MAX_OUTLINES]
    path = quoteattr(" ".join(_ring(ring) for ring in largest))
    stroke = f'd={path} fill="none" vector-effect="non-scaling-stroke" stroke-linejoin="round"'
    return (
        f"<g><title>{escape(mark.concept)}</title>"
        f'<path {stroke} stroke="#ffffff" stroke-opacity="0.85" stroke-width="4"/>'
        f'<path {stroke} stroke={quoteattr(hue)} stroke-width="2"/></g>'
    )


def _ring(ring: NDArray[np.int32]) -> str:
    points: Iterable[tuple[int, int]] = ((int(x), int(y)) for x, y in ring)
    return "M" + "L".join(f"{x} {y}" for x, y in points) + "Z"
