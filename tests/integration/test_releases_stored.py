"""Releases, their steps, and what was judged beside: the same on both databases."""

from dataclasses import replace

import pytest
from simulators.records import T0, T1, package, recipe, record, report
from simulators.told_stations import add_gate, add_shadow
from sqlalchemy import Connection

from andon.domain.inspections import Verdict
from andon.domain.recipes import Recipe
from andon.domain.releases import Release, ReleaseEvent, ReleaseSettings, ReleaseStep
from andon.domain.releasing import ShadowTally
from andon.domain.stations import WatchLimits
from andon.errors import NotFound
from andon.store import inspections, models, recipes, releases, stations
from andon.store.releases import Flip, Trial
from andon.units import Timestamp

LATER = Timestamp("2026-01-04T00:00:00.000000Z")
PASS, REJECT = Verdict.PASS, Verdict.REJECT


@pytest.fixture
def versions(tx: Connection) -> tuple[Recipe, Recipe]:
    models.add(tx, package(), "mara", T0)
    for name in ("ST-1", "ST-2"):
        stations.report(tx, report(name), f"station/{name}", T0)
    first, second = (recipes.add_version(tx, recipe(package())) for _ in range(2))
    return first, second


def made(tx: Connection, of: Recipe, number: int = 1) -> Release:
    gate = add_gate(tx, of)
    settings = ReleaseSettings(5, watch=WatchLimits(60.0, 0.1), deadline=30.0)
    what = (of.name, of.version, of.package, gate.id, (("ST-1",), ("ST-2",)), settings)
    release = Release(f"release-{number}", *what, "why", "mara", T0)
    releases.add(tx, release)
    return release


def event(of: Release, station: str, step: ReleaseStep) -> ReleaseEvent:
    return ReleaseEvent(of.id, station, step, "because", "hub", T1)


def test_releases_and_steps_come_back_in_their_order(
    tx: Connection, versions: tuple[Recipe, Recipe]
) -> None:
    first, second = made(tx, versions[0]), made(tx, versions[1], 2)
    assert releases.get(tx, "release-1") == first
    assert [one.id for one in releases.page(tx, None, 9).rows] == [second.id, first.id]
    assert releases.last_of(tx, "ST-1") is None
    written = [
        event(first, "ST-1", ReleaseStep.WAITING),
        event(first, "ST-2", ReleaseStep.WAITING),
        event(first, "ST-1", ReleaseStep.DONE),
        event(second, "ST-1", ReleaseStep.WAITING),
    ]
    for one in written:
        releases.add_event(tx, one)
    assert releases.events(tx, first.id) == tuple(written[:3])
    assert releases.events_of(tx, [second.id, first.id]) == {
        first.id: tuple(written[:3]),
        second.id: (written[3],),
    }
    assert releases.last_of(tx, "ST-1") == written[3]
    assert releases.last_of_all(tx) == (written[3], written[1])
    assert releases.open_ids(tx) == (first.id, second.id)
    releases.add_event(tx, event(first, "ST-2", ReleaseStep.STOPPED))
    assert releases.open_ids(tx) == (second.id,)
    releases.add_event(tx, event(first, "ST-1", ReleaseStep.ROLLED_BACK))
    assert releases.open_ids(tx) == (second.id,)
    assert releases.open_of(tx, "ST-1") == written[3]
    assert releases.open_of(tx, "ST-2") is None
    assert releases.last_in(tx, first.id, "ST-1") == event(first, "ST-1", ReleaseStep.ROLLED_BACK)
    assert releases.last_in(tx, second.id, "ST-2") is None
    with pytest.raises(NotFound, match="no release"):
        releases.get(tx, "other")
    with pytest.raises(NotFound, match="version 9"):
        releases.add(tx, replace(first, id="x", recipe_version=9))


def test_what_passed_its_last_gate_and_was_never_released_waits(
    tx: Connection, versions: tuple[Recipe, Recipe]
) -> None:
    assert releases.gated(tx, 9) == ()
    first, second = (add_gate(tx, version) for version in versions)
    assert [(one.version, one.gate, one.passed) for one in releases.gated(tx, 9)] == [
        (2, second.id, True),
        (1, first.id, True),
    ]
    assert [one.version for one in releases.unreleased(tx, 9)] == [2]  # the first one is outdated
    refused = add_gate(tx, versions[1], passed=False)
    assert [(one.gate, one.passed) for one in releases.gated(tx, 1)] == [(refused.id, False)]
    assert releases.unreleased(tx, 9) == ()
    made(tx, versions[1])
    assert releases.unreleased(tx, 9) == ()


def test_what_was_judged_beside_is_counted_by_station_and_time(
    tx: Connection, versions: tuple[Recipe, Recipe]
) -> None:
    second = versions[1]
    pairs = ((PASS, PASS), (PASS, REJECT), (REJECT, PASS), (Verdict.REVIEW, REJECT), (PASS, None))
    for number, (main, beside) in enumerate(pairs, 1):
        part = record("ST-1", number, main, at=T1)
        inspections.add(tx, [part], "station/ST-1")
        if beside is not None:
            add_shadow(tx, part.id, second, beside)
    trial = Trial("ST-1", second.name, second.version, T0)
    assert releases.tally(tx, trial) == ShadowTally(4, 3, 2, 2, 1, 1)
    assert releases.tally(tx, replace(trial, since=T1)) == ShadowTally(4, 3, 2, 2, 1, 1)
    for other in (
        replace(trial, since=LATER),
        replace(trial, station="ST-2"),
        replace(trial, version=1),
    ):
        assert releases.tally(tx, other) == ShadowTally()
        assert releases.flips(tx, other, 9) == ()
    found = releases.flips(tx, trial, 9)
    assert [flip.shadow for flip in found] == [PASS, REJECT, REJECT]
    assert found[0] == Flip(record("ST-1", 3).id, record("ST-1", 3).part, T1, REJECT, PASS)
    assert len(releases.flips(tx, trial, 1)) == 1
    ran = Trial("ST-1", "brackets", 1, T0)
    assert releases.verdicts(tx, ran, 9) == {PASS: 3, REJECT: 1, Verdict.REVIEW: 1}
    assert sum(releases.verdicts(tx, ran, 2).values()) == 2
    assert releases.verdicts(tx, trial, 9) == {}
