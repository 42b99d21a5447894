"""Inspections: what a model pointed at on a part, and what was decided. Stored rows can be judged anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.annotations import Box
from andon.domain.images import Origin, Shape
from andon.units import Digest, Timestamp

MAX_FINDINGS = 50
"""Findings of one concept that are kept for an image; the last one stands for all beyond."""


class Verdict(StrEnum):
    """NO_DECISION is an answer too: outputs treat it as REJECT."""

    PASS = "PASS"
    REVIEW = "REVIEW"
    REJECT = "REJECT"
    NO_DECISION = "NO-DECISION"


class ReasonCode(StrEnum):
    """Why a verdict is not PASS."""

    DEFECT = "defect"
    MINOR_DEFECT = "minor-defect"
    UNCERTAIN = "uncertain"
    BAD_IMAGE = "bad-image"
    WRONG_SIZE = "wrong-size"
    WRONG_PIXELS = "wrong-pixels"
    MODEL_FAILED = "model-failed"
    NO_MODEL = "no-model"
    LATE = "late"
    NOT_RECORDED = "not-recorded"
    NOT_ANSWERED = "not-answered"
    NO_IMAGE = "no-image"
    STUCK_IMAGE = "stuck-image"
    DARK_IMAGE = "dark-image"
    BRIGHT_IMAGE = "bright-image"
    BLURRED_IMAGE = "blurred-image"
    PART_NOT_FOUND = "part-not-found"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; ``concept`` is None where the cause is not something seen on the part."""

    code: ReasonCode
    concept: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A region a model points at, in pixels of the original image; ``box`` None means the whole image.

    Attributes:
        score: 0..1; the highest finding score of a concept is the image's score for it.
        area: pixels in the region. length: longer side of the smallest rotated rectangle around it.
    """

    concept: str
    score: float
    box: Box | None
    area: float
    length: float
    centroid: tuple[float, float]

    def corners(self) -> tuple[tuple[float, float], ...]:
        """The box's corners, clockwise from top left; empty for the whole image."""
        if self.box is None:
            return ()
        x, y, w, h = self.box.x, self.box.y, self.box.width, self.box.height
        return ((x, y), (x + w, y), (x + w, y + h), (x, y + h))


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reasons, worst first within each concept."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()


class Kept(StrEnum):
    """What became of an image's bytes on the station that took it. A record is sent when it is known."""

    KEPT = "kept"
    LOST = "lost"
    NOT_KEPT = "not-kept"


@dataclass(frozen=True, slots=True)
class Capture:
    """Where a station's inspection comes from, and what became of its image.

    Attributes:
        sequence: the station's own count of parts, from 1 without a gap; order within a station.
        origin: as the camera or the line stated it; ``station`` and ``line`` always are.
        shape: None where there was no image.
        kept: whether the station has the image's bytes; ``blob`` is what they are known by.
        size: bytes of that file, 0 where there is none.
        thumbnail: blob of a small picture, which images that are not kept have too.
        audit: probability with which a PASS was picked for a person to look at; 0 where it was not.
        health: what was measured on the image, e.g. ``{"brightness": 0.41, "sharpness": 0.2}``.
        stages: milliseconds of each step from frame to verdict.
        program: version of the station's program. machine: instruction set the engine used.
    """

    station: str
    sequence: int
    origin: Origin
    shape: Shape | None
    kept: Kept
    blob: Digest | None = None
    size: int = 0
    thumbnail: Digest | None = None
    audit: float = 0.0
    health: Mapping[str, float] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)
    program: str = ""
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The record of one part's image.

    Attributes:
        id: UUIDv7; also the idempotency key of the record.
        scores: image-level score of every concept, also of those without a finding.
        recipe, recipe_version, package: empty, 0 and empty where a station had no model to judge with.
        milliseconds: from image bytes (on a station: from the frame) to verdict.
        variant: engine and precision that ran, as ``engine/precision``.
        capture: of a station's part; None for images that were inspected from a folder.
    """

    id: str
    at: Timestamp
    part: str
    image: Digest | None
    name: str
    recipe: str
    recipe_version: int
    package: Digest
    variant: str
    decision: Decision
    findings: tuple[Finding, ...]
    scores: Mapping[str, float]
    milliseconds: float
    job: str | None = None
    capture: Capture | None = None


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a second model says of a part that was already answered; nobody on the line hears it.

    Attributes:
        inspection: the record of the part, judged by what really runs.
        recipe, recipe_version, package, variant: what judged beside it.
    """

    inspection: str
    recipe: str
    recipe_version: int
    package: Digest
    variant: str
    decision: Decision
    findings: tuple[Finding, ...]
    scores: Mapping[str, float]
    milliseconds: float
    at: Timestamp
