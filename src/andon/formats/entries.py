"""What a data set layout says about each image, before anything is decoded or stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from andon.domain.annotations import Box, Polygon, WholeImage
from andon.domain.datasets import Split
from andon.errors import InvalidInput
from andon.formats.pixels import DEFAULT_LIMITS, MASK_CUT, Limits, Mask, read_mask
from andon.formats.run_lengths import RunLengths

CLEAN_WORDS = frozenset({"good", "ok", "normal", "free", "clean", "pass", "defect free", "no defect"})
"""Folder, file and label names that mean "looked at and found without defect"."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a layout.

    Attributes:
        clean: names that mean clean; compared without case, with ``-`` and ``_`` as spaces.
        defect: concept of images that are only called bad (NG, anomaly, defective, ...).
        masks: folder of the masks, relative to the root, where it cannot be told from its name.
        mask_cut: grey values above it (of 255; scaled for 16 bit) are mask; of palettes all but 0.
        manifest: name of the CSV or JSON file to read, where there are several.
    """

    clean: frozenset[str] = CLEAN_WORDS
    defect: str = "defect"
    masks: str | None = None
    mask_cut: int = MASK_CUT
    manifest: str | None = None


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A mask in a file of its own.

    Attributes:
        empty_is_clean: an empty mask says "clean"; otherwise the label then holds for the whole image.
    """

    path: Path
    cut: int = MASK_CUT
    empty_is_clean: bool = False

    def load(self, limits: Limits = DEFAULT_LIMITS) -> Mask:
        """The mask, (H, W).

        Raises:
            InvalidInput: the file is missing or unreadable. LimitExceeded: it is too large.
        """
        try:
            content = self.path.read_bytes()
        except OSError as cause:
            raise InvalidInput(f"mask {self.path.name}: {cause.strerror}") from cause
        return read_mask(content, self.cut, limits)


Place = WholeImage | Box | Polygon | MaskFile | RunLengths


@dataclass(frozen=True, slots=True)
class EntryLabel:
    """A concept and where it is; masks are loaded when needed."""

    concept: str
    place: Place = WholeImage()


@dataclass(frozen=True, slots=True)
class Entry:
    """One image file of a layout.

    Attributes:
        name: path below the root, with forward slashes.
        clean: the layout says it shows no defect; then there are no labels.
        split: what the layout says it is for; None where it says nothing.
        size: (height, width) where the layout states it.
        metadata: any keys (serial, lot, part_type, ...), text values.

    An entry without labels that is not clean is unlabelled.
    """

    path: Path
    name: str
    labels: tuple[EntryLabel, ...] = ()
    clean: bool = False
    split: Split | None = None
    size: tuple[int, int] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not imported, and why."""

    name: str
    reason: str
