"""What the station runs: fetched, verified, made durable, swapped in; after a restart without the hub."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from andon.domain.stations import AlarmCode, Assignment, RolledBack
from andon.errors import AndonError, NetworkError, OperatorError
from andon.station.hub.library import Keeper
from andon.station.hub.packages import named, named_before
from andon.station.hub.rollbacks import Superseded, alarm_of, fallback_of
from andon.station.inspecting.inspectors import Inspectors, Interrupted
from andon.station.running.clock import Clock, back_off
from andon.station.running.loops import Thread
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Case, Raised
from andon.station.state.line import LineState
from andon.station.state.trial import Trial, trial_of

ROUND = 0.5
LONGEST_PAUSE = 15.0
REFUSED_PAUSE = 60.0
"""Seconds before what was refused is tried again, and a shadow that could not be fetched."""

LOG = logging.getLogger(__name__)


class Assignments:
    """Sees to it that the newest assignment runs, or its fallback where the station went back from it.

    Attributes:
        wanted: counter that the hub named last; 0 while it named none.
    """

    def __init__(
        self, keeper: Keeper, inspectors: Inspectors, spool: SpoolThread, state: LineState, clock: Clock
    ) -> None:
        self.wanted = 0
        self._keeper = keeper
        self._inspectors = inspectors
        self._spool = spool
        self._state = state
        self._clock = clock
        self._thread = Thread("assignments")
        self._order: _Order | None = None
        self._last: Assignment | None = None
        self._refused = (0, 0.0)
        self._shadow: tuple[Assignment, float] | None = None
        self._tidy_from: float | None = None

    async def run(self) -> None:
        """Run what ran before, then follow the hub, until cancelled."""
        await self._guarded(self._resume)
        failures = 0
        while True:
            failures = 0 if await self._guarded(self._follow) else failures + 1
            pause = back_off(self._clock, failures, LONGEST_PAUSE) if failures else ROUND
            await self._clock.sleep(pause)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Whether the step did what it should; what is refused becomes an alarm, the old one goes on."""
        try:
            await step()
        except (NetworkError, Interrupted):
            # The loop that reports, or the way back, raises the alarm; what is to be done stays to be done.
            return False
        except AndonError as cause:
            self._refuse(cause)
            return False
        return True

    async def _resume(self) -> None:
        """Without the hub: a station goes on after a restart with what it had."""
        facts = self._spool.spool.facts
        text, key = await self._spool.call(facts.assignment), await self._spool.call(facts.hub_key)
        if text is None or key is None:
            self._alarm_none()
            return
        floor = await self._spool.call(facts.floor)
        assignment = self._keeper.stored(text, key, floor)
        self._last = assignment
        fact = await self._spool.call(facts.rolled_back)
        if fact is not None and fact.counter == assignment.counter:
            assignment = fallback_of(assignment) or assignment
            self._state.rolled_back = fact
            self._state.raise_alarm(alarm_of(fact))
        self._order = _Order(assignment, None, self._state.rolled_back)
        self._state.assignment = assignment

    async def _follow(self) -> None:
        """Fetch what the hub wants to run, where it is newer; then run what is to be run."""
        if self._inspectors.spoiled and self._inspectors.prepared and self._order is None:
            self._order = _Order(self._inspectors.prepared.assignment, None, self._state.rolled_back)
        if self._is_new(self.wanted):
            self._order = await self._fetched()
        if self._order is not None:
            await self._carry_out(self._order)
        if self._shadow is not None and self._clock.monotonic() >= self._shadow[1]:
            await self._judge_beside(self._shadow[0])
        if self._tidy_from is not None and self._clock.monotonic() >= self._tidy_from:
            await self._tidy()

    def _is_new(self, counter: int) -> bool:
        if not counter or counter == self._counter():
            return False
        refused, until = self._refused
        return counter != refused or self._clock.monotonic() >= until

    def _counter(self) -> int:
        """Of what is to be run, else of what runs."""
        if self._order is not None:
            return self._order.assignment.counter
        return self._inspectors.prepared.assignment.counter if self._inspectors.prepared else 0

    async def _fetched(self) -> "_Order":
        known = await self._spool.call(self._spool.spool.facts.hub_key)
        key = self._keeper.told or known
        if key is None:
            key = await self._thread.call(self._keeper.met)
        if key != known:
            await self._spool.call(self._spool.spool.facts.keep_hub_key, key)
        floor = await self._spool.call(self._spool.spool.facts.floor)
        left = self._state.rolled_back
        return _Order(*await self._thread.call(self._keeper.fetch, key, floor), left)

    async def _carry_out(self, order: "_Order") -> None:
        """Nothing is switched to whose way back does not lie here too."""
        assignment = self._to_run(order)
        try:
            self._refuse_left(order)
            prepared = await self._thread.call(self._keeper.prepare, assignment)
            if order.text is not None and assignment.fallback is not None:
                await self._thread.call(self._keeper.setup, assignment.fallback)
            await self._inspectors.swap(prepared, lambda: self._keep(order))
        except Superseded:
            self._order = None
            return
        except AndonError:
            # After a restart nothing is watched while it starts, but what does not start is to be left.
            if order.text is None:
                self._state.trial = await self._trial_again(assignment)
            raise
        self._order = None
        self._state.clear_alarm(AlarmCode.PACKAGE_REFUSED)
        self._shadow, self._tidy_from = (assignment, 0.0), 0.0

    async def _keep(self, order: "_Order") -> None:
        """The floor rises before the first part is judged by it, and the watch begins."""
        assignment, facts = self._to_run(order), self._spool.spool.facts
        self._refuse_left(order)
        if order.text is None:
            self._state.trial = await self._trial_again(assignment)
            return
        left = None
        if order.left is not None and self._is_left(order.assignment):
            left = replace(order.left, counter=assignment.counter)
        known = await self._spool.call(facts.packages_before)
        told = (order.text, assignment.counter, self._clock.unix(), left)
        before = named_before(self._last, order.assignment, known)
        await self._spool.call(facts.keep_assignment, *told, before)
        self._last, self._state.rolled_back = order.assignment, left
        if left is None:
            self._state.clear_alarm(AlarmCode.ROLLED_BACK)
        self._state.trial = trial_of(assignment, self._clock.monotonic(), 0.0)

    async def _trial_again(self, assignment: Assignment) -> Trial | None:
        """After a restart, the rest of the watch; of what is watched already, that goes on."""
        facts, trial = self._spool.spool.facts, self._state.trial
        if trial is not None and trial.counter == assignment.counter:
            return trial
        if await self._spool.call(facts.watched) == assignment.counter:
            return None
        watched = max(0.0, self._clock.unix() - await self._spool.call(facts.switched))
        return trial_of(assignment, self._clock.monotonic(), watched)

    def _to_run(self, order: "_Order") -> Assignment:
        """What is ordered, or its fallback where the same was left already."""
        is_left = order.text is not None and self._is_left(order.assignment)
        return (fallback_of(order.assignment) if is_left else None) or order.assignment

    def _is_left(self, assignment: Assignment) -> bool:
        """Whether the station went back from the same recipe version of the same release: what it was told
        since may say something else of pictures, but was said before anybody knew.
        """
        left, last = self._state.rolled_back, self._last
        if left is None or last is None or left.counter != last.counter or assignment.fallback is None:
            return False
        same = (last.recipe.name, last.recipe.version) == (
            assignment.recipe.name,
            assignment.recipe.version,
        )
        return same and last.release is not None and last.release == assignment.release

    def _refuse_left(self, order: "_Order") -> None:
        """The station went back in the meantime: from this one, or from what ran before it.

        Raises:
            Superseded: so it did; what the hub wants is fetched and looked at again.
        """
        if self._state.rolled_back != order.left:
            raise Superseded("the station went back in the meantime")

    async def _judge_beside(self, assignment: Assignment) -> None:
        """A shadow that cannot be fetched is a note in the report, and is tried again."""
        self._shadow = None
        shadow = assignment.shadow if self._state.rolled_back is None else None
        if shadow is None:
            self._inspectors.beside.want(None)
            return
        try:
            setup = await self._thread.call(self._keeper.setup, shadow)
        except AndonError as cause:
            self._inspectors.beside.cannot(shadow.recipe, cause.message)
            self._shadow = (assignment, self._clock.monotonic() + REFUSED_PAUSE)
        else:
            # Meanwhile the station may have gone back, to what nothing is compared with.
            self._inspectors.beside.want(None if self._state.rolled_back else setup)

    async def _tidy(self) -> None:
        """Keep what the assignment in force names, and what the one before named; let go of the rest."""
        self._tidy_from = None
        runs, last = self._inspectors.prepared, self._last
        if runs is None or last is None or runs.assignment.counter != last.counter:
            return
        try:
            before = await self._spool.call(self._spool.spool.facts.packages_before)
            if before is not None:
                await self._thread.call(self._keeper.tidy, named(last) | before | {runs.setup.package})
        except OperatorError as cause:
            # What stays harms nobody: where room gets scarce, the disk's own alarm says so.
            LOG.warning("packages are not tidied: %s %s", cause.message, cause.todo)
            self._tidy_from = self._clock.monotonic() + REFUSED_PAUSE

    def _refuse(self, cause: AndonError) -> None:
        """What runs goes on; the same is tried again after a while, something newer at once."""
        counter = self._order.assignment.counter if self._order else self.wanted
        self._refused = (counter, self._clock.monotonic() + REFUSED_PAUSE)
        self._order = None if self._inspectors.prepared else self._order
        now, values = self._clock.now(), {"counter": counter}
        alarm = Raised(Case.ASSIGNMENT_REFUSED, cause.message, cause.todo, now, values)
        self._state.raise_alarm(alarm)

    def _alarm_none(self) -> None:
        message = "the station has no assignment: every part is NO-DECISION"
        todo = "Assign a recipe to this station on the hub's page Stations."
        self._state.raise_alarm(Raised(Case.NOTHING_ASSIGNED, message, todo, self._clock.now()))


@dataclass(frozen=True, slots=True)
class _Order:
    """An assignment to be run.

    Attributes:
        text: its signed form to keep; None where it is kept already.
        left: what the station had gone back from when this was ordered.
    """

    assignment: Assignment
    text: str | None
    left: RolledBack | None
