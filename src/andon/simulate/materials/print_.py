"""A printed carton: a logo, type, a bar code and a lot number on white board."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.simulate.scene import (
    Lot,
    Plane,
    Scene,
    Surface,
    Tint,
    mixed,
    relief,
    rounded_rectangle,
    tinted,
)
from andon.simulate.textures import Textures

PART_TYPE = "CARTON-P"
DEFECTS: tuple[str, ...] = ("missing print", "scratch", "stain")

_HALF_X, _HALF_Y = 0.88, 0.74
_MASTER = 768
"""Pixels per two units of the printing master."""

_BOARD: Tint = (1.0, 0.99, 0.96)
_INK: Tint = (0.10, 0.10, 0.13)
_BRANDS: tuple[Tint, ...] = ((0.07, 0.33, 0.60), (0.62, 0.10, 0.13), (0.05, 0.42, 0.33))


def draw(scene: Scene) -> Surface:
    """Draw a carton's face; ``bare`` of the result is its board without ink."""
    face = scene.polygon(rounded_rectangle(_HALF_X, _HALF_Y, 0.05))
    board = _board(scene) + relief(face, 1.2 * scene.detail, 0.05)
    belt = 0.3 + 0.012 * scene.ground("belt", 3, 1)
    luma = mixed(belt, board, face)
    black, colour = _ink(scene)
    brand = _BRANDS[scene.lot.number // 4 % len(_BRANDS)]
    pixels = _printed(luma, (colour * face, brand), (black * face, _INK))
    safe = scene.polygon(rounded_rectangle(_HALF_X - 0.03, _HALF_Y - 0.03, 0.04))
    return Surface(pixels, safe > 0.99, scene.pose.turn, tinted(luma, _BOARD))


def _board(scene: Scene) -> Plane:
    tone = 0.80 + 0.04 * scene.lot.tone + scene.between(-0.02, 0.02)
    fibres = scene.lot_texture("board", _fibres) * np.float32(scene.lot.roughness)
    return tone + fibres + 0.014 * scene.grain("clouds", 50, 50)


def _fibres(textures: Textures, lot: Lot) -> Plane:
    mix = 0.012 + 0.004 * lot.mix
    return mix * textures.grain("fibres", 3.5, 0.8) + 0.012 * textures.grain("cross", 0.8, 2.5)


def _ink(scene: Scene) -> tuple[Plane, Plane]:
    """Coverage 0..1 of the black and the coloured ink; density varies from part to part."""
    size = min(scene.shape)
    plates = _plates(f"LOT {scene.lot.number:05d}", size, round(3 * scene.lot.hue))
    matrix = scene.pose.matrix()
    matrix[:, 2] -= matrix.sum(axis=1) - matrix[:, 2]
    matrix[:, :2] *= 2 / size
    density = (0.93 + 0.05 * scene.lot.mix) / 255 + 0.03 / 255 * scene.grain("density", 9, 9)
    black, colour = cv2.split(cv2.warpAffine(plates, matrix, scene.shape[::-1]))
    return black * density, colour * density


def _printed(luma: Plane, *inks: tuple[Plane, Tint]) -> NDArray[np.float32]:
    """Board of a brightness under inks of (coverage, colour), as (H, W, 3)."""
    planes = []
    for channel, tint in enumerate(_BOARD):
        plane = luma * np.float32(tint)
        for coverage, colour in inks:
            plane = plane * (1 - coverage * np.float32(1 - colour[channel]))
        planes.append(plane)
    return np.asarray(cv2.merge(planes))


@lru_cache(maxsize=16)
def _plates(lot: str, size: int, register: int) -> NDArray[np.uint8]:
    """The black and the coloured plate, (size, size, 2) uint8, 255 where ink goes.

    ``register`` is by how many pixels of the master the coloured plate lies off in this lot.
    """
    black, colour = _masters(lot)
    colour = np.roll(colour, (register, -register), axis=(0, 1))
    resized = cv2.resize(np.stack([black, colour], axis=2), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


@lru_cache(maxsize=16)
def _masters(lot: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The plates at (_MASTER, _MASTER)."""
    black = np.zeros((_MASTER, _MASTER), np.uint8)
    colour = np.zeros((_MASTER, _MASTER), np.uint8)
    _draw_logo(colour)
    cv2.rectangle(colour, (66, 560), (702, 640), 255, -1)
    _write(black, "HELIX 24V", (320, 210), 2.3, 6)
    _write(black, "Solenoid valve", (322, 262), 1.25, 3)
    _write(black, "DN 15   PN 16   IP 65", (322, 312), 1.0, 2)
    cv2.line(black, (322, 338), (694, 338), 255, 3)
    _draw_bar_code(black, (322, 372), 96)
    _write(black, lot, (72, 516), 1.3, 3)
    _write(black, "MADE FOR LINE 2", (322, 516), 1.0, 2)
    cv2.rectangle(colour, (86, 590), (440, 610), 0, -1)
    return black, colour


def _draw_logo(plate: NDArray[np.uint8]) -> None:
    centre = (186, 296)
    cv2.circle(plate, centre, 118, 255, -1, cv2.LINE_AA)
    for size in (84, 52, 20):
        arrow = np.array([(-size, size), (0, -size // 3), (size, size), (0, size // 3)]) + centre
        cv2.fillPoly(plate, [arrow.astype(np.int32)], 0 if size != 52 else 255, cv2.LINE_AA)


def _draw_bar_code(plate: NDArray[np.uint8], corner: tuple[int, int], height: int) -> None:
    x = corner[0]
    for place, digit in enumerate("3142718281828459045235360287471352662"):
        width = 2 + 3 * (int(digit) % 3)
        if place % 2 == 0:
            cv2.rectangle(plate, (x, corner[1]), (x + width, corner[1] + height), 255, -1)
        x += width + 3


def _write(plate: NDArray[np.uint8], text: str, at: tuple[int, int], size: float, weight: int) -> None:
    cv2.putText(plate, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, weight, cv2.LINE_AA)
