"""Changes that training images go through: geometry moves image and masks, light and focus the image."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.runs import Augmentation
from andon.training.samples import Pixels

Float = NDArray[np.float32]

LARGEST_ZOOM = 2.0
"""A crop centred on a defect shows it at most this much larger."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image in network size, with the places of its defects.

    Attributes:
        image: (H, W, C), uint8 or uint16.
        masks: concept -> (H, W) uint8: 255 where the pixel lies wholly in it, else the share.

    """

    image: Pixels
    masks: Mapping[str, NDArray[np.uint8]]


def augment(picture: Picture, changes: Augmentation, crop: str | None, rng: np.random.Generator) -> Picture:
    """A changed copy of ``picture``, cropped around a defect of concept ``crop`` (None: not cropped)."""
    matrix = geometry(picture.image.shape[:2], changes, rng)
    if crop is not None and picture.masks[crop].any():
        matrix = _zoom(matrix, picture.masks[crop], rng) @ matrix
    moved = move(picture, matrix)
    return Picture(relight(moved.image, changes, rng), moved.masks)


def geometry(size: tuple[int, ...], changes: Augmentation, rng: np.random.Generator) -> Float:
    """A 3 x 3 matrix from old to new positions (x, y, 1) in pixels, for an image of ``size`` (H, W)."""
    scale = np.array([size[1], size[0]], np.float64)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    targets = (corners + rng.uniform(-0.5, 0.5, (4, 2)) * changes.perspective) * scale
    targets = targets @ _turn(np.deg2rad(rng.uniform(-1, 1) * changes.rotation))
    targets += rng.uniform(-1, 1, 2) * changes.shift * scale
    flips = rng.random(2) < 0.5
    targets[:, 0] *= -1 if changes.flip_horizontal and flips[0] else 1
    targets[:, 1] *= -1 if changes.flip_vertical and flips[1] else 1
    middle = scale / 2 - 0.5
    found = cv2.getPerspectiveTransform(
        (corners * scale + middle).astype(np.float32), (targets + middle).astype(np.float32)
    )
    return found.astype(np.float32)


def move(picture: Picture, matrix: Float) -> Picture:
    """Image and masks under one matrix. What comes in from outside is mirrored, in both alike."""
    height, width = picture.image.shape[:2]

    def warped(pixels: Pixels) -> Pixels:
        done = cv2.warpPerspective(
            pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        found: Pixels = np.asarray(done, pixels.dtype).reshape(pixels.shape)
        return found

    masks = {concept: warped(mask).astype(np.uint8) for concept, mask in picture.masks.items()}
    return Picture(warped(picture.image), masks)


def relight(image: Pixels, changes: Augmentation, rng: np.random.Generator) -> Pixels:
    """Uneven light multiplied and added, contrast, gain, blur, noise, in the range of the type."""
    full = float(np.iinfo(image.dtype).max)
    value: Float = image.astype(np.float32) / full
    value = value * (1 + changes.light_multiply * _field(image.shape, rng))
    value = value + changes.light_add * _field(image.shape, rng)
    middle = value.mean()
    value = (value - middle) * np.float32(1 + changes.contrast * rng.uniform(-1, 1)) + middle
    value = value * np.float32(1 + changes.gain * rng.uniform(-1, 1))
    sigma = changes.blur * rng.random()
    if sigma > 0.2:
        value = np.asarray(cv2.GaussianBlur(value, (0, 0), sigma), np.float32).reshape(image.shape)
    if changes.noise:
        strength = np.float32(changes.noise * rng.random())
        value = value + rng.standard_normal(value.shape, np.float32) * strength
    done: Pixels = np.rint(np.clip(value, 0, 1) * full).astype(image.dtype)
    return done


def _field(shape: tuple[int, ...], rng: np.random.Generator) -> Float:
    """A smooth random field (H, W, 1) in [-1, 1]: lamps differ over the part, not from pixel to pixel."""
    coarse = rng.uniform(-1, 1, (3, 3)).astype(np.float32)
    fine = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine, np.float32)[..., None]


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _zoom(matrix: Float, mask: NDArray[np.uint8], rng: np.random.Generator) -> Float:
    """Enlarges a window that holds a random defect pixel and stays inside the image."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    chosen = int(rng.integers(len(rows)))
    point = matrix @ np.array([columns[chosen], rows[chosen], 1], np.float32)
    zoom = rng.uniform(1.0, LARGEST_ZOOM)
    sides = np.array([width, height])
    corner = point[:2] / point[2] - rng.uniform(0.25, 0.75, 2) * sides / zoom
    left, top = np.clip(corner, 0, sides - sides / zoom)
    return np.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom], [0, 0, 1]], np.float32)
