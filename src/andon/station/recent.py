"""Pictures of the last parts, in memory: somebody may point at one of them before anything else knows it."""

from collections import OrderedDict

from andon.station.frames import Frame

MAX_BYTES = 64 * 2**20
MAX_FRAMES = 60


class Recent:
    """Frames by inspection, the oldest given up first. Written on the loop only, read from any thread."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._frames: OrderedDict[str, Frame] = OrderedDict()
        self._bytes = 0

    def put(self, inspection: str, frame: Frame) -> None:
        """Remember a part's picture."""
        self._frames[inspection] = frame
        self._bytes += len(frame.content)
        while len(self._frames) > MAX_FRAMES or (self._bytes > self._most and len(self._frames) > 1):
            _, gone = self._frames.popitem(last=False)
            self._bytes -= len(gone.content)

    def find(self, inspection: str) -> Frame | None:
        """The picture while it is remembered."""
        return self._frames.get(inspection)
