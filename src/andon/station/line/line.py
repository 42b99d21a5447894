"""The line: frames in, one answer for each, in time or undecided, and a record before every answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from andon.domain.inspections import Capture, Decision, Inspection, Kept, Reason, ReasonCode, Verdict
from andon.domain.parts import part_name, serial_key
from andon.domain.stations import Assignment, KeepPolicy
from andon.errors import NetworkError, OperatorError
from andon.station.cameras.frames import Camera, Frame
from andon.station.inspecting.inspectors import Inspectors, Running
from andon.station.inspecting.judgements import Judgement
from andon.station.inspecting.process import InspectorFailed
from andon.station.line.symptoms import Symptoms
from andon.station.outputs.answers import Answer, Output
from andon.station.running.clock import Clock, back_off, in_time
from andon.station.running.watch import Watch
from andon.station.spool.amendments import not_heard, undecided
from andon.station.spool.choosing import Seen, choose, second_look
from andon.station.spool.images import ImageWriter, Taken
from andon.station.spool.keeping import Keep, keep, kept_to_send
from andon.station.spool.recorder import Recorder, not_recorded
from andon.station.state.line import LineState
from andon.station.state.recent import Judged
from andon.units import Digest

DEADLINE = 200.0
"""Milliseconds from frame to answer while there is no assignment."""

RESERVE = 0.25
"""Share of the deadline that is left to the record and the output; a verdict later than that is late."""

PATIENCE = 60.0
LONGEST_PAUSE = 5.0
FIRST_FRAME = 120.0

_NOTHING = Judgement(Decision(Verdict.NO_DECISION), {}, (), 0.0, {}, {})


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a line, and what supervises it.

    Attributes:
        queue: frames that may wait for the inspector; a frame beyond is answered NO-DECISION at once.
        stall: seconds without a frame after which the camera counts as stalled; 0 never.
    """

    camera: Camera
    output: Output
    watch: Watch
    queue: int = 4
    stall: float = 0.0


@dataclass(frozen=True, slots=True)
class Books:
    """Where parts are written down."""

    recorder: Recorder
    images: ImageWriter


@dataclass(frozen=True, slots=True)
class _Decided:
    """What came of one frame, by whom, and monotonic seconds at which the answer must be out."""

    judgement: Judgement
    by: Running | None
    assignment: Assignment | None
    due: float


class Line:
    """One camera, one inspector, one output; parts are judged one after the other, in order."""

    def __init__(
        self, ends: Ends, books: Books, inspectors: Inspectors, state: LineState, clock: Clock
    ) -> None:
        self._ends = ends
        self._books = books
        self._inspectors = inspectors
        self._state = state
        self._clock = clock
        self._waiting: asyncio.Queue[Frame] = asyncio.Queue(ends.queue)
        self._symptoms = Symptoms(state, clock)
        self._closed = False
        self._failures = 0

    async def take(self) -> None:
        """Take frames from the camera until cancelled; a camera that fails is opened again."""
        while True:
            try:
                await self._take_all()
                await asyncio.Event().wait()
            except (NetworkError, OperatorError) as cause:
                self._failures += 1
                self._symptoms.camera_lost(cause)
                await self._clock.sleep(back_off(self._clock, self._failures, LONGEST_PAUSE))

    async def judge(self) -> None:
        """Judge and answer what waits, one part after the other, until cancelled."""
        while True:
            frame = await self._waiting.get()
            with self._ends.watch.step("line", PATIENCE):
                await self._answer(frame, await self._decide(frame))
            self._waiting.task_done()
            if self._waiting.empty():
                self._inspectors.beside.resume()

    def close(self) -> None:
        """Take no further frame."""
        self._closed = True

    async def drained(self) -> None:
        """Wait until all frames that were taken are answered."""
        await self._waiting.join()

    async def _take_all(self) -> None:
        """Until the camera ends, or this line was closed."""
        async for frame in self._frames():
            if self._closed:
                return
            self._failures = 0
            await self._take(frame)
        if not self._closed:
            self._symptoms.camera_ended()

    async def _frames(self) -> AsyncIterator[Frame]:
        """The camera's frames; says so when they stop coming."""
        frames = aiter(self._ends.camera.frames())
        patience = FIRST_FRAME
        while True:
            coming = asyncio.ensure_future(anext(frames, None))
            try:
                frame = await self._next(coming, patience)
            finally:
                coming.cancel()
            if frame is None:
                return
            self._symptoms.camera_works()
            patience = self._ends.stall or float("inf")
            yield frame

    async def _next(self, coming: "asyncio.Future[Frame | None]", patience: float) -> Frame | None:
        while True:
            try:
                if patience == float("inf"):
                    return await coming
                return await in_time(self._clock, patience, coming)
            except TimeoutError:
                self._symptoms.camera_stalled(patience)

    async def _take(self, frame: Frame) -> None:
        self._inspectors.beside.pause()
        if not self._waiting.full():
            self._waiting.put_nowait(frame)
            return
        detail = f"{self._ends.queue} parts wait already; the line is faster than the inspector"
        assignment = self._state.assignment
        undecided = _undecided(ReasonCode.LATE, detail)
        await self._answer(frame, _Decided(undecided, None, assignment, self._due(frame, assignment)))

    async def _decide(self, frame: Frame) -> _Decided:
        """What the inspector says in time, or why there is nothing it said."""
        running = self._inspectors.running
        assignment = running.assignment if running else self._state.assignment
        due = self._due(frame, assignment)
        waited = self._clock.monotonic() - frame.monotonic
        if running is None:
            return _Decided(_without_inspector(assignment), None, assignment, due)
        left = (due - frame.monotonic) * (1 - RESERVE) - waited
        if left <= 0:
            detail = f"the part waited {waited * 1e3:.0f} ms before the inspector came to it"
            return _Decided(_undecided(ReasonCode.LATE, detail), running, assignment, due)
        try:
            judgement = await in_time(
                self._clock, left, asyncio.ensure_future(running.process.judge(frame))
            )
        except TimeoutError:
            detail = f"no verdict within {(waited + left) * 1e3:.0f} ms"
            judgement = _undecided(ReasonCode.LATE, detail)
        except InspectorFailed as cause:
            judgement = _undecided(cause.code, cause.message)
        stages = {"wait": waited * 1e3, **judgement.stages}
        return _Decided(replace(judgement, stages=stages), running, assignment, due)

    async def _answer(self, frame: Frame, decided: _Decided) -> None:
        """Record, tell, then see to the picture."""
        identity = self._clock.new_id()
        kept = self._kept(frame, decided, identity)
        inspection = self._inspection(frame, decided, kept, identity)
        begun = self._clock.monotonic()
        recorded = await self._books.recorder.record(inspection, self._left(decided, frame))
        told = not_recorded(inspection, "the record was not on the disk in time")
        if recorded is not None:
            told = _still_in_time(recorded, self._clock.monotonic() - decided.due)
        heard = await self._ends.output.tell(_answer_of(told), decided.due)
        if heard.done() and not heard.result():
            told = not_heard(told)
        self._ends.camera.answered(frame, told.decision)
        now = self._clock.monotonic()
        told = _timed(told, (now - frame.monotonic) * 1e3, (now - begun) * 1e3)
        self._state.judged(Judged(told, frame, decided.judgement.outlines), now)
        self._symptoms.note(told)
        if recorded is not None:
            self._books.recorder.answered(told, recorded, heard)
            self._books.images.put(Taken(told, frame, kept, heard))
            self._inspectors.offer(frame, told.id, is_idle=self._waiting.empty())
        else:
            self._state.settle(told, told)

    def _kept(self, frame: Frame, decided: _Decided, identity: str) -> Keep:
        """What becomes of the part's image; the share that is sent whatever was decided is drawn first."""
        told, judgement = decided.assignment, decided.judgement
        send = told.send if told else None
        draw = self._clock.chance() if send else 1.0
        draws = (self._clock.chance(), self._clock.chance())
        kept = keep(judgement.decision, told.keep if told else KeepPolicy(), draws)
        cuts = told.recipe.cuts if told else {}
        seen = Seen(judgement.decision, judgement.scores, cuts, frame.origin.part_type)
        audit = kept.audit or second_look(judgement.decision.verdict, identity)
        return kept_to_send(kept, choose(seen, send, audit, draw) if send else None)

    def _left(self, decided: _Decided, frame: Frame) -> float:
        """Seconds for the record; a part that is past its time already still gets its number."""
        least = (decided.due - frame.monotonic) * RESERVE
        return max(decided.due - self._clock.monotonic(), least if _is_late(decided) else 0.0)

    def _inspection(self, frame: Frame, decided: _Decided, kept: Keep, identity: str) -> Inspection:
        """The record as it holds if the program dies right after writing it: the image is not there yet."""
        assignment, judgement = decided.assignment, decided.judgement
        recipe = assignment.recipe if assignment and decided.by else None
        station, line = self._state.station, self._state.line
        capture = Capture(
            station=station,
            sequence=0,
            origin=replace(frame.origin, station=station, line=line, captured_at=frame.at),
            shape=frame.shape,
            kept=Kept.LOST if kept.image else Kept.NOT_KEPT,
            audit=kept.audit,
            health=judgement.health,
            stages=judgement.stages,
            program=self._state.program,
            machine=decided.by.process.ready.machine if decided.by else "",
        )
        return Inspection(
            id=identity,
            at=frame.at,
            part=_part_of(frame),
            image=None,
            name=frame.name or frame.origin.serial or f"frame {frame.number}",
            recipe=recipe.name if recipe else "",
            recipe_version=recipe.version if recipe else 0,
            package=recipe.package if recipe else Digest(""),
            variant=decided.by.process.ready.variant if decided.by else "",
            decision=judgement.decision,
            findings=judgement.findings,
            scores=judgement.scores,
            milliseconds=(self._clock.monotonic() - frame.monotonic) * 1e3,
            capture=capture,
        )

    def _due(self, frame: Frame, assignment: Assignment | None) -> float:
        return frame.monotonic + (assignment.deadline if assignment else DEADLINE) / 1e3


def _part_of(frame: Frame) -> str:
    if frame.origin.serial:
        return serial_key(frame.origin.serial)
    return f"name={frame.name}" if frame.name else f"frame={frame.number}"


def _answer_of(told: Inspection) -> Answer:
    sequence = told.capture.sequence if told.capture else 0
    decision = told.decision
    return Answer(sequence, part_name(told.part), decision.verdict, decision.reasons, told.id)


def _is_late(decided: _Decided) -> bool:
    return any(reason.code is ReasonCode.LATE for reason in decided.judgement.decision.reasons)


def _still_in_time(recorded: Inspection, beyond: float) -> Inspection:
    """The same, undecided where this program was held up until the answer was ``beyond`` seconds late.

    The record on the disk is amended with the next change after the answer, before the hub gets it.
    """
    if beyond <= 0 or recorded.decision.verdict is Verdict.NO_DECISION:
        return recorded
    reason = Reason(ReasonCode.LATE, None, f"the answer came {beyond * 1e3:.0f} ms too late")
    return undecided(recorded, reason)


def _timed(told: Inspection, milliseconds: float, record: float) -> Inspection:
    """The record as it is settled: with the time until the answer was out, writing the record included."""
    assert told.capture is not None
    stages = {**told.capture.stages, "record": record}
    return replace(told, milliseconds=milliseconds, capture=replace(told.capture, stages=stages))


def _without_inspector(assignment: Assignment | None) -> Judgement:
    if assignment is None:
        return _undecided(ReasonCode.NO_MODEL, "the station has no assignment")
    return _undecided(ReasonCode.MODEL_FAILED, "no inspector is ready; one is being started")


def _undecided(code: ReasonCode, detail: str) -> Judgement:
    return replace(_NOTHING, decision=Decision(Verdict.NO_DECISION, (Reason(code, None, detail),)))
