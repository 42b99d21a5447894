"""The way back from what the station was switched to: watched for and gone by itself, without the hub.

The assignment that is left carries its fallback, whose package lies on the disk since before the switch, so
nothing is asked of anybody.  What is gone back from is not run again, also not after a restart, until the
hub assigns something newer.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from andon.analysis.watching import bad
from andon.domain.stations import AlarmCode, Assignment, RollbackCause, RolledBack
from andon.errors import AndonError, Conflict, OperatorError
from andon.station.hub.library import Keeper
from andon.station.inspecting.inspectors import Inspectors
from andon.station.running.clock import Clock, in_time
from andon.station.running.loops import Thread
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Case, Raised, Value
from andon.station.state.line import LineState

ROUND = 0.5
RETRY = 5.0
"""Seconds after which going back, or writing down that it was done, is tried again."""

DISK_SECONDS = 5.0
"""How long the switch waits for the disk; a bad model does not go on because the disk is bad too."""

WATCH = "watch"
"""Author of what no person asked for."""

TODO = "Look at the release on the hub; this station stays with what ran before until it is told otherwise."

_CASES: Mapping[RollbackCause, Case] = {
    RollbackCause.PERSON: Case.SENT_BACK,
    RollbackCause.REJECTS: Case.TOO_MANY_REJECTS,
    RollbackCause.UNDECIDED: Case.TOO_MANY_UNDECIDED,
    RollbackCause.SLOW: Case.TOO_SLOW,
    RollbackCause.CONTRADICTED: Case.CONTRADICTED,
}


class Superseded(Conflict):
    """While one thing was made ready to run, it was decided to run another."""


class WayBack:
    """Goes back where what runs is bad by its own limits, or a person asks for it."""

    def __init__(
        self, keeper: Keeper, inspectors: Inspectors, spool: SpoolThread, state: LineState, clock: Clock
    ) -> None:
        self._keeper = keeper
        self._inspectors = inspectors
        self._spool = spool
        self._state = state
        self._clock = clock
        self._thread = Thread("way back")
        self._decided: RolledBack | None = None
        self._unwritten: RolledBack | None = None
        self._again = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.step()
            await self._clock.sleep(ROUND)

    async def step(self) -> None:
        """One look; where it is needed, the whole way back."""
        runs, fallback = self._state.assignment, fallback_of(self._state.assignment)
        if runs is None or self._clock.monotonic() < self._again:
            return
        if self._unwritten is not None and self._unwritten == self._state.rolled_back:
            await self._write(self._unwritten)
        if fallback is None:
            return
        if self._decided is None or self._decided.counter != runs.counter:
            self._decided = self._asked(runs.counter) or self._seen(runs.counter)
            await self._end_watch()
        if self._decided is not None:
            await self._go_back(self._decided, fallback)

    def _asked(self, counter: int) -> RolledBack | None:
        asked, self._state.asked_back = self._state.asked_back, None
        if asked is None or asked[0] != counter:
            return None
        reason = f"{asked[1]} asked for it on the station's page"
        return RolledBack(counter, reason, asked[1], self._clock.now())

    def _seen(self, counter: int) -> RolledBack | None:
        trial = self._state.trial
        if trial is None or trial.counter != counter:
            return None
        found = bad(trial.seen(), trial.limits)
        if found is None:
            return None
        told = (found.cause, found.count, found.of)
        return RolledBack(counter, found.reason, WATCH, self._clock.now(), *told)

    async def _end_watch(self) -> None:
        """What ended well is not watched again, as far as the disk lets it be known."""
        trial = self._state.trial
        if self._decided or trial is None or not trial.is_over(self._clock.monotonic()):
            return
        self._state.trial = None
        try:
            await self._spool.call(self._spool.spool.facts.keep_watched, trial.counter)
        except OperatorError:
            # The disk's own alarm stands; after a restart it is watched once more, which harms nobody.
            return

    async def _go_back(self, fact: RolledBack, fallback: Assignment) -> None:
        async def keep() -> None:
            """On the disk, as far as it lets us, before the first part is judged again."""
            runs = self._state.assignment
            if runs is None or runs.counter != fact.counter:
                raise Superseded("something newer runs already")
            await self._write(fact)
            self._state.rolled_back, self._state.trial = fact, None
            self._inspectors.beside.want(None)
            self._state.raise_alarm(alarm_of(fact))

        self._inspectors.beside.want(None)
        try:
            prepared = await self._thread.call(self._keeper.prepare, fallback)
            await self._inspectors.swap(prepared, keep, quiet=False)
        except Superseded:
            self._decided = None
        except AndonError as cause:
            self._again = self._clock.monotonic() + RETRY
            message = f"{fact.reason}; but the way back is barred: {cause.message}"
            values = {"reason": cause.message}
            todo = cause.todo or TODO
            self._state.raise_alarm(Raised(Case.FALLBACK_REFUSED, message, todo, self._clock.now(), values))
        else:
            self._decided = None
            self._state.clear_alarm(AlarmCode.PACKAGE_REFUSED)

    async def _write(self, fact: RolledBack) -> None:
        """Keep it; where the disk does not take it, go on and try again later."""
        try:
            writing = self._spool.call(self._spool.spool.facts.keep_rolled_back, fact)
            await in_time(self._clock, DISK_SECONDS, asyncio.ensure_future(writing))
            self._unwritten = None
        except (TimeoutError, OperatorError):
            # The disk's own alarm stands: records go the same way.
            self._unwritten = fact
            self._again = self._clock.monotonic() + RETRY


def fallback_of(assignment: Assignment | None) -> Assignment | None:
    """The same assignment with its fallback in the place of its recipe; None where it has none."""
    if assignment is None or assignment.fallback is None:
        return None
    back = assignment.fallback
    runs = replace(assignment, recipe=back.recipe, variants=back.variants)
    return replace(runs, shadow=None, fallback=None, watch=None)


def alarm_of(fact: RolledBack) -> Raised:
    """Stands while the fallback runs."""
    values: dict[str, Value] = {"count": fact.count, "of": fact.of, "author": fact.author}
    message = f"the station went back to what ran before: {fact.reason}"
    return Raised(_CASES[fact.cause], message, TODO, fact.at, values)
