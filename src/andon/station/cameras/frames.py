"""Frames: what a camera gives for one part, and the port every camera has."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from andon.domain.images import Origin, Shape
from andon.domain.inspections import Decision
from andon.units import Timestamp


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one part.

    Attributes:
        number: the camera's own count, rising; tells pictures of one program run apart.
        at: when it was taken, UTC.
        monotonic: the clock's monotonic seconds when it was complete; the deadline counts from here.
        content: an image file's bytes where ``shape`` is None, else the pixels: rows from the top, RGB
            order, C-contiguous, 16 bit little-endian, ``height * width * channels`` values.
        origin: what the camera or the line knows of the part (serial, lot, part type, extra).
        shape: of raw pixels; None for an encoded file.
        name: file name or other name that people recognise it by; may be empty.
    """

    number: int
    at: Timestamp
    monotonic: float
    content: bytes
    origin: Origin
    shape: Shape | None = None
    name: str = ""


class Camera(Protocol):
    """A source of frames; one file each in ``cameras/``.

    ``frames`` is asked again, after a pause, when it raised ``NetworkError`` or ``OperatorError``; when it
    ends, no more parts come.  It may be closed at any ``yield``.
    """

    def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come; never blocks the loop for more than a millisecond.

        Raises:
            NetworkError, OperatorError: the camera cannot be read now; it is asked again later.
        """
        ...

    def answered(self, frame: Frame, decision: Decision) -> None:
        """The frame's record is durable and its answer is out; called on the loop, must return at once."""
        ...
