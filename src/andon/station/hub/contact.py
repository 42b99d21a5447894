"""Whether the hub is there, and the reports it gets every two seconds. The line never waits for it."""

from dataclasses import dataclass

from andon.domain.stations import AlarmCode
from andon.errors import AndonError, NetworkError
from andon.station.hub.assignments import Assignments
from andon.station.hub.client import Hub
from andon.station.running.clock import Clock
from andon.station.running.loops import Thread
from andon.station.running.watch import Watch
from andon.station.state.alarms import Case, Raised
from andon.station.state.line import LineState

REPORT_SECONDS = 2.0
PATIENCE = 120.0

NOT_THIS_RECORD = frozenset({400, 409, 413, 422})
"""HTTP statuses that say that what was sent is wrong; others say that the hub is."""


class HubContact:
    """Whether the hub is there, as several loops find it."""

    def __init__(self, state: LineState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._away: dict[str, str] = {}

    def failed(self, loop: str, cause: AndonError) -> None:
        """A loop got no answer, or one it cannot use."""
        self._away[loop] = cause.message
        todo = f"{cause.todo} Parts are judged and kept here as long as there is disk.".strip()
        case = Case.HUB_SILENT if isinstance(cause, NetworkError) else Case.HUB_REFUSES
        self._state.raise_alarm(Raised(case, cause.message, todo, self._clock.now()))

    def answered(self, loop: str) -> None:
        """A loop got its answer."""
        self._away.pop(loop, None)
        if not self._away:
            self._state.clear_alarm(AlarmCode.HUB_AWAY)


@dataclass(frozen=True, slots=True)
class Link:
    """What both loops need: the hub, whether it is there, who supervises, and time."""

    hub: Hub
    contact: HubContact
    watch: Watch
    clock: Clock


class Reports:
    """Says every two seconds how the station is, and hears which assignment it should run."""

    def __init__(self, link: Link, state: LineState, assignments: Assignments) -> None:
        self._link = link
        self._state = state
        self._assignments = assignments
        self._thread = Thread("reports")

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._link.clock
        while True:
            report = self._state.report(clock.now(), clock.monotonic())
            try:
                with self._link.watch.step("reports", PATIENCE):
                    answer = await self._thread.call(self._link.hub.report, report)
            except AndonError as cause:
                self._link.contact.failed("reports", cause)
            else:
                self._link.contact.answered("reports")
                self._assignments.wanted = answer.counter
            await clock.sleep(REPORT_SECONDS)
