"""Tileable random textures, made once per line and sampled for every part."""

import zlib
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDES = (540, 1080, 2160)
"""Not powers of two: rows that far apart would push each other out of the processor's cache."""

_LOTS_KEPT = 8
PROFILE_LENGTH = 8192


class Textures:
    """Cache of textures that follow from a seed alone, so the order of asking does not matter.

    All are float32 with mean 0 and standard deviation 1, and repeat without a seam in both directions.

    Attributes:
        side: textures are (side, side); parts take their window from somewhere in it.
    """

    def __init__(self, seed: int, largest_picture_side: int) -> None:
        self.side = next((side for side in _SIDES if side > 1.7 * largest_picture_side), _SIDES[-1])
        self._seed = seed
        self._made: dict[tuple[str, float, float], NDArray[np.float32]] = {}
        self._of_lots: dict[tuple[str, int], NDArray[np.float32]] = {}

    def grain(self, name: str, length_x: float, length_y: float) -> NDArray[np.float32]:
        """Gaussian noise, correlated over ``length_x`` and ``length_y`` pixels."""
        key = (name, length_x, length_y)
        if key not in self._made:
            self._made[key] = _grain(self._generator(key), self.side, length_x, length_y)
        return self._made[key]

    def profile(self, name: str, length: float) -> NDArray[np.float32]:
        """Noise along a line, correlated over ``length`` samples; (PROFILE_LENGTH,)."""
        key = (name, length, 0.0)
        if key not in self._made:
            noise = self._generator(key).standard_normal(PROFILE_LENGTH)
            spectrum = np.fft.rfft(noise) * _low_pass(np.fft.rfftfreq(PROFILE_LENGTH), length)
            self._made[key] = _standardised(np.fft.irfft(spectrum, PROFILE_LENGTH))
        return self._made[key]

    def of_lot(self, name: str, lot: int, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """A texture that all parts of a lot share; equal names and lots must ``make`` equal ones."""
        key = (name, lot)
        if key not in self._of_lots:
            while len(self._of_lots) >= _LOTS_KEPT:
                del self._of_lots[next(iter(self._of_lots))]
            self._of_lots[key] = make()
        return self._of_lots[key]

    def _generator(self, key: tuple[str, float, float]) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(repr(key).encode())])


def window(
    texture: NDArray[np.float32], offset: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """(H, W) ``shape`` of a repeating texture where (x, y) ``offset`` says; a view where it fits."""
    room_y, room_x = texture.shape[0] - shape[0] + 1, texture.shape[1] - shape[1] + 1
    if room_y > 0 and room_x > 0:
        x, y = offset[0] % room_x, offset[1] % room_y
        return texture[y : y + shape[0], x : x + shape[1]]
    rows = np.take(texture, np.arange(offset[1], offset[1] + shape[0]), axis=0, mode="wrap")
    return np.asarray(np.take(rows, np.arange(offset[0], offset[0] + shape[1]), axis=1, mode="wrap"))


def turned_window(
    texture: NDArray[np.float32], offset: tuple[float, float], shape: tuple[int, int], turn: float
) -> NDArray[np.float32]:
    """Part of a repeating texture, one texture pixel to one image pixel.

    Args:
        texture: (side, side), or (side, side, C) for several that stay together.
        offset: (x, y), any numbers, that choose the place in the texture.
        shape: (H, W) of the result.
        turn: radians by which the texture is turned clockwise in the image.
    """
    height, width = shape
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0]])
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)]) @ matrix[:, :2].T
    room = np.array(texture.shape[1::-1]) - np.ptp(corners, axis=0) - 2
    # Away from the seam sampling takes a third of the time.
    fits = bool((room > 0).all())
    matrix[:, 2] = np.mod(offset, room) - corners.min(axis=0) + 1 if fits else offset
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(texture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP)
    )


def _grain(
    generator: np.random.Generator, side: int, length_x: float, length_y: float
) -> NDArray[np.float32]:
    noise = generator.standard_normal((side, side), dtype=np.float32)
    rows = _low_pass(np.fft.fftfreq(side), length_y)
    columns = _low_pass(np.fft.rfftfreq(side), length_x)
    spectrum = np.fft.rfft2(noise) * rows[:, None] * columns[None, :]
    return _standardised(np.fft.irfft2(spectrum, (side, side)))


def _low_pass(frequency: NDArray[np.floating], length: float) -> NDArray[np.floating]:
    return np.asarray(np.exp(-0.5 * (2 * np.pi * frequency * length) ** 2))


def _standardised(values: NDArray[np.floating]) -> NDArray[np.float32]:
    centred = values - values.mean()
    return np.asarray(centred / centred.std(), dtype=np.float32)
