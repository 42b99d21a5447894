"""Locate: where the part lies in the picture, by a template that every part shows."""

from dataclasses import dataclass

import cv2
import numpy as np

from andon.domain.inspections import ReasonCode
from andon.domain.recipes import Locate
from andon.errors import InvalidInput, UserError
from andon.formats.pixels import decode
from andon.runtime.health import grey
from andon.runtime.pixels import Pixels, UnfitImage
from andon.units import digest_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where the part was found.

    Attributes:
        moved: (x, y) pixels from where it lay when regions were drawn; right and down are positive.
        correlation: normalised, 0..1.
    """

    moved: tuple[int, int]
    correlation: float


class Locator:
    """Looks for one template.

    Args:
        locate: where to look, from the recipe.
        template: the image file that ``locate.template`` names.

    Raises:
        InvalidInput: the file is another one, no image, or of one tone, which is everywhere.
    """

    def __init__(self, locate: Locate, template: bytes) -> None:
        if digest_of(template) != locate.template:
            raise InvalidInput("the template to locate the part by is not the one that the recipe names")
        try:
            self._template = _comparable(decode(template))
        except UserError as cause:
            raise InvalidInput(f"the template to locate the part by: {cause.message}") from cause
        if float(self._template.std()) == 0:
            raise InvalidInput(
                "the template to locate the part by has one tone only", "Draw it around an edge or a mark."
            )
        self._locate = locate

    def find(self, pixels: Pixels) -> Place:
        """Where the part of this picture lies.

        Raises:
            UnfitImage: it is not found, with ``PART_NOT_FOUND``.
        """
        left, top, window = self._window(pixels)
        if any(side < least for side, least in zip(window.shape, self._template.shape, strict=True)):
            raise UnfitImage(
                ReasonCode.PART_NOT_FOUND, "the template's place lies outside of the image", _TODO
            )
        found = cv2.matchTemplate(_comparable(window), self._template, cv2.TM_CCOEFF_NORMED)
        _, best, _, at = cv2.minMaxLoc(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0))
        if best < self._locate.least:
            raise UnfitImage(
                ReasonCode.PART_NOT_FOUND,
                f"part not found: correlation {best:.2f}, the recipe asks for {self._locate.least:g}",
                _TODO,
            )
        return Place((left + at[0] - self._locate.x, top + at[1] - self._locate.y), float(best))

    def _window(self, pixels: Pixels) -> tuple[int, int, Pixels]:
        """The part of the picture to look in, and its left upper corner."""
        where, (height, width) = self._locate, self._template.shape
        left, top = max(0, where.x - where.reach), max(0, where.y - where.reach)
        below, right = where.y + height + where.reach, where.x + width + where.reach
        return left, top, grey(pixels[top:below, left:right])


_TODO = "Look whether the part lies in its place, or give the recipe a larger reach."


def _comparable(pixels: Pixels) -> Pixels:
    """8-bit grey stays; 16-bit becomes float32, the other type that OpenCV compares."""
    plain = grey(pixels)
    return np.ascontiguousarray(plain if plain.dtype == np.uint8 else plain.astype(np.float32))
