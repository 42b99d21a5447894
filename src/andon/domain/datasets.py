"""Data sets: a named query and a split rule; frozen, they become a snapshot with a digest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.annotations import Label
from andon.domain.images import ImageFilter, Shape
from andon.domain.ontologies import Concept
from andon.errors import InvalidInput
from andon.units import Digest

MAX_NAME_LENGTH = 100


class Split(StrEnum):
    """The four disjoint groups of parts, by what each may be used for.

    TRAIN fits the weights, STOP chooses the checkpoint, CALIBRATION chooses the cuts, TEST gives the
    metrics and the bound on escapes and chooses nothing.
    """

    TRAIN = "train"
    STOP = "stop"
    CALIBRATION = "calibration"
    TEST = "test"


DEFAULT_FRACTIONS: Mapping[Split, float] = {
    Split.TRAIN: 0.55,
    Split.STOP: 0.10,
    Split.CALIBRATION: 0.15,
    Split.TEST: 0.20,
}


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How parts are dealt to the four groups.

    Attributes:
        group_by: metadata key whose equal values must stay together (serial, lot, tile, ...); None uses
            the serial number, and the image itself where there is none.
        fractions: share of each group; must sum to 1.
        fixed: image name -> split, from a split file. When the file knows only train and test, its
            train images are dealt to TRAIN, STOP and CALIBRATION by ``fractions``; images it does not
            name are left out.
        split_by: metadata key whose values name the split of each image, instead of a file; layouts that
            have a split of their own keep it under "split".
        seed: same seed, same split.
        like: digest of an earlier snapshot, or the beginning of it: its groups stay where they were, and
            only new ones are dealt, so that a model that goes on learning is never measured on what it
            has learned from. Without effect where ``fixed`` or ``split_by`` say what is for what.

    Raises:
        InvalidInput: fractions are negative or do not sum to 1.
    """

    group_by: str | None = None
    fractions: Mapping[Split, float] = field(default_factory=lambda: dict(DEFAULT_FRACTIONS))
    fixed: Mapping[str, Split] = field(default_factory=dict)
    split_by: str | None = None
    seed: int = 0
    like: str | None = None

    def __post_init__(self) -> None:
        total = sum(self.fractions.values())
        if not (all(share >= 0 for share in self.fractions.values()) and abs(total - 1) <= 1e-6):
            raise InvalidInput(f"split fractions sum to {total:g}", "Give four shares that sum to 1.")


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A data set before it is frozen.

    Raises:
        InvalidInput: the name is empty, too long, or cannot be printed.
    """

    name: str
    query: ImageFilter = ImageFilter()
    rule: SplitRule = SplitRule()

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME_LENGTH or not self.name.isprintable():
            raise InvalidInput(
                f"data set name {self.name[:40]!r} is not usable",
                f"Use 1 to {MAX_NAME_LENGTH} printable characters.",
            )


@dataclass(frozen=True, slots=True)
class SnapshotItem:
    """One image of a snapshot, with the labels in force when it was frozen.

    Attributes:
        part: key of the physical part (see ``domain.parts.part_key``); rates count these.
        group: key that kept images together when splitting; the part, or coarser (a lot, a tile).
        labels: accepted defects and other concepts; empty means accepted clean.
        regression: a model judged it wrongly on a line, and a person said so; training draws such images
            more often (``TrainSettings.regression``).
    """

    image: Digest
    blob: Digest
    name: str
    shape: Shape
    part: str
    group: str
    split: Split
    labels: tuple[Label, ...] = ()
    regression: bool = False

    def concepts(self) -> frozenset[str]:
        """Names of the concepts on this image."""
        return frozenset(label.concept for label in self.labels)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen data set, known by the SHA-256 of its manifest blob; items are sorted by image digest."""

    digest: Digest
    dataset: str
    concepts: tuple[Concept, ...]
    items: tuple[SnapshotItem, ...]

    def of(self, split: Split) -> tuple[SnapshotItem, ...]:
        """The items of one group, in snapshot order."""
        return tuple(item for item in self.items if item.split is split)


@dataclass(frozen=True, slots=True)
class Leak:
    """Pictures that are the same to the last pixel and would stand in more than one group."""

    image: Digest
    names: tuple[str, ...]
