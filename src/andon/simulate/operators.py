"""People of a simulated plant: what an operator says of a part, and what an annotator draws on a picture.

They are told what is true; what they are, others see from their answers alone.  Who is wrong about which
part depends on the part and the seed, not on the order in which parts are shown.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.annotations import Label, Polygon
from andon.domain.feedback import Answer
from andon.domain.inspections import Verdict
from andon.errors import InvalidInput
from andon.simulate.line import SimulatedPart

_LEAST_AREA = 2.0
"""Square pixels of an outline that is drawn; a mask's crumbs are not."""

_SMOOTH = 0.7
"""Pixels by which a drawn outline may differ from the mask's edge."""


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """How one simulated person is.

    Attributes:
        mistakes: share of what is said that is the opposite of what is true, 0..1.
        answers: share of the parts shown of which anything is said, 0..1.

    Raises:
        InvalidInput: a share is none.
    """

    mistakes: float = 0.0
    answers: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.mistakes <= 1 or not 0 <= self.answers <= 1 or self.seed < 0:
            raise InvalidInput("mistakes and answers of a simulated person are shares from 0 to 1")


def answer_of(part: str, verdict: Verdict, defective: bool, person: PersonSettings) -> Answer | None:
    """What an operator says of ``part`` (any text that names it); None: nothing.

    Of a part without a decision nobody says more than that they are not sure.
    """
    random = _random(part, person.seed)
    if random.random() >= person.answers:
        return None
    if verdict is Verdict.NO_DECISION:
        return Answer.UNSURE
    seen = defective != (random.random() < person.mistakes)
    if verdict is Verdict.PASS:
        return Answer.MISSED if seen else Answer.CONFIRMED
    return Answer.CONFIRMED if seen else Answer.FALSE_ALARM


def labels_of(
    part: SimulatedPart, concepts: Sequence[str], person: PersonSettings
) -> tuple[Label, ...] | None:
    """What an annotator draws on a part's picture: outlines in its pixels; empty: clean; None: nothing.

    A mistake overlooks everything that is there, or calls a speck of a clean part one of ``concepts``.
    """
    random = _random(part.serial, person.seed)
    if random.random() >= person.answers:
        return None
    if random.random() >= person.mistakes:
        return tuple(
            Label(concept, outline) for concept, mask in part.defects for outline in outlines(mask)
        )
    if part.defects or not concepts:
        return ()
    return (Label(concepts[int(random.integers(len(concepts)))], _speck(part.pixels.shape, random)),)


def outlines(mask: NDArray[np.bool_]) -> tuple[Polygon, ...]:
    """The parts of a mask (H, W) as a person draws them, in pixels, largest first; round a line there is
    a pixel to spare."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = [_outline(contour, mask.shape) for contour in sorted(found, key=cv2.contourArea, reverse=True)]
    large = [outline for area, outline in drawn if area >= _LEAST_AREA]
    return tuple(large or [outline for _, outline in drawn[:1]])


def _outline(contour: NDArray[Any], shape: tuple[int, ...]) -> tuple[float, Polygon]:
    """A contour's area, and how it is drawn."""
    points = cv2.approxPolyDP(contour, _SMOOTH, closed=True).reshape(-1, 2)
    if len(points) < 3 or cv2.contourArea(points) <= 0:
        points = _widened(contour, shape)
    return float(cv2.contourArea(points)), Polygon(tuple((float(x), float(y)) for x, y in points))


def _widened(contour: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Corners around a line, or a point, and its neighbours."""
    line = np.zeros(shape, np.uint8)
    cv2.drawContours(line, [contour], -1, 1, 1)
    wide = cv2.dilate(line, np.ones((3, 3), np.uint8))
    around, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(around[0]).reshape(-1, 2)


def _speck(shape: tuple[int, ...], random: np.random.Generator) -> Polygon:
    height, width = shape[:2]
    side = max(4.0, round(0.03 * min(height, width)))
    x, y = float(random.uniform(0, width - side)), float(random.uniform(0, height - side))
    return Polygon(((x, y), (x + side, y), (x + side, y + side), (x, y + side)))


def _random(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])])
