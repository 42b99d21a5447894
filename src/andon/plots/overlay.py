"""A part's picture with the verdict as word, shape and colour, and the contour of what was found."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.annotations import Box
from andon.domain.inspections import Verdict
from andon.errors import BugError
from andon.plots.palette import Palette

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""

Point = tuple[int, int]
Colour = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_HALO: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Mark:
    """One finding to be drawn.

    Attributes:
        place: the concept's place in the ontology; gives the colour.
        outlines: closed contours, each (N, 2) int pixels (x, y); empty: the finding has no place.
    """

    concept: str
    place: int
    score: float
    outlines: tuple[NDArray[np.int32], ...] = ()


def outlines_of(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], ...]:
    """Outer contours of a mask (H, W), each (N, 2) (x, y)."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return tuple(np.asarray(contour.reshape(-1, 2), dtype=np.int32) for contour in contours)


def outline_of_box(box: Box) -> NDArray[np.int32]:
    """The four corners of a box, (4, 2) (x, y)."""
    left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.asarray(np.round(corners), dtype=np.int32)


def draw_overlay(
    pixels: NDArray[np.generic], marks: Sequence[Mark], verdict: Verdict, palette: Palette
) -> Picture:
    """A new picture of the same height and width; everything drawn scales with it.

    Args:
        pixels: (H, W) or (H, W, 3) RGB, uint8 or uint16.
        marks: in any order; the one with the highest score is named in the bar.
        verdict: shown in the bar along the top, which covers the part's edge there.
        palette: with ``#rrggbb`` colours.

    Raises:
        BugError: the pixels have another form, or a colour is not ``#rrggbb``.
    """
    picture = draw_outlines(pixels, marks, palette)
    _draw_verdict(picture, marks, verdict, _rgb(palette.verdicts[verdict]))
    _draw_labels(picture, marks, palette, min(picture.shape[:2]) / 256)
    return picture


def draw_outlines(pixels: NDArray[np.generic], marks: Sequence[Mark], palette: Palette) -> Picture:
    """The contours of ``marks`` alone, as :func:`draw_overlay` draws them.

    Raises:
        BugError: as :func:`draw_overlay`.
    """
    picture = _as_picture(pixels)
    for mark in marks:
        _draw_contours(picture, mark, _rgb(palette.hue(mark.place)), min(picture.shape[:2]) / 256)
    return picture


def _as_picture(pixels: NDArray[np.generic]) -> Picture:
    if pixels.dtype == np.uint16:
        pixels = (pixels.astype(np.uint32) >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise BugError(f"cannot draw on pixels of shape {pixels.shape} and type {pixels.dtype}")
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2).astype(np.uint8)
    return pixels.astype(np.uint8, copy=True)


def _rgb(colour: str) -> Colour:
    if len(colour) != 7 or not colour.startswith("#"):
        raise BugError(f"colour {colour!r} is not of the form #rrggbb")
    value = int(colour[1:], 16)
    return (value >> 16, value >> 8 & 255, value & 255)


def _draw_contours(picture: Picture, mark: Mark, colour: Colour, scale: float) -> None:
    width = max(1, round(1.5 * scale))
    gap = max(4, round(4 * scale)) + 1
    outlines = [_widened(outline, picture.shape[:2], gap) for outline in mark.outlines]
    for outline in outlines:
        cv2.polylines(picture, outline, True, _HALO, width + max(2, round(1.5 * scale)), cv2.LINE_AA)
    for outline in outlines:
        cv2.polylines(picture, outline, True, _light(colour), width, cv2.LINE_AA)


def _widened(outline: NDArray[np.int32], shape: tuple[int, ...], gap: int) -> list[NDArray[np.int32]]:
    """The outline at a distance, so that the line does not cover the defect it points at."""
    corner = outline.min(axis=0) - gap - 1
    size = np.ptp(outline, axis=0) + 2 * gap + 3
    filled = np.zeros((int(size[1]), int(size[0])), np.uint8)
    cv2.fillPoly(filled, [(outline - corner).astype(np.int32)], 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * gap + 1, 2 * gap + 1))
    contours, _ = cv2.findContours(cv2.dilate(filled, kernel), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    limits = (shape[1] - 1, shape[0] - 1)
    return [np.clip(contour.reshape(-1, 2) + corner, 0, limits).astype(np.int32) for contour in contours]


def _draw_labels(picture: Picture, marks: Sequence[Mark], palette: Palette, scale: float) -> None:
    """Concept and score on a dark plate above each contour, or where it hides no other label."""
    taken: list[_Plate] = []
    for mark in marks:
        if not mark.outlines:
            continue
        text = f"{mark.concept} {mark.score:.2f}"
        size = _fitting(text, max(9, round(9 * scale)), round(0.85 * picture.shape[1]))
        plate = _free_plate(picture, np.concatenate(mark.outlines), _measure(text, size), taken)
        taken.append(plate)
        cv2.rectangle(picture, (plate.left, plate.top), (plate.right, plate.bottom), _HALO, -1)
        at = (plate.left + plate.pad, plate.bottom - plate.pad)
        colour = _light(_rgb(palette.hue(mark.place)))
        cv2.putText(picture, text, at, _FONT, size, colour, _weight(size), cv2.LINE_AA)


@dataclass(frozen=True)
class _Plate:
    """Where a label stands, pixels; ``pad`` is the space around its text."""

    left: int
    top: int
    right: int
    bottom: int
    pad: int

    def hides(self, other: "_Plate") -> bool:
        beside = self.right < other.left or other.right < self.left
        return not (beside or self.bottom < other.top or other.bottom < self.top)


def _free_plate(
    picture: Picture, points: NDArray[np.int32], text: Point, taken: Sequence[_Plate]
) -> _Plate:
    pad = max(3, text[1] // 3)
    width, height = text[0] + 2 * pad, text[1] + 2 * pad
    gap = max(5, round(6 * min(picture.shape[:2]) / 256))
    (left, top), bottom = points.min(axis=0), int(points[:, 1].max())
    left = int(np.clip(left, 2, max(2, picture.shape[1] - width - 2)))
    highest, lowest = _bar_height(picture) + 2, picture.shape[0] - height - 2
    wanted = [int(top) - gap - height, bottom + gap, int(top) - gap - 2 * height, bottom + gap + height]
    inside = [y for y in wanted if highest <= y <= lowest] or [highest]
    plates = [_Plate(left, y, left + width, y + height, pad) for y in inside]
    return next((plate for plate in plates if not any(plate.hides(other) for other in taken)), plates[0])


def _draw_verdict(picture: Picture, marks: Sequence[Mark], verdict: Verdict, colour: Colour) -> None:
    """A bar along the top and a frame, in the state's colour; word and shape on the left, score right."""
    height = _bar_height(picture)
    frame = max(2, height // 9)
    cv2.rectangle(picture, (0, 0), (picture.shape[1] - 1, picture.shape[0] - 1), colour, 2 * frame)
    cv2.rectangle(picture, (0, 0), (picture.shape[1] - 1, height), colour, -1)
    middle = (height * 2 // 3, height // 2)
    _draw_shape(picture, verdict, middle, height // 4)
    left = height * 5 // 4
    size = _fitting(verdict.value, height * 6 // 11, picture.shape[1] - left)
    baseline = (height + _measure(verdict.value, size)[1]) // 2
    cv2.putText(picture, verdict.value, (left, baseline), _FONT, size, _WHITE, _weight(size), cv2.LINE_AA)
    if marks:
        _draw_score(picture, marks, left + _measure(verdict.value, size)[0], height)


def _draw_score(picture: Picture, marks: Sequence[Mark], taken: int, height: int) -> None:
    """The worst finding's concept and score, where there is room for them."""
    worst = max(marks, key=lambda mark: mark.score)
    room = picture.shape[1] - taken - height
    for text in (f"{worst.concept} {worst.score:.2f}", f"{worst.score:.2f}"):
        size = _fitting(text, height * 5 // 11, picture.shape[1])
        width, tall = _measure(text, size)
        if width <= room:
            at = (picture.shape[1] - width - height // 3, (height + tall) // 2)
            cv2.putText(picture, text, at, _FONT, size, _WHITE, _weight(size), cv2.LINE_AA)
            return


def _draw_shape(picture: Picture, verdict: Verdict, middle: Point, reach: int) -> None:
    """Check, cross, question mark or bar."""
    x, y = middle
    width = max(2, reach // 2)
    strokes: dict[Verdict, list[list[Point]]] = {
        Verdict.PASS: [
            [(x - reach, y), (x - reach // 3, y + reach * 2 // 3), (x + reach, y - reach * 2 // 3)]
        ],
        Verdict.REJECT: [
            [(x - reach, y - reach), (x + reach, y + reach)],
            [(x - reach, y + reach), (x + reach, y - reach)],
        ],
        Verdict.REVIEW: [
            [
                (x - reach * 2 // 3, y - reach * 2 // 3),
                (x, y - reach),
                (x + reach * 2 // 3, y - reach // 2),
            ],
            [(x + reach * 2 // 3, y - reach // 2), (x, y), (x, y + reach // 3)],
            [(x, y + reach), (x, y + reach)],
        ],
        Verdict.NO_DECISION: [[(x - reach, y), (x + reach, y)]],
    }
    for stroke in strokes[verdict]:
        cv2.polylines(picture, [np.array(stroke, np.int32)], False, _WHITE, width, cv2.LINE_AA)


def _bar_height(picture: Picture) -> int:
    return int(max(22, round(0.075 * min(picture.shape[:2]))))


def _fitting(text: str, height: int, room: int) -> float:
    """Font scale for letters ``height`` pixels tall, or less where the text exceeds ``room``."""
    width, tall = _measure(text, 1.0)
    return min(height / max(tall, 1), room / max(width, 1))


def _measure(text: str, size: float) -> Point:
    (width, height), _ = cv2.getTextSize(text, _FONT, size, _weight(size))
    return int(width), int(height)


def _weight(size: float) -> int:
    return max(1, round(1.6 * size))


def _light(colour: Colour) -> Colour:
    """The same hue, bright enough to stand on a dark halo."""
    red, green, blue = (round(part + (255 - part) * 0.45) for part in colour)
    return (red, green, blue)
