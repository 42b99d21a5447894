"""The inspector that works, its successor, and its replacement when it dies."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from andon.domain.stations import AlarmCode, Assignment
from andon.errors import OperatorError
from andon.station.cameras.frames import Frame
from andon.station.inspecting.beside import Beside
from andon.station.inspecting.judgements import Setup
from andon.station.inspecting.process import InspectorProcess, PackageRefused, start
from andon.station.running.clock import Clock, back_off, in_time
from andon.station.state.alarms import Case, Raised, Value
from andon.station.state.line import LineState

IDLE = 3.0
"""Seconds without a part after which the inspector has to judge a golden image."""

STUCK = 20.0
"""Seconds without an owed judgement after which the inspector is killed."""

RETIRE = 5.0
HANDED_OVER = 0.05
"""Seconds after which the line has given the last part to the inspector that it chose before a switch."""

BESIDE_STARTUP = 600.0
"""Seconds that a shadow has to show that it works: it gets only the time that nobody else wants."""

GAVE_WAY = "the start of an inspector gave way to the way back"
LONGEST_PAUSE = 10.0
ROUND = 0.25


@dataclass(frozen=True, slots=True)
class Prepared:
    """An assignment whose package lies on the disk."""

    assignment: Assignment
    setup: Setup


@dataclass(frozen=True, slots=True)
class Running:
    """What judges parts now: record every part with exactly this."""

    assignment: Assignment
    process: InspectorProcess


class Interrupted(OperatorError):
    """A start gave way to the way back, which cannot wait; it may be tried again at once."""


class Inspectors:
    """Holds at most one running inspector; the line asks for it before each part.

    Attributes:
        beside: what judges parts once they are answered.
        running: None before the first assignment, and while a dead inspector is replaced.
        prepared: what should run; None before the first assignment.
        spoiled: the package on the disk was refused when an inspector was replaced.
    """

    def __init__(self, slot_bytes: int, state: LineState, clock: Clock) -> None:
        self.beside = Beside(lambda setup: start(setup, slot_bytes, clock, BESIDE_STARTUP), state, clock)
        self.running: Running | None = None
        self.prepared: Prepared | None = None
        self.spoiled = False
        self._slot_bytes = slot_bytes
        self._state = state
        self._clock = clock
        self._starting = asyncio.Lock()
        self._begun: asyncio.Task[InspectorProcess] | None = None
        self._hurried = False

    def offer(self, frame: Frame, inspection: str, is_idle: bool) -> None:
        """Let the model beside look at a part that was answered; ``is_idle``: no other part waits."""
        running = self.running
        if self.beside.is_wanted:
            is_free = running is not None and not running.process.busy
            self.beside.offer(frame, inspection, is_idle and is_free)

    async def swap(
        self, prepared: Prepared, keep: Callable[[], Awaitable[None]], quiet: bool = True
    ) -> None:
        """Start a second inspector, let it show that it works, make it durable with ``keep``, then switch.

        The switch is between two parts: whoever judges one holds on to the inspector it began with.
        ``quiet``: it yields to the one that works until then; what does not is the way back, for which any
        other start gives way.

        Raises:
            PackageRefused: the package does not work here; the old one goes on.
            Interrupted: the way back came first; the old one goes on until it is gone.
            OperatorError: no inspector can be started now; the old one goes on.
        """
        if quiet:
            await self._swapped(prepared, keep, quiet)
            return
        self._hurried = True
        try:
            if self._begun is not None:
                self._begun.cancel()
            await self._swapped(prepared, keep, quiet)
        finally:
            self._hurried = False

    async def _swapped(self, prepared: Prepared, keep: Callable[[], Awaitable[None]], quiet: bool) -> None:
        async with self._starting:
            setup = replace(prepared.setup, quiet=quiet and self.running is not None)
            process = await self._started(setup, hurried=not quiet)
            try:
                await keep()
            except BaseException:
                await asyncio.shield(process.close())
                raise
            self.prepared, self.spoiled = prepared, False
            old = self._switch(process, prepared)
        if old is not None:
            await self._retire(old.process)

    async def _started(self, setup: Setup, hurried: bool = False) -> InspectorProcess:
        """Start one, unless or until the way back is to be started instead; under the lock."""
        if self._hurried and not hurried:
            raise Interrupted(GAVE_WAY)
        self._begun = asyncio.ensure_future(start(setup, self._slot_bytes, self._clock))
        try:
            return await self._begun
        except asyncio.CancelledError as cause:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise Interrupted(GAVE_WAY) from cause
        finally:
            self._begun = None

    async def run(self) -> None:
        """Replace a dead inspector, end a stuck one, ask an idle one to show that it works."""
        failures = 0
        while True:
            running = self.running
            if running is not None:
                await self._look_after(running)
                failures = 0 if self.running is running else failures
                continue
            if self.prepared is None or await self._replaced(self.prepared):
                await self._clock.sleep(ROUND)
                continue
            failures += 1
            await self._clock.sleep(back_off(self._clock, failures, LONGEST_PAUSE))

    async def close(self) -> None:
        """End what runs."""
        await self.beside.close()
        running, self.running = self.running, None
        if running is not None:
            await running.process.close()

    def _switch(self, process: InspectorProcess, prepared: Prepared) -> Running | None:
        process.wake()
        old, self.running = self.running, Running(prepared.assignment, process)
        self._state.assignment = prepared.assignment
        self._state.variant = process.ready.variant
        self._state.machine = process.ready.machine
        self._state.clear_alarm(AlarmCode.INSPECTOR_DIED)
        self._state.clear_alarm(AlarmCode.NO_ASSIGNMENT)
        return old

    async def _retire(self, process: InspectorProcess) -> None:
        """It finishes the part it is at, also one that the line is just about to give it."""
        until = self._clock.monotonic() + RETIRE
        await self._clock.sleep(HANDED_OVER)
        while process.busy and not process.ended.is_set() and self._clock.monotonic() < until:
            await self._clock.sleep(0.01)
        await process.close()

    async def _look_after(self, running: Running) -> None:
        process = running.process
        ended = asyncio.ensure_future(process.ended.wait())
        try:
            await in_time(self._clock, ROUND, ended)
        except TimeoutError:
            self._ask(process)
            return
        finally:
            ended.cancel()
        if self.running is running:
            self.running = None
            self._alarm(Case.INSPECTOR_DIED, "the inspector died and is started again")
        await process.close()

    def _ask(self, process: InspectorProcess) -> None:
        self._state.proven = process.last
        silent = process.silent
        if process.busy and silent > STUCK:
            message = f"the inspector gave no answer for {silent:.0f} s and was killed"
            self._alarm(Case.INSPECTOR_STUCK, message, {"seconds": silent})
            process.kill()
        elif not process.busy and silent > IDLE:
            process.check()

    async def _replaced(self, prepared: Prepared) -> bool:
        """Whether an inspector runs again, or somebody else sees to it."""
        try:
            async with self._starting:
                if self.running is not None or self.prepared is not prepared:
                    return True
                self._switch(await self._started(prepared.setup), prepared)
        except Interrupted:
            return True
        except PackageRefused as cause:
            self.spoiled = True
            now, values = self._clock.now(), {"package": prepared.setup.package[:12]}
            alarm = Raised(Case.PACKAGE_REFUSED, cause.message, cause.todo, now, values)
            self._state.raise_alarm(alarm)
        except OperatorError as cause:
            self._alarm(Case.INSPECTOR_NOT_STARTED, cause.message)
        return self.running is not None

    def _alarm(self, case: Case, message: str, values: Mapping[str, Value] | None = None) -> None:
        todo = "It is started again by itself; where this repeats, look at memory and the system log."
        self._state.raise_alarm(Raised(case, message, todo, self._clock.now(), values or {}))
