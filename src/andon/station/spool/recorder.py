"""Records before answers: a row is on the disk before the plant hears a verdict, or the verdict is none."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from andon.domain.feedback import Chosen
from andon.domain.inspections import Inspection, Reason, ReasonCode
from andon.domain.stations import AlarmCode
from andon.errors import AndonError
from andon.station.running.clock import Clock, in_time
from andon.station.spool.amendments import undecided, with_image_lost
from andon.station.spool.choosing import Choice
from andon.station.spool.keeping import Keep
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.records import Answered
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Raised, disk_case
from andon.station.state.line import LineState

MAX_UNRECORDED = 10_000
"""Records that wait in memory for a disk that takes them; beyond, the oldest are given up and counted."""

RETRY = 0.5


@dataclass(frozen=True, slots=True)
class _Unrecorded:
    """A part that was answered NO-DECISION because its record was not on the disk in time."""

    inspection: Inspection
    written: "asyncio.Future[Inspection]"


class Recorder:
    """Writes records through the one thread that the spool has."""

    def __init__(self, spool: SpoolThread, state: LineState, clock: Clock) -> None:
        self._call = spool.call
        self._spool = spool.spool
        self._state = state
        self._clock = clock
        self._unrecorded: deque[_Unrecorded] = deque()
        self._answered: dict[str, Answered] = {}
        self._healthy = True

    async def record(self, inspection: Inspection, seconds: float) -> Inspection | None:
        """The inspection with its sequence once it is on the disk; None where that takes too long.

        What was None is NO-DECISION, also in the record that is written later.
        """
        written = asyncio.ensure_future(self._written(inspection))
        try:
            recorded = await in_time(self._clock, seconds, written)
            self._healthy = True
            return recorded
        except TimeoutError:
            self._later(inspection, written, f"the record was not on the disk in {seconds * 1e3:.0f} ms")
        except AndonError as cause:
            self.troubled(cause)
            self._later(inspection, written, cause.message)
        return None

    def answered(self, told: Inspection, recorded: Inspection, heard: "asyncio.Future[bool]") -> None:
        """What is written next after the answer was heard says so; it costs no write of its own."""
        differs = told.decision != recorded.decision

        def note(known: "asyncio.Future[bool]") -> None:
            if not known.cancelled() and known.result():
                self._answered[told.id] = Answered(told.id, told if differs else None)

        heard.add_done_callback(note)

    async def settle(
        self, inspection: Inspection, blobs: Sequence[StoredBlob] = (), kept: Keep | None = None
    ) -> None:
        """Say what became of a record's image, however long the disk takes; ``kept``: who waits for it."""
        queue = kept.queue if kept else None
        chosen = tuple(self._chosen(inspection.id, choice) for choice in kept.choices) if kept else ()
        while True:
            try:
                with self._marks() as answered:
                    await self._call(self._spool.settle, inspection, blobs, queue, answered, chosen)
            except AndonError as cause:
                self.troubled(cause)
                await self._clock.sleep(RETRY)
            else:
                self._healthy = True
                return

    async def run(self) -> None:
        """Write what could not be written in time, oldest first, until cancelled."""
        while True:
            if self._unrecorded:
                await self._catch_up(self._unrecorded[0])
                self._unrecorded.popleft()
                continue
            if self._healthy:
                self._state.clear_alarm(AlarmCode.DISK_FULL)
            await self._clock.sleep(RETRY)

    @property
    def behind(self) -> int:
        """Records that wait in memory."""
        return len(self._unrecorded)

    async def _catch_up(self, part: _Unrecorded) -> None:
        written = part.written
        while True:
            try:
                numbered = (await asyncio.shield(written)).capture
            except AndonError as cause:
                self.troubled(cause)
                await self._clock.sleep(RETRY)
                written = asyncio.ensure_future(self._written(part.inspection))
            else:
                await self.settle(with_image_lost(replace(part.inspection, capture=numbered)))
                return

    async def _written(self, inspection: Inspection) -> Inspection:
        with self._marks() as answered:
            return await self._call(self._spool.record, inspection, answered)

    @contextmanager
    def _marks(self) -> Iterator[tuple[Answered, ...]]:
        """What is to be marked with the next change; where that fails, with the one after it."""
        marks, self._answered = self._answered, {}
        try:
            yield tuple(marks.values())
        except BaseException:
            self._answered = {**marks, **self._answered}
            raise

    def _chosen(self, inspection: str, choice: Choice) -> Chosen:
        reason, probability = choice.reason, choice.probability
        identity, now = self._clock.new_id(), self._clock.now()
        return Chosen(identity, inspection, reason, now, probability, choice.detail)

    def _later(self, inspection: Inspection, written: "asyncio.Future[Inspection]", why: str) -> None:
        written.add_done_callback(_look_at)
        if len(self._unrecorded) >= MAX_UNRECORDED:
            self._unrecorded.popleft()
            self._state.shed["records"] += 1
        self._unrecorded.append(_Unrecorded(not_recorded(inspection, why), written))

    def troubled(self, cause: AndonError) -> None:
        """The disk did not take something; the alarm goes when it took the next record."""
        self._healthy = False
        todo = cause.todo or "Free some space on the station's disk."
        self._state.raise_alarm(Raised(disk_case(cause), cause.message, todo, self._clock.now()))


def not_recorded(inspection: Inspection, why: str) -> Inspection:
    """The same part as it was answered: undecided, because nobody could have shown its verdict later."""
    reason = Reason(ReasonCode.NOT_RECORDED, None, why)
    return undecided(inspection, reason)


def _look_at(future: "asyncio.Future[Inspection]") -> None:
    """Its failure is dealt with where it is awaited again."""
    if not future.cancelled():
        future.exception()
