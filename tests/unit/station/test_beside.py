"""The model that judges beside: only in time to spare, in nobody's way, and what it said is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from simulators.hub_twin import HubTwin, hub_twin
from simulators.station_parts import AT, HandClock, frame, record

from andon.domain.inspections import Decision, ReasonCode, Shadow, Verdict
from andon.domain.models import Cuts
from andon.domain.recipes import Recipe
from andon.errors import DiskFull, NetworkError
from andon.station.hub.client import Hub
from andon.station.hub.contact import HubContact, Link
from andon.station.hub.shadows import Shadows
from andon.station.inspecting.beside import MAX_SAID, RETRY, ROUND, STUCK, Beside
from andon.station.inspecting.judgements import Judgement, Setup
from andon.station.inspecting.process import InspectorFailed, PackageRefused
from andon.station.running.clock import Clock
from andon.station.running.watch import Watch
from andon.station.spool.shadows import ShadowSpool
from andon.station.state.line import LineState
from andon.units import Digest
from andon.wire.deliveries import shadow_id

RECIPE = Recipe("plain", 3, None, Digest("1" * 64), {"bright": Cuts(0.4, 0.6)})
SETUP = Setup("/nowhere", RECIPE.package, RECIPE, (), 1)


class ProcessTwin:
    """Judges once the gate is open; dies when it is killed."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.ended = asyncio.Event()
        self.ready = SimpleNamespace(variant="twin/f32", machine="avx2")
        self.closed = False
        self.stopped = False

    def pause(self) -> None:
        self.stopped = True

    def resume(self) -> None:
        self.stopped = False

    async def judge(self, _frame: object) -> Judgement:
        await self.gate.wait()
        if self.ended.is_set():
            raise InspectorFailed(ReasonCode.MODEL_FAILED, "the inspector died")
        return Judgement(Decision(Verdict.REVIEW), {"bright": 0.5}, (), 2.0, {}, {})

    def kill(self) -> None:
        self.ended.set()
        self.gate.set()

    async def close(self) -> None:
        self.closed = True


@dataclass
class Bench:
    """A shadow on a hand clock; ``refuse`` is what the next processes do instead of starting."""

    hand: HandClock = field(default_factory=HandClock)
    state: LineState = field(default_factory=lambda: LineState("st-1", "line-1", "test", AT))
    started: list[ProcessTwin] = field(default_factory=list)
    setups: list[Setup] = field(default_factory=list)
    refuse: Exception | None = None

    def __post_init__(self) -> None:
        self.beside = Beside(self.begin, self.state, self.clock)

    @property
    def clock(self) -> Clock:
        return self.hand.clock

    async def begin(self, setup: Setup) -> Any:
        self.setups.append(setup)
        if self.refuse is not None:
            raise self.refuse
        self.started.append(ProcessTwin())
        return self.started[-1]

    def offer(self, inspection: str = "p", is_idle: bool = True) -> None:
        self.beside.offer(frame(1, self.clock), inspection, is_idle)

    def counts(self) -> tuple[int, int]:
        assert self.state.shadow is not None
        return self.state.shadow.judged, self.state.shadow.dropped


def play(act: Callable[[Bench], Awaitable[None]]) -> None:
    async def whole() -> None:
        bench = Bench()
        turning = asyncio.ensure_future(bench.beside.run())
        try:
            await asyncio.wait_for(act(bench), 60)
        finally:
            turning.cancel()
            await asyncio.wait([turning])
        assert turning.cancelled(), turning

    asyncio.run(whole())


def test_a_part_is_judged_when_nobody_waits_and_else_dropped_and_counted() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.want(SETUP)
        bench.offer("before it runs")
        await bench.hand.pass_(3 * ROUND)
        bench.offer("while others wait", is_idle=False)
        bench.offer("judged")
        bench.offer("while it is at one")
        await bench.hand.settle()
        assert bench.counts() == (0, 3)
        bench.started[0].gate.set()
        await bench.hand.settle()
        assert bench.counts() == (1, 3)
        (said,) = bench.beside.take_said()
        assert (said.inspection, said.recipe, said.recipe_version) == ("judged", "plain", 3)
        assert (said.variant, said.decision.verdict) == ("twin/f32", Verdict.REVIEW)
        assert bench.beside.take_said() == ()
        assert all(setup.beside for setup in bench.setups), "it works only when nobody else would"

    play(act)


def test_what_is_not_written_down_yet_has_its_limit() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        bench.started[0].gate.set()
        for number in range(MAX_SAID + 5):
            bench.offer(str(number))
            await bench.hand.settle(3)
        assert bench.counts() == (MAX_SAID, 5)

    play(act)


def test_one_that_dies_is_a_note_and_comes_back_later() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        bench.offer()
        await bench.hand.settle()
        bench.started[0].kill()
        await bench.hand.pass_(2 * ROUND)
        assert bench.state.shadow is not None
        assert "died" in bench.state.shadow.note
        assert (bench.counts(), bench.started[0].closed) == ((0, 1), True)
        await bench.hand.pass_(RETRY / 2)
        assert len(bench.started) == 1
        await bench.hand.pass_(RETRY)
        assert len(bench.started) == 2
        assert bench.state.shadow.note == ""
        assert bench.state.alarms == {}

    play(act)


def test_one_that_hangs_is_killed_and_noted_and_comes_back() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        bench.offer()
        await bench.hand.pass_(STUCK)
        assert not bench.started[0].ended.is_set(), "it may wait long for a processor"
        await bench.hand.pass_(3 * ROUND)
        assert (bench.started[0].ended.is_set(), bench.started[0].closed) == (True, True)
        assert bench.state.shadow is not None
        assert "no judgement for 60 s" in bench.state.shadow.note
        await bench.hand.pass_(RETRY + ROUND)
        bench.started[1].gate.set()
        bench.offer()
        await bench.hand.pass_(2 * STUCK)
        assert (len(bench.started), bench.counts(), bench.state.shadow.note) == (2, (1, 1), "")

    play(act)


def test_it_stands_still_from_when_a_part_comes_until_nobody_waits() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.pause()
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        bench.beside.pause()
        assert not bench.started[0].stopped, "it computes nothing that could be in the way"
        bench.offer()
        await bench.hand.settle()
        bench.beside.pause()
        assert bench.started[0].stopped
        await bench.hand.pass_(3 * STUCK)
        assert not bench.started[0].ended.is_set(), "it stands still because it was told to"
        bench.beside.resume()
        assert not bench.started[0].stopped
        await bench.hand.pass_(STUCK)
        assert not bench.started[0].ended.is_set()
        await bench.hand.pass_(3 * ROUND)
        assert bench.started[0].ended.is_set(), "now it hangs"

    play(act)


def test_a_new_one_does_not_begin_where_the_old_one_stood_still() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        bench.offer()
        await bench.hand.settle()
        bench.beside.pause()
        bench.beside.want(replace(SETUP, recipe=replace(RECIPE, version=4)))
        await bench.hand.pass_(3 * ROUND)
        bench.beside.resume()
        bench.started[1].gate.set()
        bench.offer()
        await bench.hand.settle()
        assert bench.counts() == (1, 1), "the old one let go of a part"

    play(act)


def test_one_that_cannot_start_is_a_note_and_no_alarm() -> None:
    async def act(bench: Bench) -> None:
        bench.refuse = PackageRefused("its golden images do not reproduce")
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        bench.offer()
        report = bench.state.report(AT, 0.0)
        assert report.shadow is not None
        assert (report.shadow.dropped, report.shadow.note) == (1, "its golden images do not reproduce")
        assert report.alarms == ()
        bench.refuse = None
        await bench.hand.pass_(RETRY + ROUND)
        assert len(bench.started) == 1

    play(act)


def test_a_note_goes_with_what_it_was_about() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.cannot(RECIPE, "its package cannot be fetched")
        report = bench.state.report(AT, 0.0)
        assert report.shadow is not None
        assert report.shadow.note == "its package cannot be fetched"
        bench.beside.want(None)
        assert bench.state.shadow is None

    play(act)


def test_another_takes_its_place_and_none_is_killed_at_once() -> None:
    async def act(bench: Bench) -> None:
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        bench.beside.want(SETUP)
        await bench.hand.pass_(3 * ROUND)
        assert len(bench.started) == 1, "the same goes on"
        bench.beside.want(replace(SETUP, recipe=replace(RECIPE, version=4)))
        assert bench.started[0].ended.is_set()
        await bench.hand.pass_(3 * ROUND)
        assert [setup.recipe.version for setup in bench.setups] == [3, 4]
        bench.beside.want(None)
        assert bench.started[1].ended.is_set()
        assert bench.state.shadow is None
        await bench.hand.pass_(RETRY * 2)
        assert len(bench.started) == 2
        assert all(process.closed for process in bench.started)

    play(act)


def shadow(inspection: str) -> Shadow:
    decision = Decision(Verdict.PASS)
    return Shadow(inspection, "plain", 3, RECIPE.package, "twin/f32", decision, (), {}, 1.0, AT)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[ShadowSpool]:
    opened = ShadowSpool(tmp_path / "shadows.db", most=5)
    yield opened
    opened.close()


def test_they_stay_until_they_are_receipted_and_the_oldest_go_first(tmp_path: Path) -> None:
    first = ShadowSpool(tmp_path / "shadows.db", most=5)
    assert first.keep([shadow(str(number)) for number in range(3)]) == 0
    assert first.keep([shadow("2"), *(shadow(str(number)) for number in range(3, 7))]) == 2
    first.close()
    again = ShadowSpool(tmp_path / "shadows.db", most=5)
    ids = [identifier for identifier, _ in again.waiting(10)]
    assert ids == [shadow_id(shadow(str(number))) for number in range(2, 7)]
    again.receipted(ids, ids[:3])
    assert [identifier for identifier, _ in again.waiting(10)] == ids[3:]
    again.keep([shadow("new")])
    assert again.waiting(1)[0][0] == shadow_id(shadow("new")), "what was asked for stands back"
    again.close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubTwin]:
    with hub_twin(tmp_path) as twin:
        yield twin


def test_they_are_handed_over_after_their_parts_and_never_hold_up_anything(
    hub: HubTwin, spool: ShadowSpool
) -> None:
    async def act() -> None:
        bench = Bench()
        client = httpx.Client(base_url=hub.address, timeout=10)
        contact = HubContact(bench.state, bench.clock)
        link = Link(Hub(client, "st-1"), contact, Watch(bench.clock.monotonic), bench.clock)
        uploads = Shadows(link, spool, bench.beside, bench.state)
        part = record()
        bench.beside._said.append(shadow(part.id))
        await uploads.write()
        hub.away = True
        with pytest.raises(NetworkError):
            await uploads.send()
        hub.away = False
        await uploads.send()
        assert (hub.shadows, len(spool.waiting(9))) == ({}, 1), "its part has not come yet"
        hub.records[part.id] = part
        await uploads.send()
        assert hub.shadows == {shadow_id(shadow(part.id)): shadow(part.id)}
        assert spool.waiting(9) == ()
        assert not await uploads.send()

    asyncio.run(act())


def test_a_full_disk_costs_shadows_and_is_counted(hub: HubTwin, spool: ShadowSpool) -> None:
    def full(_shadows: object) -> int:
        raise DiskFull("no space is left", "Free some.")

    async def act() -> None:
        bench = Bench()
        contact = HubContact(bench.state, bench.clock)
        hub_client = Hub(httpx.Client(base_url=hub.address), "st-1")
        link = Link(hub_client, contact, Watch(bench.clock.monotonic), bench.clock)
        spool.keep = full  # type: ignore[method-assign]
        uploads = Shadows(link, spool, bench.beside, bench.state)
        bench.beside._said.extend([shadow("a"), shadow("b")])
        await uploads.write()
        assert (bench.state.shed["shadows"], bench.state.alarms) == (2, {})

    asyncio.run(act())
