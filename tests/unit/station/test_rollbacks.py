"""The way back: by itself, by a person, without a hub, with a bad disk, and for good."""

import shutil
from pathlib import Path

import pytest
from simulators.hub_twin import HubTwin
from simulators.station_parts import AT
from simulators.switching_station import LIMITS, Station, assign, play, runnable

from andon.domain.inspections import Verdict
from andon.domain.stations import AlarmCode, RollbackCause
from andon.runtime.package import LoadedPackage
from andon.station.hub.rollbacks import RETRY


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
