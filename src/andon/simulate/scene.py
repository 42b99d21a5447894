"""What a material draws on: the part's pose under the camera, its random streams, its lot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.simulate.textures import Textures, turned_window, window

_SUBPIXEL_BITS = 4

_SLOPE = 0.6 * np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) + 0.8 * np.array(
    [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
)
"""Sobel derivative along (0.6, 0.8)."""

Plane = NDArray[np.float32]
"""(H, W) float32."""

Tint = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Where the part lies: a shift, a turn and a size.

    The part's own frame has its origin in its middle, x right, y down; 1 unit is half of the picture's
    shorter side.

    Attributes:
        centre: (x, y) pixels. turn: radians, clockwise. scale: pixels per unit.
    """

    centre: tuple[float, float]
    turn: float
    scale: float

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) pixel coordinates of points given in the part's frame."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        turned = points @ np.array([[cos, sin], [-sin, cos]])
        return np.asarray(turned * self.scale + np.asarray(self.centre))

    def matrix(self) -> NDArray[np.float64]:
        """(2, 3) affine map from the part's frame to pixels."""
        cos, sin = np.cos(self.turn) * self.scale, np.sin(self.turn) * self.scale
        return np.array([[cos, -sin, self.centre[0]], [sin, cos, self.centre[1]]])


@dataclass(frozen=True)
class Lot:
    """What the parts of one lot share. ``tone`` and ``mix`` are in -1..1, ``roughness`` is around 1."""

    number: int
    tone: float
    mix: float
    roughness: float
    hue: float


@dataclass(frozen=True)
class Scene:
    """One part to be drawn: (H, W) ``shape``, pose, random stream, lot and the line's textures."""

    shape: tuple[int, int]
    pose: Pose
    random: np.random.Generator
    lot: Lot
    textures: Textures

    @property
    def detail(self) -> float:
        """Size of the picture compared to 256 pixels; widths of lines and threads scale with it."""
        return min(self.shape) / 256

    @property
    def reach(self) -> float:
        """Units of the part's frame from its middle to beyond any corner of the picture."""
        return 1.7 * max(self.shape) / min(self.shape)

    @cached_property
    def coordinates(self) -> tuple[Plane, Plane]:
        """The part's frame (x, y) at every pixel; two (H, W) planes."""
        cos, sin = np.cos(self.pose.turn) / self.pose.scale, np.sin(self.pose.turn) / self.pose.scale
        columns = np.arange(self.shape[1], dtype=np.float32) - np.float32(self.pose.centre[0])
        rows = np.arange(self.shape[0], dtype=np.float32)[:, None] - np.float32(self.pose.centre[1])
        along = np.float32(cos) * columns + np.float32(sin) * rows
        across = np.float32(cos) * rows - np.float32(sin) * columns
        return along, across

    def polygon(self, points: Sequence[tuple[float, float]]) -> Plane:
        """Coverage 0..1 of a polygon given in the part's frame, edges smoothed."""
        return self.polygons(np.asarray(points, dtype=np.float64)[None])

    def polygons(self, outlines: NDArray[np.float64]) -> Plane:
        """Coverage 0..1 of polygons (N, points, 2) in the part's frame; even-odd where they overlap."""
        drawn = np.zeros(self.shape, np.uint8)
        points = subpixel(self.pose.pixels(outlines.reshape(-1, 2))).reshape(outlines.shape)
        cv2.fillPoly(drawn, list(points), 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return scaled(drawn)

    def discs(self, discs: Sequence[tuple[float, float, float]]) -> Plane:
        """Coverage 0..1 of discs given as (x, y, radius) in the part's frame."""
        drawn = np.zeros(self.shape, np.uint8)
        centres = subpixel(self.pose.pixels(np.array([(x, y) for x, y, _ in discs])))
        for centre, (_, _, radius) in zip(centres, discs, strict=True):
            size = max(1, round(radius * self.pose.scale * (1 << _SUBPIXEL_BITS)))
            cv2.circle(drawn, centre.tolist(), size, 255, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
        return scaled(drawn)

    def grain(self, name: str, length_x: float, length_y: float) -> Plane:
        """A fresh place of a texture, turned with the part; see :meth:`Textures.grain`."""
        return self._window(self.textures.grain(name, length_x, length_y))

    def lot_texture(self, name: str, make: Callable[[Textures, Lot], Plane]) -> Plane:
        """A fresh place of the lot's texture, turned with the part.

        ``make`` draws it, (side, side), when the lot is new; it must not use ``Lot.roughness``, which
        may change within a lot.
        """
        return self._window(
            self.textures.of_lot(name, self.lot.number, lambda: make(self.textures, self.lot))
        )

    def ground(self, name: str, length_x: float, length_y: float) -> Plane:
        """A fresh place of a texture that does not turn with the part: what lies under it."""
        x, y = (int(value) for value in self.random.integers(0, self.textures.side, 2))
        return window(self.textures.grain(name, length_x, length_y), (x, y), self.shape)

    def _window(self, texture: Plane) -> Plane:
        x, y = self.random.uniform(0, texture.shape[0], 2)
        return turned_window(texture, (float(x), float(y)), self.shape, self.pose.turn)

    def between(self, low: float, high: float) -> float:
        """A random number of this part."""
        return float(self.random.uniform(low, high))


@dataclass(frozen=True)
class Surface:
    """A part as drawn, before the camera.

    Attributes:
        pixels: (H, W, 3) float32, 0..1, RGB.
        body: (H, W) bool, where a defect may lie.
        turn: radians, clockwise, of the material's grain.
        bare: the same part without its print, and None for parts that are not printed.
    """

    pixels: NDArray[np.float32]
    body: NDArray[np.bool_]
    turn: float
    bare: NDArray[np.float32] | None = None


def subpixel(points: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.int32]:
    """Pixel coordinates as the fixed-point numbers that drawing with smoothed edges takes."""
    return np.asarray(np.round(points * (1 << _SUBPIXEL_BITS)), dtype=np.int32)


def scaled(drawn: NDArray[np.uint8]) -> Plane:
    """0..255 as 0..1."""
    return drawn.astype(np.float32) / np.float32(255)


def mixed(below: Plane, above: Plane, coverage: Plane) -> Plane:
    """``above`` laid over ``below`` where ``coverage`` (0..1) says so."""
    return below + (above - below) * coverage


def relief(height: Plane, softness: float, strength: float) -> Plane:
    """Shading of a height field lit from the upper left: positive on slopes that face the light."""
    size = 2 * round(2 * softness) + 1
    smooth = cv2.GaussianBlur(height, (size, size), softness)
    return np.asarray(cv2.filter2D(smooth, cv2.CV_32F, _SLOPE * strength))


def tinted(luma: Plane, tint: Tint) -> NDArray[np.float32]:
    """A grey plane as (H, W, 3), multiplied by a colour."""
    return np.asarray(cv2.merge([luma * np.float32(part) for part in tint]))


def ring_of_discs(count: int, radius: float, size: float) -> list[tuple[float, float, float]]:
    """``count`` discs of ``size`` evenly on a circle, the first on the right; for :meth:`Scene.discs`."""
    angles = 2 * np.pi * np.arange(count) / count
    return [(float(radius * np.cos(a)), float(radius * np.sin(a)), size) for a in angles]


@lru_cache
def rounded_rectangle(half_x: float, half_y: float, corner: float) -> tuple[tuple[float, float], ...]:
    """Outline around the origin with round corners; for :meth:`Scene.polygon`."""
    points: list[tuple[float, float]] = []
    for quarter, (sign_x, sign_y) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        for angle in np.pi / 2 * (quarter + np.linspace(0, 1, 7)):
            x = sign_x * (half_x - corner) + corner * float(np.cos(angle))
            y = sign_y * (half_y - corner) + corner * float(np.sin(angle))
            points.append((x, y))
    return tuple(points)
