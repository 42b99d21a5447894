"""Inspections: what a model pointed at on a part, and what was decided. Stored rows can be judged anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from andon.domain.annotations import Box
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


@dataclass(frozen=True, slots=True)
class Inspection:
    """The record of one part's image.

    Attributes:
        id: UUIDv7; also the idempotency key of the record.
        scores: image-level score of every concept, also of those without a finding.
        milliseconds: from image bytes to verdict.
        variant: engine and precision that ran, as ``engine/precision``.
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
