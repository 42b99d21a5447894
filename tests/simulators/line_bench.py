"""A whole line on a hand clock, with a real spool: what goes in, what comes out, and a disk that obeys."""

import asyncio
import json
import math
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from simulators.station_parts import AT, HandClock, frame

from andon.blobs.folder import FolderBlobs
from andon.domain.feedback import SendPolicy
from andon.domain.inspections import Decision, Inspection, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.recipes import Recipe
from andon.domain.serial import from_json
from andon.domain.stations import Assignment, KeepPolicy
from andon.errors import DiskFull
from andon.station.cameras.frames import Frame
from andon.station.inspecting.inspectors import Inspectors, Running
from andon.station.inspecting.judgements import Judgement
from andon.station.inspecting.process import InspectorFailed
from andon.station.line.line import Books, Ends, Line
from andon.station.outputs.answers import Answer, known
from andon.station.running.clock import Clock
from andon.station.running.loops import Thread
from andon.station.running.watch import Watch
from andon.station.spool.images import ImageWriter
from andon.station.spool.recorder import Recorder
from andon.station.spool.records import Answered, Spool
from andon.station.spool.thread import SpoolThread
from andon.station.state.line import LineState
from andon.units import Digest

DEADLINE = 200.0
RECIPE = Recipe("plain", 3, None, Digest("1" * 64), {"bright": Cuts(0.4, 0.6)})

NOTHING = KeepPolicy(0, 0)


def assignment(keep: KeepPolicy, send: SendPolicy | None = None) -> Assignment:
    return Assignment("st-1", 5, RECIPE, (), keep, DEADLINE, "me", AT, send)


@dataclass
class InspectorTwin:
    """Judges after ``seconds`` of the hand clock, not before the gate opens; fails where ``dead``."""

    clock: Clock
    seconds: float = 0.0
    verdict: Verdict = Verdict.PASS
    dead: bool = False
    asked: int = 0
    busy: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    ready: Any = field(default_factory=lambda: SimpleNamespace(variant="twin/f32", machine="avx2"))

    async def judge(self, frame: Frame) -> Judgement:
        self.asked += 1
        if self.dead:
            raise InspectorFailed(ReasonCode.MODEL_FAILED, "the inspector died")
        await self.gate.wait()
        if self.seconds:
            await self.clock.sleep(self.seconds)
        return Judgement(Decision(self.verdict), {"bright": 0.1}, (), 1.0, {"engine": 0.5}, {})


class CameraTwin:
    """Gives what is put into it; an exception is raised, None ends it."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()
        self.done: list[tuple[int, Verdict]] = []

    async def frames(self) -> AsyncIterator[Frame]:
        while (item := await self.coming.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def answered(self, frame: Frame, decision: Decision) -> None:
        self.done.append((frame.number, decision.verdict))


class OutputTwin:
    """Hears answers, and looks into the spool at that moment: is the record there?"""

    def __init__(self, spool: SpoolThread, hand: HandClock) -> None:
        self.spool, self.hand = spool, hand
        self.heard: list[Answer] = []
        self.at: list[float] = []
        self.due: list[float] = []
        self.unrecorded: list[Answer] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.listens: Callable[[], asyncio.Future[bool]] = lambda: known(True)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def tell(self, answer: Answer, due: float = math.inf) -> asyncio.Future[bool]:
        heard = self.listens()
        self.due.append(due)
        await self.gate.wait()
        self.heard.append(answer)
        self.at.append(self.hand.seconds)
        if answer.sequence == 0:
            return heard
        query = "SELECT sequence FROM records WHERE id = ?"
        rows = await self.spool.call(self.spool.spool._rows, query, (answer.inspection,))
        if rows != [(answer.sequence,)]:
            self.unrecorded.append(answer)
        return heard


class StubbornSpool(Spool):
    """A spool whose disk waits for ``lets``, is full as often as ``full`` says, or settles nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lets = threading.Event()
        self.lets.set()
        self.full = 0
        self.settles = True
        self.recorded: Callable[[], None] = lambda: None

    def record(self, inspection: Inspection, answered: Sequence[Answered] = ()) -> Inspection:
        assert self.lets.wait(20)
        if self.full:
            self.full -= 1
            raise DiskFull("no space is left", "Free some.")
        recorded = super().record(inspection, answered)
        self.recorded()
        return recorded

    def settle(self, *given: Any) -> None:
        if not self.settles:
            raise DiskFull("no space is left", "Free some.")
        super().settle(*given)


class Bench:
    """A whole line on a hand clock, with a real spool."""

    def __init__(self, folder: Path, queue: int = 2, keep: KeepPolicy = NOTHING) -> None:
        self.folder = folder
        self.hand = HandClock((0.005, 0.5))
        self.clock = self.hand.clock
        self.state = LineState("st-1", "line-1", "test", AT)
        self.spool = StubbornSpool(folder / "spool.db")
        self.thread = Thread("spool")
        self.camera = CameraTwin()
        writing = SpoolThread(self.spool, self.thread)
        self.output = OutputTwin(writing, self.hand)
        self.watch = Watch(self.clock.monotonic)
        self.recorder = Recorder(writing, self.state, self.clock)
        images = ImageWriter(FolderBlobs(folder / "images"), self.recorder, self.state, self.watch)
        self.inspectors = Inspectors(2**20, self.state, self.clock)
        self.twin = InspectorTwin(self.clock)
        self.twin.gate.set()
        self.assign(keep)
        ends = Ends(self.camera, self.output, self.watch, queue, stall=3.0)
        self.line = Line(ends, Books(self.recorder, images), self.inspectors, self.state, self.clock)
        loops = (self.line.take, self.line.judge, self.recorder.run, images.run)
        self.tasks = [asyncio.ensure_future(loop()) for loop in loops]

    def assign(self, keep: KeepPolicy, send: SendPolicy | None = None) -> None:
        self.inspectors.running = Running(assignment(keep, send), self.twin)  # type: ignore[arg-type]
        self.state.assignment = assignment(keep, send)

    def show(self, *numbers: int) -> None:
        for number in numbers:
            self.camera.coming.put_nowait(frame(number, self.clock))

    async def until(self, seen: Callable[[], object]) -> None:
        """The disk is real, so real time passes until it wrote; bounded."""
        for _ in range(2000):
            if seen():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("not seen")

    async def settled(self, count: int) -> list[Inspection]:
        def ready() -> list[tuple[str, str]]:
            return list(self.thread.wait(self.spool.waiting, 500).records)

        await self.until(lambda: len(ready()) == count)
        return [from_json(Inspection, json.loads(text)) for _, text in ready()]

    def killed(self) -> dict[str, Decision]:
        """What a station would send of each part that is started anew after a kill at this moment."""
        copy = self.folder / f"killed-{self.hand.seconds}-{len(self.output.heard)}"
        copy.mkdir()
        for name in ("spool.db", "spool.db-wal"):
            self.thread.wait(shutil.copy, self.folder / name, copy / name)
        again = Spool(copy / "spool.db")
        again.reap()
        texts = [text for _, text in again.waiting(500).records]
        again.close()
        found = [from_json(Inspection, json.loads(text)) for text in texts]
        return {inspection.name: inspection.decision for inspection in found}

    async def close(self) -> None:
        self.spool.lets.set()
        for task in self.tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
        self.thread.close()
        self.spool.close()


def codes(answer: Answer) -> list[ReasonCode]:
    return [reason.code for reason in answer.reasons]


def scene(act: Callable[[Bench], Any], folder: Path, **given: Any) -> None:
    async def play() -> None:
        bench = Bench(folder, **given)
        try:
            await asyncio.wait_for(act(bench), 60)
        finally:
            await bench.close()

    asyncio.run(play())
