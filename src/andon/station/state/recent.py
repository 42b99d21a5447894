"""The last parts with their pictures, in memory: somebody may point at one of them."""

from collections import OrderedDict
from dataclasses import dataclass

from andon.domain.inspections import Inspection
from andon.station.cameras.frames import Frame

MAX_BYTES = 64 * 2**20
MAX_PARTS = 60


@dataclass(frozen=True, slots=True)
class Judged:
    """One part as it was answered, with its picture.

    Attributes:
        outlines: of its first findings, as the inspector told them: x, y, x, y and so on, in pixels.
    """

    inspection: Inspection
    frame: Frame
    outlines: tuple[tuple[int, ...], ...] = ()


class Recent:
    """Parts by inspection, the oldest given up first. Written on the loop only, read from any thread."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._parts: OrderedDict[str, Judged] = OrderedDict()
        self._bytes = 0

    def put(self, part: Judged) -> None:
        """Remember a part."""
        self._parts[part.inspection.id] = part
        self._bytes += len(part.frame.content)
        while len(self._parts) > MAX_PARTS or (self._bytes > self._most and len(self._parts) > 1):
            _, gone = self._parts.popitem(last=False)
            self._bytes -= len(gone.frame.content)

    def find(self, inspection: str) -> Judged | None:
        """The part while it is remembered."""
        return self._parts.get(inspection)
