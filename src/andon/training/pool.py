"""The images of a run in network size: decoded and resized once, kept up to a stated number of bytes."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.models import MAX_SOURCE_SIZES, InputSpec
from andon.domain.runs import TrainSettings
from andon.errors import InvalidInput
from andon.runtime.pixels import fit
from andon.training.augment import Picture
from andon.training.samples import Mask, Pixels, Sample

CACHE_BYTES = 2 * 1024**3
"""Beyond this many bytes of resized pixels, images are decoded again each time they are drawn."""


class Pool:
    """Pictures by the position of their sample."""

    def __init__(
        self, samples: Sequence[Sample], settings: TrainSettings, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.samples = samples
        self._left = cache_bytes
        self._kept: dict[int, Picture] = {}
        channels, bits = _kind(samples[0], samples[0].read())
        self.spec = InputSpec(settings.height, settings.width, channels, bits)

    def fill(self) -> InputSpec:
        """Read every sample once.

        Returns:
            what the network takes, with the sizes seen.

        Raises:
            InvalidInput: samples differ in bit depth or in being grey or colour, or a mask does not fit.

        """
        sizes = {self._read(index) for index in range(len(self.samples))}
        return replace(
            self.spec, source_sizes=tuple(sorted(sizes)) if len(sizes) <= MAX_SOURCE_SIZES else ()
        )

    def __getitem__(self, index: int) -> Picture:
        return self._kept.get(index) or picture_of(self.samples[index], self._pixels(index), self.spec)

    def _read(self, index: int) -> tuple[int, int]:
        pixels = self._pixels(index)
        picture = picture_of(self.samples[index], pixels, self.spec)
        size = picture.image.nbytes + sum(mask.nbytes for mask in picture.masks.values())
        if size <= self._left:
            self._left -= size
            self._kept[index] = picture
        return pixels.shape[0], pixels.shape[1]

    def _pixels(self, index: int) -> Pixels:
        sample = self.samples[index]
        pixels = sample.read()
        channels, bits = _kind(sample, pixels)
        if (channels, bits) != (self.spec.channels, self.spec.bit_depth):
            raise InvalidInput(
                f"{sample.name} has {channels} channel(s) of {bits} bits, "
                f"{self.samples[0].name} has {self.spec.channels} of {self.spec.bit_depth}",
                "Bring the images to one form, or train on one kind of them.",
            )
        return pixels


def picture_of(sample: Sample, pixels: Pixels, spec: InputSpec) -> Picture:
    """Bring pixels (H, W) or (H, W, C) and masks to network size; of a mask stays the share of each pixel.

    Raises:
        InvalidInput: a mask has another size than its image.

    """
    masks = {}
    if sample.has_map:
        for concept in sorted(sample.masks):
            masks[concept] = _covered(sample, concept, pixels.shape[:2], spec)
    return Picture(fit(pixels if pixels.ndim == 3 else pixels[..., None], spec), masks)


def _covered(sample: Sample, concept: str, size: tuple[int, ...], spec: InputSpec) -> NDArray[np.uint8]:
    mask: Mask = sample.masks[concept]()
    if mask.shape != size:
        raise InvalidInput(
            f"{sample.name}: the mask of {concept!r} is {mask.shape[0]} x {mask.shape[1]}, "
            f"the image {size[0]} x {size[1]} pixels"
        )
    shrinking = size[0] >= spec.height and size[1] >= spec.width
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    resized = cv2.resize(mask.astype(np.uint8) * 255, (spec.width, spec.height), interpolation=how)
    return np.asarray(resized, np.uint8)


def _kind(sample: Sample, pixels: Pixels) -> tuple[int, int]:
    bits = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16}.get(pixels.dtype)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if bits is None or pixels.ndim not in {2, 3} or channels not in {1, 3}:
        raise InvalidInput(
            f"{sample.name}: pixels of shape {pixels.shape} and type {pixels.dtype} cannot be learnt"
        )
    return channels, bits
