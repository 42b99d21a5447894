"""COCO's run lengths: a mask as counts of 0, 1, 0, 1, ... going down the columns, from the top left corner.

Compressed counts are text: each count (from the third on as difference to the one two before) in groups of
five bits, least first, bit 6 says that another group follows; 48 is added to make it printable.
Source: the COCO API, ``common/maskApi.c``.
"""

from dataclasses import dataclass

import numpy as np

from andon.errors import InvalidInput, LimitExceeded
from andon.formats.pixels import DEFAULT_LIMITS, Limits, Mask


@dataclass(frozen=True, slots=True)
class RunLengths:
    """A mask as COCO stores it. ``counts`` alternate between outside and inside, starting outside."""

    height: int
    width: int
    counts: tuple[int, ...]

    def load(self, limits: Limits = DEFAULT_LIMITS) -> Mask:
        """The mask, (H, W).

        Raises:
            LimitExceeded: it claims more pixels than an image may have.
            InvalidInput: the counts do not add up to its size.
        """
        pixels = self.height * self.width
        if pixels > limits.pixels:
            raise LimitExceeded(
                f"a mask claims {self.height} x {self.width} pixels, at most {limits.pixels} are read"
            )
        if min(self.counts, default=0) < 0 or sum(self.counts) != pixels:
            raise InvalidInput(
                f"run lengths of a mask do not add up to {self.height} x {self.width} pixels"
            )
        inside = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(inside, self.counts).reshape(self.width, self.height).T.copy()


def run_lengths_of(mask: Mask) -> RunLengths:
    """The run lengths of a (H, W) mask."""
    height, width = mask.shape
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], changes, [flat.size]))
    counts = np.diff(bounds).tolist()
    return RunLengths(height, width, (0, *counts) if flat.size and flat[0] else tuple(counts))


def compress(counts: tuple[int, ...]) -> str:
    """Counts as COCO's text."""
    text = bytearray()
    for position, count in enumerate(counts):
        value = count - counts[position - 2] if position > 2 else count
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != (-1 if group & 0x10 else 0)
            text.append(group + (0x20 if more else 0) + 48)
    return text.decode("ascii")


def decompress(text: str) -> tuple[int, ...]:
    """Counts from COCO's text.

    Raises:
        InvalidInput: it holds other characters, or ends in the middle of a number.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64 or shift > 60:
            raise InvalidInput("compressed run lengths of a mask are not readable")
        value |= (group & 0x1F) << shift
        shift += 5
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise InvalidInput("compressed run lengths of a mask end in the middle of a number")
    return tuple(counts)
