"""The way of a release over a workspace: step by step, wave by wave, and under its own settings."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from simulators import told_stations
from simulators.bracket_releases import AT_ONCE, PASS, REJECT, REVIEW, SETTINGS, begin, finish, steps, story
from simulators.told_stations import ToldStation

from andon.domain.feedback import SendPolicy
from andon.domain.releases import HUB, ReleaseStep
from andon.domain.stations import KeepPolicy, WatchLimits
from andon.errors import Refused
from andon.services.assignments import hub_key
from andon.services.jobs import ago
from andon.services.release_progress import progress
from andon.services.releases import roll_back
from andon.services.stations import signed_assignment
from andon.services.workspaces import Workspace
from andon.store import releases
from andon.trust.assignments import verify


def test_a_release_goes_its_way_and_every_word_to_the_station_is_signed(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    assert steps(workspace, of) == {"ST-1": ReleaseStep.WAITING}
    assert st.reports() == 2
    shadowed = verify(signed_assignment(workspace, "ST-1"), hub_key(workspace).public, "ST-1", 2)
    assert shadowed.shadow is not None
    assert (shadowed.recipe.version, shadowed.shadow.recipe.version, shadowed.release) == (1, 2, of.id)
    assert (shadowed.keep, shadowed.deadline) == (KeepPolicy(0.5), 70.0)
    st.judges((PASS, PASS), (REJECT, REJECT), (PASS, REVIEW))
    assert st.reports() == 2
    st.judges((PASS, PASS), (PASS, None))
    assert st.reports() == 3
    switched = verify(signed_assignment(workspace, "ST-1"), hub_key(workspace).public, "ST-1", 3)
    assert switched.fallback is not None
    assert (switched.recipe.version, switched.fallback.recipe.version, switched.shadow) == (2, 1, None)
    watch = WatchLimits(AT_ONCE, p99=29.4, parts=1)  # the station reported 9.4 ms
    assert (switched.watch, switched.deadline) == (watch, 70.0)
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.WATCHED}
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.WATCHED}  # no part was judged by it yet
    st.judges((PASS, None))
    assert st.reports() == 3
    way = [ReleaseStep.WAITING, ReleaseStep.SHADOW, ReleaseStep.SWITCHED, ReleaseStep.WATCHED]
    assert story(workspace, of, "ST-1") == [*way, ReleaseStep.DONE]
    with workspace.database.read() as tx:
        written = releases.events(tx, of.id)
    assert [event.author for event in written] == ["mara", HUB, HUB, HUB, HUB]
    assert written[2].reason == "1 of 4 parts would have another verdict"


def test_the_first_release_of_a_station_has_nothing_to_go_back_to(workspace: Workspace) -> None:
    st = ToldStation(workspace, "ST-1")
    st.reports()
    of = begin(workspace, ("ST-1",))
    assert st.reports() == 1
    assert st.told is not None
    assert (st.told.recipe.version, st.told.shadow, st.told.fallback) == (2, None, None)
    st.reports()
    st.judges((PASS, None))
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.DONE}
    with pytest.raises(Refused, match=r"ST-1 \(nothing ran there before\)"):
        roll_back(workspace, of.id, "just so")


def test_a_wave_begins_when_the_one_before_is_done(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second, last = station("ST-1"), station("ST-2"), station("ST-3")
    of = begin(workspace, ("ST-1", "ST-2"), ("ST-3",))
    finish(first)
    last.reports()
    assert steps(workspace, of)["ST-3"] is ReleaseStep.WAITING  # one of the first wave said nothing yet
    finish(second)
    finish(last)
    assert set(steps(workspace, of).values()) == {ReleaseStep.DONE}


def test_a_silent_station_waits(workspace: Workspace, station: Callable[[str], ToldStation]) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    st.obeys = False
    for _ in range(3):
        st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.SHADOW}


def test_a_station_hears_what_it_was_told_though_its_release_cannot_go_on(
    workspace: Workspace, station: Callable[[str], ToldStation], caplog: pytest.LogCaptureFixture
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    hub_key(workspace)
    key = workspace.folder / "keys" / "hub.ed25519"
    key.chmod(0o644)
    assert st.reports() == 1
    assert steps(workspace, of) == {"ST-1": ReleaseStep.WAITING}
    assert "the release at station ST-1 does not go on" in caplog.text
    key.chmod(0o600)
    assert st.reports() == 2
    assert steps(workspace, of) == {"ST-1": ReleaseStep.SHADOW}


def test_settings_of_a_release_override_those_of_the_station(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    stated = replace(SETTINGS, send=SendPolicy(quota=9), keep=KeepPolicy(0.1), deadline=33.0)
    begin(workspace, ("ST-1",), settings=stated)
    st.reports()
    assert st.told is not None
    assert (st.told.send, st.told.keep, st.told.deadline) == (None, KeepPolicy(0.5), 70.0)
    st.judges(*[(PASS, PASS)] * 4)
    st.reports()
    assert (st.told.send, st.told.keep, st.told.deadline) == (SendPolicy(quota=9), KeepPolicy(0.1), 33.0)


def test_a_version_that_is_released_again_keeps_the_way_back(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second = station("ST-1"), station("ST-2")
    once = begin(workspace, ("ST-1",))
    finish(first)
    assert first.told is not None
    counter = first.told.counter
    again = begin(workspace, ("ST-1",), ("ST-2",))
    assert first.reports() == counter
    assert story(workspace, again, "ST-1") == [ReleaseStep.WAITING, ReleaseStep.DONE]
    finish(second)
    assert set(steps(workspace, again).values()) == {ReleaseStep.DONE}
    first.goes_back("40 of 50 parts were rejected")
    first.reports()
    assert steps(workspace, once) == {"ST-1": ReleaseStep.ROLLED_BACK}
    assert steps(workspace, again)["ST-1"] is ReleaseStep.DONE


def test_a_station_whose_clock_is_wrong_is_judged_by_its_own_clock(
    workspace: Workspace, station: Callable[[str], ToldStation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_stations, "now", lambda: ago(86_400.0))
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    finish(st)
    assert steps(workspace, of) == {"ST-1": ReleaseStep.DONE}
    assert progress(workspace, of.id).stations[0].shadow.judged >= 4
