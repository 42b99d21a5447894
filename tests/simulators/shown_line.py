"""A station's page over a line that does what a test tells it: real spool, real pictures, no inspector."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import cv2

from andon.blobs.folder import FolderBlobs
from andon.domain.annotations import Box
from andon.domain.feedback import Queue, Review
from andon.domain.images import Origin, Shape
from andon.domain.inspections import (
    Capture,
    Decision,
    Finding,
    Inspection,
    Kept,
    Reason,
    ReasonCode,
    Verdict,
)
from andon.domain.models import Cuts
from andon.domain.recipes import Recipe
from andon.domain.serial import from_json
from andon.domain.stations import Assignment, KeepPolicy
from andon.errors import AndonError
from andon.formats.pixels import encode_png
from andon.simulate.line import Line, SimulatedPart
from andon.simulate.settings import LineSettings
from andon.station.cameras.frames import Frame
from andon.station.running.clock import system_clock
from andon.station.running.loops import Thread
from andon.station.spool.keeping import REJECT_WORTH
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.records import Spool
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Case, Raised, Value
from andon.station.state.line import LineState
from andon.station.state.recent import Judged
from andon.station.web.desk import Stock
from andon.station.web.open import PageSettings, open_page
from andon.units import Digest, Timestamp, digest_of

T = TypeVar("T")
PATIENCE = 30.0
PACKAGE = Digest("a3f9" + "0" * 60)
QUEUES = {Verdict.REJECT: Queue.REJECT, Verdict.REVIEW: Queue.REVIEW}
CODES = {Verdict.REJECT: ReasonCode.DEFECT, Verdict.REVIEW: ReasonCode.UNCERTAIN}


class ShownLine:
    """Parts come when :meth:`part` is called; everything else is the station's own code."""

    def __init__(self, folder: Path, settings: LineSettings, page: PageSettings) -> None:
        self.clock = system_clock()
        self.line = Line(settings)
        self.state = LineState("st-04", "line-2", "test", self.clock.now())
        self.state.camera = self.state.output = "ok"
        self.state.disk_free = 123_400_000_000
        self.state.assignment, self.state.variant = _assignment(), "onnxruntime/fp32"
        self.spool = SpoolThread(Spool(folder / "spool.db"), Thread("spool"))
        self.blobs = FolderBlobs(folder / "images")
        self.server = open_page(page, Stock(self.spool, self.blobs), self.state, self.clock)
        self.address = self.server.address
        self.index = 0

    async def part(self, verdict: Verdict, queue: Queue | None = None) -> Inspection:
        """One part passes, and the station says ``verdict`` of it."""
        drawn = await asyncio.to_thread(self._drawn, verdict)
        inspection = await self.spool.call(self.spool.spool.record, self._inspection(drawn, verdict))
        pixels, now = drawn.pixels.tobytes(), self.clock.monotonic()
        frame = Frame(self.index, inspection.at, now, pixels, Origin(), _shape(drawn))
        outlines = tuple(_outline(mask) for _, mask in drawn.defects)
        self.state.judged(Judged(inspection, frame, outlines), self.clock.monotonic())
        queue = queue or QUEUES.get(verdict)
        blobs: Sequence[StoredBlob] = ()
        if queue is not None:
            inspection, blobs = await asyncio.to_thread(self._kept, inspection, drawn)
        await self.spool.call(self.spool.spool.settle, inspection, blobs, queue)
        self.state.settle(inspection, inspection)
        self.state.spool, self.state.held, _ = await self.spool.call(self.spool.spool.counts)
        return inspection

    async def reviews(self) -> list[Review]:
        """What people said, as it waits for the hub."""
        import json

        waiting = await self.spool.call(self.spool.spool.waiting, 500)
        return [from_json(Review, json.loads(body)) for _, body in waiting.reviews]

    async def alarm(self, case: Case, message: str, values: Mapping[str, Value] | None = None) -> None:
        """Something is wrong from now on."""
        self.state.raise_alarm(Raised(case, message, "see the page", self.clock.now(), values or {}))

    def _drawn(self, verdict: Verdict) -> SimulatedPart:
        """The next part that has a defect, or has none."""
        while True:
            drawn = self.line.part(self.index)
            self.index += 1
            if bool(drawn.defects) is (verdict in CODES):
                return drawn

    def _inspection(self, drawn: SimulatedPart, verdict: Verdict) -> Inspection:
        findings = tuple(_finding(concept, mask) for concept, mask in drawn.defects)
        code = CODES.get(verdict, ReasonCode.DARK_IMAGE)
        concepts = [concept for concept, _ in drawn.defects] or [None]
        reasons = tuple(Reason(code, concept, "score 0.930, cut 0.500") for concept in concepts)
        capture = Capture("st-04", 0, Origin(serial=drawn.serial), _shape(drawn), Kept.NOT_KEPT)
        capture = replace(capture, stages={"engine": 3.1})
        return Inspection(
            id=self.clock.new_id(),
            at=self.clock.now(),
            part=drawn.serial,
            image=None,
            name=drawn.serial,
            recipe="brushed",
            recipe_version=12,
            package=PACKAGE,
            variant="onnxruntime/fp32",
            decision=Decision(verdict, () if verdict is Verdict.PASS else reasons),
            findings=findings,
            scores={"scratch": 0.1, **{finding.concept: finding.score for finding in findings}},
            milliseconds=9.4,
            capture=capture,
        )

    def _kept(
        self, inspection: Inspection, drawn: SimulatedPart
    ) -> tuple[Inspection, tuple[StoredBlob, ...]]:
        content = encode_png(drawn.pixels)
        digest = self.blobs.put(content)
        assert digest == digest_of(content)
        assert inspection.capture is not None
        capture = replace(inspection.capture, kept=Kept.KEPT, blob=digest, size=len(content))
        return replace(inspection, capture=capture), (StoredBlob(digest, len(content), None, REJECT_WORTH),)


def _assignment() -> Assignment:
    cuts = {"scratch": Cuts(0.3, 0.5)}
    recipe = Recipe("brushed", 12, "BRACKET-A", PACKAGE, cuts)
    now = Timestamp("2026-01-05T06:00:00.000000Z")
    return Assignment("st-04", 3, recipe, (), KeepPolicy(), 200.0, "mara", now)


def _shape(drawn: SimulatedPart) -> Shape:
    height, width = drawn.pixels.shape[:2]
    return Shape(height, width, 1 if drawn.pixels.ndim == 2 else 3, 8)


def _outline(mask: Any) -> tuple[int, ...]:
    contours, _ = cv2.findContours(mask.astype("uint8"), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return tuple(max(contours, key=len).ravel().tolist())


def _finding(concept: str, mask: Any) -> Finding:
    x, y, width, height = cv2.boundingRect(mask.astype("uint8"))
    middle = (x + width / 2, y + height / 2)
    longer = float(max(width, height))
    return Finding(concept, 0.93, Box(x, y, width, height), float(mask.sum()), longer, middle)


@dataclass
class Running:
    """A line whose loop turns in a thread of its own."""

    line: ShownLine
    loop: asyncio.AbstractEventLoop

    def do(self, act: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Call a coroutine function of the line, and wait for what it gives."""
        return asyncio.run_coroutine_threadsafe(act(*arguments), self.loop).result(PATIENCE)


@contextmanager
def shown_line(folder: Path, settings: LineSettings, page: PageSettings | None = None) -> Iterator[Running]:
    """The page answers inside of the block."""
    folder.mkdir(exist_ok=True)
    ready: Future[Running] = Future()
    stop = threading.Event()

    async def serve() -> None:
        try:
            line = ShownLine(folder, settings, page or PageSettings())
        except AndonError as failure:
            ready.set_exception(failure)
            return
        serving = asyncio.create_task(line.server.run())
        ready.set_result(Running(line, asyncio.get_running_loop()))
        await asyncio.to_thread(stop.wait)
        serving.cancel()
        await asyncio.wait([serving], timeout=PATIENCE)
        await asyncio.to_thread(line.spool.thread.close)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="shown line", daemon=True)
    thread.start()
    try:
        yield ready.result(PATIENCE)
    finally:
        stop.set()
        thread.join(PATIENCE)
