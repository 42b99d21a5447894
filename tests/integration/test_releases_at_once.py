"""Stations of one release that report at the same moment: the same on both databases."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from simulators.told_stations import ToldStation, stock
from sqlalchemy import Connection, text

from andon.domain.inspections import Verdict
from andon.domain.releases import Release, ReleaseSettings, ReleaseStep
from andon.services.release_steps import advance
from andon.services.releases import ReleaseRequest, release
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace, create_workspace
from andon.store import assignments, releases, stations
from andon.store.database import Database

PATIENCE = 60.0
SETTINGS = ReleaseSettings(shadow_parts=4, shadow_flips=0.25)


@pytest.fixture
def workspace(tmp_path: Path, database: Database) -> Iterator[Workspace]:
    """ST-1 and ST-2 run version 1 of the recipe; version 2 may be released."""
    made = create_workspace(tmp_path / "ws", "mara")[0]
    made.database.close()
    moved = replace(made, database=database)
    stock(moved)
    yield moved


def running(workspace: Workspace, name: str) -> ToldStation:
    made = ToldStation(workspace, name)
    made.reports()
    assign(workspace, name, AssignmentRequest("brackets@1"))
    for _ in range(2):
        made.reports()
    return made


def begun(workspace: Workspace, *named: ToldStation) -> Release:
    """A release that judges beside on all stations."""
    waves = (tuple(station.name for station in named),)
    made = release(workspace, ReleaseRequest("brackets@2", waves, "finds more", settings=SETTINGS))
    for station in named:
        for _ in range(2):
            station.reports()
    return made


def heard(workspace: Workspace, station: ToldStation) -> None:
    """The hub keeps a report, and has not come to the release yet."""
    with workspace.database.write() as tx:
        said = station.report()
        stations.report(tx, said, f"station/{station.name}", said.at)


def hold(tx: Connection) -> None:
    """Let nobody tell a station anything until ``tx`` ends; on SQLite nobody writes at all."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("LOCK TABLE assignments IN SHARE MODE"))


def waiting(tx: Connection) -> int:
    """How many wait for a lock."""
    counted = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    return int(tx.execute(counted).scalar_one())


def at_once(workspace: Workspace, *calls: Callable[[], object]) -> list[Future[object]]:
    """Make all calls, and let none tell a station anything before all have come as far as they can."""
    with ThreadPoolExecutor(len(calls)) as pool, workspace.database.write() as tx:
        hold(tx)
        begun = [pool.submit(call) for call in calls]
        end = time.monotonic() + PATIENCE
        while tx.dialect.name == "postgresql" and waiting(tx) < len(calls):
            assert time.monotonic() < end, "they neither wait nor end"
            if all(one.done() for one in begun):
                break
    return begun


def story(workspace: Workspace, of: Release, name: str) -> list[ReleaseStep]:
    with workspace.database.read() as tx:
        return [event.step for event in releases.events(tx, of.id) if event.station == name]


def test_where_one_stops_and_the_other_is_to_be_switched_one_of_them_is_first(workspace: Workspace) -> None:
    bad, good = running(workspace, "ST-1"), running(workspace, "ST-2")
    of = begun(workspace, bad, good)
    bad.judges(*[(Verdict.PASS, Verdict.REJECT)] * 4)
    good.judges(*[(Verdict.PASS, Verdict.PASS)] * 4)
    for station in (bad, good):
        heard(workspace, station)
    done = at_once(workspace, *(lambda n=name: advance(workspace, n) for name in ("ST-1", "ST-2")))
    assert [one.exception() for one in done] == [None, None]
    before = [ReleaseStep.WAITING, ReleaseStep.SHADOW]
    assert story(workspace, of, "ST-1") == [*before, ReleaseStep.STOPPED]
    assert story(workspace, of, "ST-2") in ([*before, ReleaseStep.STOPPED], [*before, ReleaseStep.SWITCHED])


def test_a_station_that_reports_twice_takes_one_step(workspace: Workspace) -> None:
    good = running(workspace, "ST-1")
    of = begun(workspace, good)
    good.judges(*[(Verdict.PASS, Verdict.PASS)] * 4)
    heard(workspace, good)
    with workspace.database.read() as tx:
        before = assignments.next_counter(tx, "ST-1")
    done = at_once(workspace, *[lambda: advance(workspace, "ST-1")] * 2)
    assert [one.exception() for one in done] == [None, None]
    assert story(workspace, of, "ST-1")[2:] == [ReleaseStep.SWITCHED]
    with workspace.database.read() as tx:
        assert assignments.next_counter(tx, "ST-1") == before + 1
