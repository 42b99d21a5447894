"""What training learns from: images with masks and labels, and the rules they must meet together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.domain.datasets import Split
from andon.domain.runs import Family
from andon.errors import InvalidInput, NotPossible

Pixels = NDArray[np.unsignedinteger[Any]]
"""uint8 or uint16, (H, W) grey or (H, W, 3) RGB, full range of the type."""

Mask = NDArray[np.bool_]
"""(H, W), True where the pixel belongs to the concept."""


FEWEST_CLEAN = 5
"""A patch memory is made of these; with fewer nothing is known of how clean images differ."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image to learn from or to be measured on.

    Attributes:
        name: unique within the snapshot, e.g. the image digest.
        part: key of the physical part; six photos of one part count once in sampling.
        read: gives the pixels; called again whenever the cache does not hold them.
        labels: concepts on the image; empty means looked at and found clean, which is a label too.
        masks: concept -> reader of its mask, in the size of the image.
        located: whether ``masks`` show every label completely. Where not (a label without a place) the
            image teaches only the image-level head.
        regression: a model judged it wrongly on a line.

    """

    name: str
    part: str
    split: Split
    read: Callable[[], Pixels]
    labels: frozenset[str] = frozenset()
    masks: Mapping[str, Callable[[], Mask]] = field(default_factory=dict)
    located: bool = True
    regression: bool = False

    @property
    def has_map(self) -> bool:
        """Whether the place of everything on it is known (a clean image: nowhere)."""
        return not self.labels or (self.located and set(self.masks) == self.labels)


def of_split(samples: Sequence[Sample], split: Split) -> tuple[Sample, ...]:
    """The samples of one group, in order of name, so that the order given does not matter."""
    return tuple(sorted((s for s in samples if s.split is split), key=lambda s: s.name))


def check(samples: Sequence[Sample], concepts: Sequence[str], family: Family) -> None:
    """Refuse what cannot be learnt from.

    Raises:
        InvalidInput: names repeat, or a label or mask names no concept.
        NotPossible: no concept, no training image, no defect, or no clean image and one concept only
            (there is nothing to tell apart), or no mask for a family that learns from masks alone; for a
            patch memory only that there are fewer than ``FEWEST_CLEAN`` clean images.

    """
    _check_names(samples, concepts)
    train = of_split(samples, Split.TRAIN)
    if not concepts:
        raise NotPossible("there is no concept to learn", "Label at least one image with a defect.")
    if not train:
        raise NotPossible("the training group holds no image", "Import more images, or change the split.")
    defects = [sample for sample in train if sample.labels]
    if family is Family.PATCHES:
        _check_clean(len(train) - len(defects), concepts)
        return
    if not defects:
        raise NotPossible(
            "the training group shows no defect", "Label some images with defects, then freeze again."
        )
    if len({sample.labels for sample in train}) == 1 and not _segments(family, defects):
        only = ", ".join(sorted(train[0].labels))
        raise NotPossible(
            f"every training image is labelled {only!r}", "Add clean images, then freeze again."
        )
    if family is Family.UNET and not any(sample.has_map for sample in defects):
        raise NotPossible("no training image has a mask", "Draw masks, or train `segment` or `classify`.")


def fingerprint(samples: Sequence[Sample], concepts: Sequence[str]) -> str:
    """SHA-256 of what the samples are (names, parts, groups, labels), not of their pixels."""
    digest = sha256(repr(tuple(concepts)).encode())
    for sample in sorted(samples, key=lambda s: s.name):
        row = (
            sample.name,
            sample.part,
            str(sample.split),
            sorted(sample.labels),
            sorted(sample.masks),
            sample.has_map,
        )
        digest.update(repr((*row, "regression") if sample.regression else row).encode())
    return digest.hexdigest()


def _check_clean(clean: int, concepts: Sequence[str]) -> None:
    if len(concepts) > 1:
        raise NotPossible(f"a patch memory has one output, and is asked for {len(concepts)}")
    if clean < FEWEST_CLEAN:
        raise NotPossible(
            f"the training group holds {clean} clean images, a patch memory needs {FEWEST_CLEAN}",
            "Add clean images, then freeze again.",
        )


def _segments(family: Family, defects: Sequence[Sample]) -> bool:
    """Masks have a background: with them one class of image is enough."""
    return family is not Family.CLASSIFY and any(sample.has_map for sample in defects)


def _check_names(samples: Sequence[Sample], concepts: Sequence[str]) -> None:
    if len({sample.name for sample in samples}) != len(samples):
        raise InvalidInput("two samples have the same name")
    if len(set(concepts)) != len(concepts):
        raise InvalidInput("two concepts have the same name")
    known = set(concepts)
    for sample in samples:
        strange = (sample.labels | set(sample.masks)) - known
        if strange:
            raise InvalidInput(f"{sample.name}: label {min(strange)!r} is not among the concepts to learn")
