"""Annotations: what somebody says can be seen, and where. Nothing is overwritten: edits are revisions."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from andon.errors import InvalidInput
from andon.units import Digest, Timestamp


class AnnotationState(StrEnum):
    """Proposed waits for a person; accepted is the truth in force; rejected stays for the record."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class WholeImage:
    """The label holds for the image, its place is not known."""


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned box in pixels, x right, y down, origin at the top left corner of the image.

    Raises:
        InvalidInput: width or height is not positive, or a value is not finite.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        values = (self.x, self.y, self.width, self.height)
        if not all(isfinite(value) for value in values):
            raise InvalidInput("a box holds a value that is not a finite number")
        if self.width <= 0 or self.height <= 0:
            raise InvalidInput(f"a box of {self.width:g} x {self.height:g} pixels has no area")


@dataclass(frozen=True, slots=True)
class Polygon:
    """Closed outline of at least three (x, y) points in pixels; several rings are several polygons."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.points) < 3:
            raise InvalidInput(f"a polygon needs at least 3 points, this one has {len(self.points)}")


@dataclass(frozen=True, slots=True)
class Mask:
    """Pixels that belong to the concept: a one-channel PNG blob (0 or 255) in the image's size."""

    blob: Digest
    area: int


Geometry = WholeImage | Box | Polygon | Mask


@dataclass(frozen=True, slots=True)
class Annotation:
    """One statement about one image.

    Attributes:
        id: stays the same over all revisions.
        revision: 1 for the first; the highest revision is in force.
        concept: concept name, or None for "looked at and found without defect" (accepted clean).
        author: name of the person, model or import that said so.
    """

    id: str
    revision: int
    image: Digest
    concept: str | None
    geometry: Geometry
    state: AnnotationState
    author: str
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Label:
    """What an annotation says, without who and when: the form that data sets and layouts carry."""

    concept: str
    geometry: Geometry = WholeImage()
