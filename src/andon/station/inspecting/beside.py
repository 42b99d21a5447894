"""The model that judges beside the one that works: after the answer, when nobody else waits, or not.

The lowest priority alone is not enough: two that compute at the same time share caches and the units of a
core, whatever the scheduler says, and the slowest answers of the line took half as long again.  So it is
stopped from the moment a part comes until nobody waits any more.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from andon.domain.inspections import Shadow
from andon.domain.recipes import Recipe
from andon.domain.stations import ShadowCount
from andon.errors import AndonError
from andon.station.cameras.frames import Frame
from andon.station.inspecting.judgements import Judgement, Setup
from andon.station.inspecting.process import InspectorFailed, InspectorProcess
from andon.station.running.clock import Clock
from andon.station.state.line import LineState

Begin = Callable[[Setup], Coroutine[Any, Any, InspectorProcess]]

RETRY = 60.0
"""Seconds after which one that failed is started again."""

STUCK = 60.0
"""Seconds without an owed judgement after which it is killed; it may well wait long for a processor."""

ROUND = 0.25
MAX_SAID = 500
"""Judgements that wait for the disk; parts beyond are dropped."""


class Beside:
    """At most one process, of the lowest priority, that is given at most one part at a time.

    Nothing here raises an alarm or is waited for: what it cannot do is a note in the report.

    Args:
        begin: starts a process and waits until it has shown that it works.
        state: of the line.
    """

    def __init__(self, begin: Begin, state: LineState, clock: Clock) -> None:
        self._begin = begin
        self._state = state
        self._clock = clock
        self._wanted: Setup | None = None
        self._process: InspectorProcess | None = None
        self._runs: Setup | None = None
        self._judging: asyncio.Task[None] | None = None
        self._since = 0.0
        self._paused: float | None = None
        self._stuck = False
        self._again = 0.0
        self._said: deque[Shadow] = deque()

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to judge beside."""
        return self._wanted is not None

    def want(self, setup: Setup | None) -> None:
        """Judge with this from now on; None: with nothing, and let go of the processor at once."""
        setup = None if setup is None else replace(setup, beside=True)
        if setup == self._wanted:
            if setup is None:
                # Why something else could not judge beside is no news any more.
                self._state.shadow = None
            return
        self._wanted, self._again = setup, 0.0
        self._state.shadow = None if setup is None else _nothing(setup.recipe)
        if self._process is not None:
            self._process.kill()

    def cannot(self, recipe: Recipe, note: str) -> None:
        """Say in the report why ``recipe`` does not judge beside."""
        self.want(None)
        self._state.shadow = replace(_nothing(recipe), note=note)

    def offer(self, frame: Frame, inspection: str, is_idle: bool) -> None:
        """A part was answered; it is judged if there is time for it now, else dropped and counted."""
        process, setup = self._process, self._runs
        free = self._judging is None and len(self._said) < MAX_SAID
        if not (is_idle and free) or process is None or setup is None or setup != self._wanted:
            self._count(dropped=1)
            return
        self._since = self._clock.monotonic()
        self._judging = asyncio.ensure_future(self._judge(process, setup, frame, inspection))

    def pause(self) -> None:
        """A part came: nothing is computed beside it."""
        process = self._process
        if self._paused is None and process is not None and self._judging is not None:
            process.pause()
            self._paused = self._clock.monotonic()

    def resume(self) -> None:
        """Nobody waits any more."""
        if self._paused is None:
            return
        self._since += self._clock.monotonic() - self._paused
        self._paused = None
        if self._process is not None:
            self._process.resume()

    def take_said(self) -> tuple[Shadow, ...]:
        """What was said since this was asked last."""
        said = tuple(self._said)
        self._said.clear()
        return said

    async def run(self) -> None:
        """Keep what is wanted running, until cancelled."""
        while True:
            process = self._process
            if process is not None and self._is_silent():
                self._stuck = True
                process.kill()
            if process is not None and (process.ended.is_set() or self._runs != self._wanted):
                await self._let_go(process)
            if self._process is None and self._wanted is not None:
                await self._start(self._wanted)
            await self._clock.sleep(ROUND)

    async def close(self) -> None:
        """End what runs."""
        self._wanted = None
        if self._process is not None:
            await self._let_go(self._process)

    async def _start(self, setup: Setup) -> None:
        if self._clock.monotonic() < self._again:
            return
        starting = asyncio.ensure_future(self._begin(setup))
        try:
            while not starting.done() and setup == self._wanted:
                await self._clock.sleep(ROUND)
        finally:
            starting.cancel()
        try:
            self._process, self._runs = await starting, setup
            self._note("")
        except AndonError as cause:
            self._again = self._clock.monotonic() + RETRY
            self._note(cause.message)
        except asyncio.CancelledError:
            if not starting.cancelled():
                raise

    def _is_silent(self) -> bool:
        now = self._clock.monotonic() if self._paused is None else self._paused
        return self._judging is not None and now - self._since > STUCK

    async def _let_go(self, process: InspectorProcess) -> None:
        if self._runs == self._wanted:
            self._again = self._clock.monotonic() + RETRY
            how = f"gave no judgement for {STUCK:g} s and was killed" if self._stuck else "died"
            self._note(f"the shadow's inspector {how}; it is started again")
        self._stuck = False
        self._process = self._runs = self._paused = None
        await process.close()

    async def _judge(self, process: InspectorProcess, setup: Setup, frame: Frame, inspection: str) -> None:
        try:
            judgement = await process.judge(frame)
        except InspectorFailed:
            # Its end is seen to by the loop; a part that it cannot take is dropped like any other.
            self._count(dropped=1)
        else:
            self._said.append(self._shadow(process, setup, inspection, judgement))
            self._count(judged=1)
        finally:
            self._judging = None

    def _shadow(
        self, process: InspectorProcess, setup: Setup, inspection: str, judgement: Judgement
    ) -> Shadow:
        return Shadow(
            inspection=inspection,
            recipe=setup.recipe.name,
            recipe_version=setup.recipe.version,
            package=setup.package,
            variant=process.ready.variant,
            decision=judgement.decision,
            findings=judgement.findings,
            scores=judgement.scores,
            milliseconds=judgement.milliseconds,
            at=self._clock.now(),
        )

    def _count(self, judged: int = 0, dropped: int = 0) -> None:
        count = self._state.shadow
        if count is not None:
            self._state.shadow = replace(
                count, judged=count.judged + judged, dropped=count.dropped + dropped
            )

    def _note(self, note: str) -> None:
        if self._state.shadow is not None:
            self._state.shadow = replace(self._state.shadow, note=note)


def _nothing(recipe: Recipe) -> ShadowCount:
    return ShadowCount(recipe.name, recipe.version, judged=0, dropped=0)
