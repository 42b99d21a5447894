"""A station that follows assignments and goes back from them, without an inspector's process: a real spool,
a real library, and a hub that is a twin."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from simulators import graphs
from simulators.hub_twin import HubTwin
from simulators.station_parts import AT, HandClock, frame, record

from andon.blobs.folder import FolderBlobs
from andon.domain.inspections import Decision, Inspection, Reason, ReasonCode, Verdict
from andon.domain.stations import Assignment, RolledBack, Runnable, WatchLimits
from andon.errors import DiskFull
from andon.runtime.execution import REFERENCE
from andon.runtime.package import LoadedPackage
from andon.station.hub.assignments import Assignments
from andon.station.hub.client import Hub
from andon.station.hub.library import Keeper, Library
from andon.station.hub.rollbacks import WayBack
from andon.station.inspecting.inspectors import Prepared
from andon.station.inspecting.judgements import Setup
from andon.station.inspecting.process import InspectorFailed
from andon.station.running.loops import Thread
from andon.station.spool.records import Spool
from andon.station.spool.thread import SpoolThread
from andon.station.state.line import LineState
from andon.station.state.recent import Judged

LIMITS = WatchLimits(seconds=600.0, rejects=0.05)


class BesideTwin:
    """Remembers what was to judge beside."""

    def __init__(self) -> None:
        self.wanted: Setup | None = None
        self.notes: list[str] = []

    def want(self, setup: Setup | None) -> None:
        self.wanted = setup

    def cannot(self, _recipe: object, note: str) -> None:
        self.wanted = None
        self.notes.append(note)


class InspectorsTwin:
    """Switches as the real ones do, without a process: what is prepared is kept, then it runs."""

    def __init__(self, state: LineState) -> None:
        self.prepared: Prepared | None = None
        self.spoiled = False
        self.beside = BesideTwin()
        self.meanwhile: Callable[[], None] = lambda: None
        self.barred = 0
        self._state = state

    async def swap(
        self, prepared: Prepared, keep: Callable[[], Awaitable[None]], quiet: bool = True
    ) -> None:
        self.meanwhile()
        if prepared.assignment.recipe.version == self.barred:
            raise InspectorFailed(ReasonCode.MODEL_FAILED, "it was not ready in time")
        await keep()
        self.prepared = prepared
        self._state.assignment = prepared.assignment


class FullSpool(Spool):
    """A spool whose disk is full as often as it is told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = 0
        keep = self.facts.keep_rolled_back

        def kept(fact: RolledBack) -> None:
            if self.full:
                self.full -= 1
                raise DiskFull("no space is left", "Free some.")
            keep(fact)

        self.facts.keep_rolled_back = kept  # type: ignore[method-assign]


class Station:
    """What runs is decided here; parts come from the test."""

    def __init__(self, folder: Path, hub: HubTwin) -> None:
        self.hand = HandClock((0.5,))
        clock = self.hand.clock
        self.folder = folder
        self.state = LineState("st-1", "line-1", "test", AT)
        self.inspectors = InspectorsTwin(self.state)
        self.spool = FullSpool(folder / "spool.db")
        writing = SpoolThread(self.spool, Thread("spool"))
        client = httpx.Client(base_url=hub.address, timeout=10)
        library = Library(folder / "packages", FolderBlobs(folder / "templates"))
        keeper = Keeper(Hub(client, "st-1"), library, "st-1")
        given: Any = (keeper, self.inspectors, writing, self.state, clock)
        self.assignments = Assignments(*given)
        self.way_back = WayBack(*given)

    async def follow(self, counter: int) -> None:
        self.assignments.wanted = counter
        assert await self.assignments._guarded(self.assignments._follow), self.state.alarms

    def parts(self, count: int, verdict: Verdict = Verdict.PASS) -> None:
        for _ in range(count):
            self.hand.seconds += 0.2
            seen = frame(1, self.hand.clock)
            self.state.judged(Judged(self.part(verdict), seen), self.hand.seconds)

    def part(self, verdict: Verdict) -> Inspection:
        """By the model that runs; NO-DECISION: no inspector was ready."""
        if verdict is Verdict.NO_DECISION:
            decision = Decision(verdict, (Reason(ReasonCode.MODEL_FAILED, None, "no inspector is ready"),))
            return replace(record(), recipe="", recipe_version=0, decision=decision)
        runs = self.runs()
        return replace(record(verdict=verdict), recipe=runs.recipe.name, recipe_version=runs.recipe.version)

    def runs(self) -> Assignment:
        assert self.state.assignment is not None
        return self.state.assignment


def runnable(package: LoadedPackage, version: int) -> Runnable:
    return Runnable(graphs.recipe_for(package, version=version), (REFERENCE,))


def assign(hub: HubTwin, packages: tuple[LoadedPackage, ...], **more: Any) -> Assignment:
    """Have the station run version 2, of the second package: watched, and with the first to go back to."""
    new = runnable(packages[1], 2)
    told = {"fallback": runnable(packages[0], 1), "watch": LIMITS, **more}
    return hub.assign(new.recipe, new.variants, **told)


def play(act: Callable[[Station], Awaitable[None]], folder: Path, hub: HubTwin) -> None:
    async def whole() -> None:
        station = Station(folder, hub)
        try:
            await asyncio.wait_for(act(station), 60)
        finally:
            station.spool.close()

    folder.mkdir(exist_ok=True)
    asyncio.run(whole())
