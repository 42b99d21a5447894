"""Models as they are shipped: the manifest of a package, its variants and what was measured on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from andon.domain.runs import Family
from andon.units import Digest

MANIFEST_FORMAT = 2
"""Newest version of the manifest's layout; a reader refuses a higher one."""

IMPORTED = "imported"
"""Said in place of a family where another program trained the model."""

FIRST_FAMILIES = frozenset({Family.UNET, Family.SEGMENT, Family.CLASSIFY})
"""Those that readers of the first format know; their packages go on being written in it."""

ANOMALY = "anomaly"
"""The one output of a family that learns from clean images alone: anything they do not show."""


def format_of(family: Family | None) -> int:
    """The format that a package of ``family`` states; None: it was trained elsewhere."""
    return 1 if family in FIRST_FAMILIES else 2


class Engine(StrEnum):
    """Programs that execute a graph."""

    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Arithmetic of a variant; always given to the engine explicitly."""

    F32 = "f32"
    BF16 = "bf16"


@dataclass(frozen=True, slots=True, order=True)
class Variant:
    """One way to execute a package."""

    engine: Engine
    precision: Precision

    def __str__(self) -> str:
        return f"{self.engine}/{self.precision}"


class Resize(StrEnum):
    """How an image is brought to the network's input size. AREA averages (OpenCV INTER_AREA when
    shrinking, bilinear when growing); both stretch, so aspect ratio is not kept."""

    AREA = "area"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the graph takes, and what images it may be given.

    The graph's only input is ``image``: (N, height, width, channels), uint8 for 8-bit and uint16 for
    16-bit models, colour in RGB order; scaling and normalisation are inside the graph.

    Attributes:
        source_sizes: (height, width) pairs seen in training when there were at most
            ``MAX_SOURCE_SIZES``; images of other sizes are refused. Empty: sizes varied, any is taken.
    """

    height: int
    width: int
    channels: int
    bit_depth: int
    resize: Resize = Resize.AREA
    source_sizes: tuple[tuple[int, int], ...] = ()


MAX_SOURCE_SIZES = 4


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What the graph gives.

    ``scores``: (N, len(concepts)) float32 in [0, 1], image-level, one per concept in order.
    ``maps`` (segment families only): (N, len(concepts), height / map_stride, width / map_stride) float32
    in [0, 1], the probability that a pixel belongs to the concept.
    ``features`` (when above 0): (N, features) float32, any range: what the encoder makes of the image, to
    compare images by.

    Attributes:
        map_level: probability from which a pixel belongs to a finding's region.
        score_floor: findings with a lower score are not kept; no cut can be set below it.
    """

    concepts: tuple[str, ...]
    maps: bool
    map_stride: int = 1
    map_level: float = 0.5
    score_floor: float = 0.02
    features: int = 0


@dataclass(frozen=True, slots=True)
class ForeignOrigin:
    """Where a model that another program trained came from.

    Attributes:
        file: name of the ONNX file that was imported. digest: of its bytes.
        learned_from: what it learned from, in the words of whoever imported it. Nothing checks that.
    """

    file: str
    digest: Digest
    learned_from: str

    @property
    def caveat(self) -> str:
        """What a reader of its figures must know, in a sentence or two."""
        return (
            f"Trained elsewhere, imported from {self.file}. What it learned from is the word of whoever "
            f'imported it ("{self.learned_from}"), and so is that it never saw the parts it is measured '
            "on: neither was checked."
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """States all that is needed to use a package. Its digest covers this and the graph, no times.

    Attributes:
        family: None where another program trained the model; ``origin`` then says more.
        snapshot: it learned from that one; an imported model was measured on it, no more is known.
        settings_digest: of the run's settings; of the import's manifest where it was imported.
        encoder: timm name; empty for the families that have none.
        files: relative path -> SHA-256 of every file the digest covers (graph and golden images).
        golden: file name of each golden image -> scores in concept order it must reproduce.
        format: as :func:`format_of` says.
    """

    name: str
    family: Family | None
    encoder: str
    input: InputSpec
    output: OutputSpec
    snapshot: Digest
    settings_digest: Digest
    seed: int
    code_version: str
    files: Mapping[str, Digest]
    golden: Mapping[str, tuple[float, ...]]
    format: int = 1
    origin: ForeignOrigin | None = None

    @property
    def kind(self) -> str:
        """The family in a word, ``imported`` for a model from elsewhere."""
        return IMPORTED if self.family is None else str(self.family)


@dataclass(frozen=True, slots=True)
class Parity:
    """How far one variant is from the trained model, over named images.

    Attributes:
        largest_gap: largest absolute difference of any image-level score.
        largest_map_gap: same for map pixels; 0 without maps.
        largest_feature_gap: largest difference of an image's features, as a share of their length; told,
            not judged: features rank pictures, they decide on no part.
        flips: names of the images whose verdict at the reference cut changed.
        worst: name of the image with the largest gap of a score; empty where there is none.
        failure: why the variant gave no scores at all; empty where it did.
    """

    variant: Variant
    images: int
    largest_gap: float
    largest_map_gap: float
    flips: tuple[str, ...]
    tolerance: float
    largest_feature_gap: float = 0.0
    worst: str = ""
    failure: str = ""

    @property
    def passed(self) -> bool:
        """It ran, within tolerance, and no verdict flipped."""
        compared = self.images > 0 and not self.failure
        return compared and self.largest_gap <= self.tolerance and not self.flips

    @property
    def reason(self) -> str:
        """Why it did not pass, in words; empty where it did."""
        if self.passed or self.failure:
            return self.failure
        if self.flips:
            return (
                f"the verdict flips on {len(self.flips)} of {self.images} images, such as {self.flips[0]}"
            )
        return f"it differs by {self.largest_gap:.2g} on {self.worst or 'some image'}"


@dataclass(frozen=True, slots=True)
class Cuts:
    """Two cuts on one concept's score: below ``review`` PASS, from ``reject`` on REJECT, between REVIEW."""

    review: float
    reject: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A rate with its doubt: ``count`` of ``of`` parts, and the bounds at ``confidence``."""

    count: int
    of: int
    low: float
    high: float
    confidence: float = 0.95

    @property
    def rate(self) -> float:
        """Point estimate; 0 where there is nothing to count."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Costs:
    """What each outcome costs, in one currency, and how often a part on the line is defective (0..1)."""

    escape: float
    overkill: float
    review: float
    defect_rate: float


@dataclass(frozen=True, slots=True)
class Package:
    """A package as recorded: where it came from, and the variants that passed parity."""

    digest: Digest
    manifest: Manifest
    run: str | None
    parity: tuple[Parity, ...]
