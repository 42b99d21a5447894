"""The way back: by itself, by a person, without a hub, with a bad disk, and for good."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from simulators import graphs
from simulators.hub_twin import HubTwin, hub_twin
from simulators.station_parts import AT, HandClock, frame, record
from simulators.station_scene import packaged

from andon.blobs.folder import FolderBlobs
from andon.domain.feedback import SendPolicy
from andon.domain.inspections import Decision, Inspection, Reason, ReasonCode, Verdict
from andon.domain.stations import AlarmCode, Assignment, RollbackCause, RolledBack, Runnable, WatchLimits
from andon.errors import DiskFull
from andon.runtime.execution import REFERENCE
from andon.runtime.package import LoadedPackage
from andon.station.hub.assignments import Assignments
from andon.station.hub.client import Hub
from andon.station.hub.library import Keeper, Library
from andon.station.hub.rollbacks import RETRY, WayBack
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


@pytest.fixture
def packages(tmp_path: Path) -> tuple[LoadedPackage, ...]:
    (tmp_path / "hub").mkdir()
    return tuple(packaged(tmp_path / "hub", name) for name in ("old", "new", "third"))


@pytest.fixture
def hub(tmp_path: Path, packages: tuple[LoadedPackage, ...]) -> Iterator[HubTwin]:
    with hub_twin(tmp_path / "hub") as twin:
        yield twin


def runnable(package: LoadedPackage, version: int) -> Runnable:
    return Runnable(graphs.recipe_for(package, version=version), (REFERENCE,))


def assign(hub: HubTwin, packages: tuple[LoadedPackage, ...], **more: Any) -> Assignment:
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


def test_a_model_that_rejects_everything_is_left_without_the_hub_and_for_good(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def first(station: Station) -> None:
        assigned = assign(hub, packages)
        await station.follow(1)
        assert station.runs() == assigned
        assert station.inspectors.beside.wanted is None
        hub.away = True
        station.parts(200)
        await station.way_back.step()
        assert station.runs() == assigned, "what is good stays"
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        runs = station.runs()
        assert (runs.counter, runs.recipe, runs.fallback) == (1, runnable(packages[0], 1).recipe, None)
        report = station.state.report(AT, station.hand.seconds)
        assert (report.counter, report.recipe_version, report.package) == (1, 1, packages[0].digest)
        fact = report.rolled_back
        assert fact is not None
        assert (fact.counter, fact.author, fact.cause) == (1, "watch", RollbackCause.REJECTS)
        assert "60 of 260 parts were REJECT or REVIEW" in fact.reason
        assert AlarmCode.ROLLED_BACK in station.state.alarms
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        assert station.runs() == runs, "there is one way back, and it was gone"

    async def after_a_restart(station: Station) -> None:
        await station.assignments._resume()
        await station.assignments._follow()
        assert station.runs().recipe == runnable(packages[0], 1).recipe
        assert station.state.rolled_back is not None
        assert AlarmCode.ROLLED_BACK in station.state.alarms
        assert station.state.trial is None
        hub.away = False
        await station.follow(1)
        assert station.runs().recipe.version == 1, "the same assignment is not begun again"
        third = runnable(packages[2], 3)
        hub.assign(third.recipe, third.variants)
        await station.follow(2)
        assert station.runs().recipe.version == 3
        assert station.state.rolled_back is None
        assert AlarmCode.ROLLED_BACK not in station.state.alarms

    play(first, tmp_path / "st", hub)
    play(after_a_restart, tmp_path / "st", hub)


def test_a_person_goes_back_from_what_runs_and_from_nothing_else(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        assign(hub, packages, watch=None, counter=4)
        await station.follow(4)
        station.state.asked_back = (3, "operator")
        await station.way_back.step()
        assert station.runs().recipe.version == 2, "that was said of an older one"
        station.state.asked_back = (4, "operator")
        await station.way_back.step()
        fact = station.state.rolled_back
        assert fact is not None
        assert (fact.author, fact.cause, station.runs().recipe.version) == (
            "operator",
            RollbackCause.PERSON,
            1,
        )

    play(act, tmp_path / "st", hub)


def test_a_full_disk_does_not_bar_the_way_and_it_is_written_down_later(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        assign(hub, packages)
        await station.follow(1)
        station.parts(60, Verdict.REJECT)
        station.spool.full = 1
        await station.way_back.step()
        assert station.runs().recipe.version == 1
        assert station.spool.facts.rolled_back() is None
        station.hand.seconds += RETRY
        await station.way_back.step()
        assert station.spool.facts.rolled_back() == station.state.rolled_back

    play(act, tmp_path / "st", hub)


def test_a_spoiled_fallback_is_fetched_again_and_the_bar_is_said(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        assign(hub, packages)
        await station.follow(1)
        shutil.rmtree(station.folder / "packages" / packages[0].digest)
        hub.away = True
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        assert station.runs().recipe.version == 2
        assert "barred" in station.state.alarms[AlarmCode.PACKAGE_REFUSED].message
        hub.away = False
        station.hand.seconds += RETRY
        await station.way_back.step()
        assert station.runs().recipe.version == 1
        assert set(station.state.alarms) == {AlarmCode.ROLLED_BACK}

    play(act, tmp_path / "st", hub)


def test_nothing_is_switched_to_whose_way_back_is_not_here(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        graph = packages[0].folder / "model.onnx"
        graph.write_bytes(graph.read_bytes()[:-1] + b"x")
        assign(hub, packages)
        station.assignments.wanted = 1
        assert not await station.assignments._guarded(station.assignments._follow)
        assert station.state.assignment is None
        assert AlarmCode.PACKAGE_REFUSED in station.state.alarms

    play(act, tmp_path / "st", hub)


def test_what_is_newer_is_not_left_for_what_was_bad_before(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        assigned = assign(hub, packages)
        await station.follow(1)
        station.parts(60, Verdict.REJECT)
        newer = replace(assigned, counter=2, recipe=runnable(packages[2], 3).recipe, fallback=None)

        def switch() -> None:
            station.state.assignment = newer

        station.inspectors.meanwhile = switch
        await station.way_back.step()
        assert station.runs() == newer
        assert station.state.rolled_back is None

    play(act, tmp_path / "st", hub)


def test_watching_ends_and_goes_on_after_a_restart_where_it_was(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def first(station: Station) -> None:
        assign(hub, packages)
        await station.follow(1)
        station.hand.seconds += LIMITS.seconds + 1
        await station.way_back.step()
        assert station.state.trial is not None, "no part came yet"
        station.parts(LIMITS.parts)
        await station.way_back.step()
        assert station.state.trial is None
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        assert station.runs().recipe.version == 2

    async def ended(station: Station) -> None:
        await station.assignments._resume()
        await station.assignments._follow()
        assert station.state.trial is None, "it ended well before"
        assign(hub, packages)
        await station.follow(2)

    async def later(station: Station) -> None:
        station.hand.seconds += 400
        await station.assignments._resume()
        await station.assignments._follow()
        trial = station.state.trial
        assert trial is not None
        assert trial.until == pytest.approx(station.hand.seconds + 200, abs=1)

    async def much_later(station: Station) -> None:
        station.hand.seconds += 100_000
        await station.assignments._resume()
        await station.assignments._follow()
        await station.way_back.step()
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        assert station.runs().recipe.version == 1, "the line stood still; nobody had watched it"

    for act in (first, ended, later, much_later):
        play(act, tmp_path / "st", hub)


def test_a_change_made_before_anybody_knew_does_not_undo_the_way_back(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def first(station: Station) -> None:
        assign(hub, packages, release="r-1")
        await station.follow(1)
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        gone = station.state.rolled_back
        assert gone is not None
        assign(hub, packages, release="r-1", send=SendPolicy())
        await station.follow(2)
        runs = station.runs()
        assert (runs.counter, runs.recipe.version, runs.fallback) == (2, 1, None)
        assert runs.send == SendPolicy()
        assert station.state.rolled_back == replace(gone, counter=2)
        assert (station.state.trial, set(station.state.alarms)) == (None, {AlarmCode.ROLLED_BACK})

    async def after_a_restart(station: Station) -> None:
        await station.assignments._resume()
        await station.assignments._follow()
        assert (station.runs().counter, station.runs().recipe.version) == (2, 1)
        assign(hub, packages, release="r-1", send=None)
        await station.follow(3)
        assert (station.runs().counter, station.runs().recipe.version) == (3, 1)
        assign(hub, packages, release="r-2")
        await station.follow(4)
        assert (station.runs().recipe.version, station.state.rolled_back) == (2, None), "a person wants it"
        assert (station.state.trial is not None, station.state.alarms) == (True, {})

    play(first, tmp_path / "st", hub)
    play(after_a_restart, tmp_path / "st", hub)


def test_a_model_that_does_not_start_again_after_a_restart_is_left(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def first(station: Station) -> None:
        assign(hub, packages)
        await station.follow(1)

    async def after_a_restart(station: Station) -> None:
        hub.away = True
        await station.assignments._resume()
        station.inspectors.barred = 2
        station.parts(60, Verdict.NO_DECISION)
        await station.way_back.step()
        assert station.state.rolled_back is None, "it is just being started"
        assert not await station.assignments._guarded(station.assignments._follow)
        station.parts(60, Verdict.NO_DECISION)
        await station.way_back.step()
        fact = station.state.rolled_back
        assert fact is not None
        assert (fact.cause, station.runs().recipe.version) == (RollbackCause.UNDECIDED, 1)
        assert await station.assignments._guarded(station.assignments._follow)
        assert station.runs().recipe.version == 1

    play(first, tmp_path / "st", hub)
    play(after_a_restart, tmp_path / "st", hub)


def test_what_comes_while_the_station_goes_back_is_looked_at_again(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        assign(hub, packages, release="r-1")
        await station.follow(1)
        assign(hub, packages, release="r-1", send=SendPolicy())
        fact = RolledBack(1, "bad", "watch", AT, RollbackCause.REJECTS)

        def went_back() -> None:
            station.state.rolled_back = fact
            station.inspectors.meanwhile = lambda: None

        station.inspectors.meanwhile = went_back
        await station.follow(2)
        assert station.runs().counter == 1
        await station.follow(2)
        assert (station.runs().counter, station.runs().recipe.version) == (2, 1)
        assert station.state.rolled_back == replace(fact, counter=2)

    play(act, tmp_path / "st", hub)


def test_a_bad_model_after_an_hour_without_a_part_is_still_left(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        assign(hub, packages)
        await station.follow(1)
        station.hand.seconds += 3600
        await station.way_back.step()
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        assert station.runs().recipe.version == 1

    play(act, tmp_path / "st", hub)


def test_a_shadow_is_fetched_like_the_others_and_a_spoiled_one_is_a_note(
    tmp_path: Path, hub: HubTwin, packages: tuple[LoadedPackage, ...]
) -> None:
    async def act(station: Station) -> None:
        assign(hub, packages, fallback=None, watch=None, shadow=runnable(packages[2], 3))
        await station.follow(1)
        wanted = station.inspectors.beside.wanted
        assert wanted is not None
        assert (wanted.package, wanted.recipe.version) == (packages[2].digest, 3)
        shutil.rmtree(station.folder / "packages" / packages[2].digest)
        graph = packages[2].folder / "model.onnx"
        graph.write_bytes(graph.read_bytes()[:-1] + b"x")
        assign(hub, packages, fallback=None, watch=None, shadow=runnable(packages[2], 3))
        await station.follow(2)
        assert station.runs().counter == 2
        assert station.inspectors.beside.wanted is None
        assert len(station.inspectors.beside.notes) == 1
        assert station.state.alarms == {}

    play(act, tmp_path / "st", hub)
