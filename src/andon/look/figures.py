"""What reports show: numbers with their doubt, facts, charts and pictures. Frozen, ready to be rendered."""

import base64
from dataclasses import dataclass

from andon.domain.models import Interval
from andon.errors import BugError

FEW = 30
"""Below this count a rate says little, and the page says so."""

_PICTURE_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


@dataclass(frozen=True)
class Figure:
    """A number in 0..1 with its doubt.

    Attributes:
        other_names: what others call it, shown on hover.
        low, high: bounds at ``confidence``; None where no interval was computed.
        n: how many parts it stands on. count: of these, how many were counted; None for what is no rate.
    """

    name: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    count: int | None = None
    confidence: float = 0.95
    other_names: str = ""

    @property
    def few(self) -> bool:
        """Whether it stands on too little."""
        return self.n < FEW


def figure_of(name: str, interval: Interval, other_names: str = "") -> Figure:
    """A counted rate."""
    return Figure(
        name,
        interval.rate,
        interval.of,
        interval.low,
        interval.high,
        interval.count,
        interval.confidence,
        other_names,
    )


@dataclass(frozen=True)
class Fact:
    """A name and its value; ``exact`` values (digests, paths) are set in a fixed-width face."""

    name: str
    value: str
    exact: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart as an ``svg`` element that this program drew; ``description`` says it in words.

    Raises:
        BugError: the text is no svg element, or holds more than a drawing.
    """

    title: str
    svg: str
    description: str

    def __post_init__(self) -> None:
        lowered = self.svg.lower()
        forbidden = ("<script", "<foreignobject", "<iframe", "javascript:", "href=")
        if not lowered.startswith("<svg") or any(word in lowered for word in forbidden):
            raise BugError(f"the chart {self.title!r} is not a plain drawing")


@dataclass(frozen=True)
class Picture:
    """A part: the picture with what was found, and beside it the original; encoded PNG, JPEG or WebP."""

    title: str
    caption: str
    overlay: bytes
    original: bytes | None = None


def data_uri(encoded: bytes) -> str:
    """The picture inside the page.

    Raises:
        BugError: it is neither PNG nor JPEG nor WebP.
    """
    for start, kind in _PICTURE_KINDS.items():
        if encoded.startswith(start):
            return f"data:{kind};base64,{base64.b64encode(encoded).decode()}"
    raise BugError("a picture for a report is neither PNG nor JPEG nor WebP")
