"""How a defect changes a surface: only inside its mask, and only on the part."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.simulate.scene import Plane, Surface, Tint, scaled, subpixel

FAINTEST = 0.2
"""Coverage below which a defect's soft edge is cut off, so that the mask holds only what can be seen."""

_MARGIN = 4


@dataclass(frozen=True)
class Change:
    """``pixels`` (H, W, 3) float32 differ from the surface only where ``mask`` (H, W) bool is set."""

    pixels: NDArray[np.float32]
    mask: NDArray[np.bool_]


def changed(surface: Surface, coverage: Plane, delta: Tint) -> Change:
    """Add ``delta`` (per channel, at full coverage) where ``coverage`` is not faint and on the part."""
    mask = (coverage > FAINTEST) & surface.body
    weight = np.where(mask, coverage, np.float32(0))
    added = cv2.merge([weight * np.float32(part) for part in delta])
    return Change(surface.pixels + added, mask)


def place(surface: Surface, random: np.random.Generator, allowed: NDArray[np.bool_]) -> tuple[int, int]:
    """A random pixel (x, y) of ``allowed``, away from its border where that is possible."""
    kernel = np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)
    inner = cv2.erode(allowed.astype(np.uint8), kernel)
    candidates = np.flatnonzero(inner)
    if not candidates.size:
        candidates = np.flatnonzero(allowed)
    row, column = divmod(int(random.choice(candidates)), surface.body.shape[1])
    return column, row


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    """Random size between two bounds; small ones are as frequent as on a real line, not as large ones."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def brightness(surface: Surface, at: tuple[int, int], radius: float) -> float:
    """Mean of the surface around a pixel (x, y), 0..1."""
    x, y = at
    reach = max(1, round(radius))
    patch = surface.pixels[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    return float(patch.mean())


def ribbon(shape: tuple[int, ...], path: NDArray[np.float64], widths: NDArray[np.float64]) -> Plane:
    """Coverage 0..1 of a line through (N, 2) pixel points, ``widths`` (N,) pixels wide at each of them."""
    along = np.gradient(path, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    side = normal * widths[:, None] / 2
    outline = np.concatenate([path + side, (path - side)[::-1]])
    drawn = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(drawn, [subpixel(outline)], 255, cv2.LINE_AA, 4)
    return scaled(drawn)


def blob(shape: tuple[int, ...], random: np.random.Generator, at: tuple[int, int], radius: float) -> Plane:
    """Coverage of a ragged patch: 1 in the middle, falling to 0 at about ``radius`` pixels from ``at``."""
    rows = (np.arange(shape[0], dtype=np.float32)[:, None] - at[1]) / np.float32(radius)
    columns = (np.arange(shape[1], dtype=np.float32) - at[0]) / np.float32(radius)
    turn, squeeze = random.uniform(0, np.pi), random.uniform(0.55, 1.0)
    across = (columns * np.float32(np.cos(turn)) + rows * np.float32(np.sin(turn))) / np.float32(squeeze)
    along = rows * np.float32(np.cos(turn)) - columns * np.float32(np.sin(turn))
    distance = np.hypot(along, across)
    cells = random.standard_normal((10, 10)).astype(np.float32)
    size = max(2, round(radius * 5))
    patch = np.asarray(cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    noise = np.zeros(shape[:2], np.float32)
    _paste(noise, patch, (at[0] - size // 2, at[1] - size // 2))
    ragged = distance + 0.22 * noise * np.minimum(distance * 2, 1)
    return np.asarray(np.clip((1 - ragged) * 3.0, 0, 1), dtype=np.float32)


def _paste(target: Plane, patch: Plane, corner: tuple[int, int]) -> None:
    x, y = corner
    left, top = max(0, x), max(0, y)
    right, bottom = min(target.shape[1], x + patch.shape[1]), min(target.shape[0], y + patch.shape[0])
    target[top:bottom, left:right] = patch[top - y : bottom - y, left - x : right - x]
