"""The camera: light, focus, dust on the glass, noise and dead pixels, the same for part and clean twin."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.simulate.scene import Plane, scaled, subpixel
from andon.simulate.settings import DisturbanceKind
from andon.simulate.textures import Textures, window

_NOISE = 0.010
_USUAL_DUST = 1.6
"""Specks and fibres per part on a line that is well kept; harmless, never labelled."""

Levels = Mapping[DisturbanceKind, float]
"""Size of each disturbance at the moment of the picture; see :class:`DisturbanceKind` for units."""


def taken(
    pixels: NDArray[np.float32], textures: Textures, random: np.random.Generator, levels: Levels
) -> NDArray[np.uint8]:
    """The picture, (H, W, 3) uint8, of a surface (H, W, 3) float32 0..1.

    Without a FOCUS disturbance every pixel depends on the same pixel of the surface only.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    lit = pixels * _light(random, shape, levels.get(DisturbanceKind.LIGHT, 0.0))
    _add_dust(lit, random, levels.get(DisturbanceKind.DUST, 0.0))
    sigma = levels.get(DisturbanceKind.FOCUS, 0.0) * min(shape)
    if sigma > 0:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), sigma))
    return np.asarray(cv2.add(lit, _noise(textures, random, shape), dtype=cv2.CV_8U), dtype=np.uint8)


def kill_pixels(picture: NDArray[np.uint8], seed: int, share: float) -> None:
    """Set the sensor's dead pixels in place: the same ones on every picture, more as ``share`` grows."""
    if share <= 0:
        return
    count = picture.shape[0] * picture.shape[1]
    order = np.random.default_rng([seed, 3]).permutation(count)[: round(count * min(share, 1.0))]
    flat = picture.reshape(count, -1)
    flat[order] = np.where(order % 2 == 0, 255, 0).astype(np.uint8)[:, None]


def _light(random: np.random.Generator, shape: tuple[int, int], change: float) -> NDArray[np.float32]:
    """Factor (H, W, 3) that turns 0..1 into 0..255 under this light."""
    gain = 255 * (1 + random.uniform(-0.04, 0.04)) * max(0.0, 1 + change)
    slope_x, slope_y = 255 * random.uniform(-0.05, 0.05, 2)
    columns = np.linspace(-slope_x, slope_x, shape[1], dtype=np.float32)
    rows = np.linspace(-slope_y, slope_y, shape[0], dtype=np.float32)[:, None]
    field = (np.float32(gain) + columns) + rows
    return np.asarray(cv2.merge([field, field, field]))


def _add_dust(picture: NDArray[np.float32], random: np.random.Generator, more: float) -> None:
    """Lay specks over a picture (H, W, 3) float32 0..255, in place."""
    height, width = picture.shape[:2]
    reach = max(8, round(8 * min(height, width) / 256))
    for _ in range(int(random.poisson(_USUAL_DUST + max(0.0, more)))):
        x, y = (int(value) for value in random.integers(0, (width, height)))
        left, top = max(0, x - reach), max(0, y - reach)
        view = picture[top : y + reach, left : x + reach]
        cover = _speck(view.shape[:2], np.array([x - left, y - top]), reach / 8, random)
        tone = 255 * float(random.choice([0.08, 0.92]))
        view += (tone - view) * cover[..., None] * np.float32(random.uniform(0.3, 0.8))


def _speck(
    shape: tuple[int, ...], at: NDArray[np.int64], detail: float, random: np.random.Generator
) -> Plane:
    """Coverage 0..1 of a round grain, or one time in three of a curled fibre."""
    drawn = np.zeros(shape, np.uint8)
    if random.random() < 2 / 3:
        size = max(8, round(random.uniform(0.6, 1.7) * detail * 16))
        cv2.circle(drawn, subpixel(at).tolist(), size, 255, -1, cv2.LINE_AA, 4)
        return scaled(drawn)
    angles = random.uniform(0, 2 * np.pi) + np.linspace(0, random.uniform(2.0, 5.0), 9)
    radius = random.uniform(2.0, 5.0) * detail
    path = at + radius * np.stack([np.cos(angles), np.sin(angles) * random.uniform(0.5, 1)], axis=1)
    cv2.polylines(drawn, [subpixel(path)], False, 170, max(1, round(0.7 * detail)), cv2.LINE_AA, 4)
    return scaled(drawn)


def _noise(textures: Textures, random: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Sensor noise (H, W, 3) in grey levels, its own in each channel."""
    planes = []
    for _ in range(3):
        x, y = (int(value) for value in random.integers(0, textures.side, 2))
        planes.append(window(textures.grain("sensor", 0.0, 0.0), (x, y), shape))
    return np.asarray(cv2.merge(planes)) * np.float32(255 * _NOISE)
