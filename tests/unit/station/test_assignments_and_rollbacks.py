"""Assignments that come before, while and after a station goes back, and what must be here for each."""

import shutil
from dataclasses import replace
from pathlib import Path

from simulators.hub_twin import HubTwin
from simulators.station_parts import AT
from simulators.switching_station import Station, assign, play, runnable

from andon.domain.feedback import SendPolicy
from andon.domain.inspections import Verdict
from andon.domain.stations import AlarmCode, RollbackCause, RolledBack
from andon.runtime.package import LoadedPackage


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
