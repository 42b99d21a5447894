"""The way back of a release: taken by a station itself, or by a person on the hub."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from simulators.bracket_releases import PASS, SETTINGS, begin, finish, steps, story, third_version
from simulators.records import package
from simulators.told_stations import ToldStation

from andon.domain.feedback import SendPolicy
from andon.domain.releases import ReleaseStep
from andon.domain.stations import KeepPolicy, WatchLimits
from andon.errors import Conflict, InvalidInput, Refused
from andon.services.approvals import withdraw
from andon.services.releases import ReleaseRequest, release, roll_back, stop
from andon.services.sending import send_by
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace
from andon.store import releases


def test_going_back_is_heard_of_though_pictures_were_asked_for_meanwhile(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    slow = replace(SETTINGS, watch=WatchLimits(900.0))
    of = begin(workspace, ("ST-1",), settings=slow)
    st.reports()
    st.judges(*[(PASS, PASS)] * 4)
    for _ in range(2):
        st.reports()
    st.goes_back("40 of 50 parts were rejected")
    send_by(workspace, "ST-1", SendPolicy(quota=9))
    st.obeys = False
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.ROLLED_BACK}


def test_a_bad_one_that_a_station_takes_back_goes_no_further(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, beside, last = station("ST-1"), station("ST-2"), station("ST-3")
    of = begin(workspace, ("ST-1", "ST-2"), ("ST-3",))
    beside.reports()
    assert beside.told is not None
    assert beside.told.shadow is not None
    first.reports()
    first.judges(*[(PASS, PASS)] * 4)
    first.reports()
    first.reports()
    first.goes_back("40 of 50 parts were rejected")
    assert first.reports() == 3  # it went back already, and needs no word
    for st in (beside, last):
        for _ in range(3):
            st.reports()
    assert steps(workspace, of) == {
        "ST-1": ReleaseStep.ROLLED_BACK,
        "ST-2": ReleaseStep.STOPPED,
        "ST-3": ReleaseStep.STOPPED,
    }
    assert beside.told.shadow is None  # nobody judges beside for nothing
    assert (beside.told.recipe.version, beside.told.keep) == (1, KeepPolicy(0.5))
    assert last.told is not None
    assert last.told.counter == 1
    with workspace.database.read() as tx:
        ended = {event.station: event for event in releases.events(tx, of.id)}
    assert ended["ST-1"].author == "station/ST-1"
    assert ended["ST-3"].reason == "ST-1 rolled-back: 40 of 50 parts were rejected"
    begin(workspace, ("ST-1", "ST-2", "ST-3"))  # all of them are free again


def test_a_station_that_goes_back_after_the_end_is_noted(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    finish(st)
    assert steps(workspace, of)["ST-1"] is ReleaseStep.DONE
    st.goes_back("asked for on the station", "anna")
    st.reports()
    st.reports()
    assert story(workspace, of, "ST-1")[-2:] == [ReleaseStep.DONE, ReleaseStep.ROLLED_BACK]


def test_one_touch_takes_a_release_back_everywhere(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second, last = station("ST-1"), station("ST-2"), station("ST-3")
    of = begin(workspace, ("ST-1",), ("ST-2",), ("ST-3",))
    finish(first)
    second.reports()
    roll_back(workspace, of.id[:30], "customers complain")
    assert steps(workspace, of) == {
        "ST-1": ReleaseStep.ROLLED_BACK,
        "ST-2": ReleaseStep.STOPPED,
        "ST-3": ReleaseStep.STOPPED,
    }
    for st in (first, second, last):
        st.reports()
        st.reports()
        assert st.told is not None
        assert (st.told.recipe.version, st.told.shadow, st.told.watch) == (1, None, None)
        assert (st.told.keep, st.told.deadline) == (KeepPolicy(0.5), 70.0)
    with pytest.raises(Conflict, match="nothing of release"):
        roll_back(workspace, of.id, "again")
    with pytest.raises(Conflict, match="waits or judges beside"):
        stop(workspace, of.id, "again")


def test_one_station_can_be_taken_back_alone(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second = station("ST-1"), station("ST-2")
    of = begin(workspace, ("ST-1", "ST-2"))
    finish(first)
    finish(second)
    roll_back(workspace, of.id, "too many rejects here", "ST-2")
    assert steps(workspace, of) == {"ST-1": ReleaseStep.DONE, "ST-2": ReleaseStep.ROLLED_BACK}
    with pytest.raises(Conflict, match="does not run release"):
        roll_back(workspace, of.id, "again", "ST-2")
    with pytest.raises(InvalidInput, match="not in release"):
        roll_back(workspace, of.id, "again", "ST-9")
    with pytest.raises(InvalidInput, match="reason"):
        roll_back(workspace, of.id, " ", "ST-1")
    withdraw(workspace, package().digest, "it missed cracks")
    with pytest.raises(Refused, match="not approved"):
        roll_back(workspace, of.id, "back", "ST-1")
    assert steps(workspace, of)["ST-1"] is ReleaseStep.DONE


def test_taking_it_back_everywhere_does_what_can_be_done_and_names_the_rest(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, last = station("ST-1"), station("ST-3")
    bare = ToldStation(workspace, "ST-2")
    bare.reports()
    of = begin(workspace, ("ST-1", "ST-2"), ("ST-3",))
    finish(first)
    for _ in range(2):
        bare.reports()
    last.reports()
    assert steps(workspace, of)["ST-2"] is ReleaseStep.WATCHED
    with pytest.raises(Refused, match=r"not taken back at ST-2 \(nothing ran there before\)"):
        roll_back(workspace, of.id, "customers complain")
    assert steps(workspace, of) == {
        "ST-1": ReleaseStep.ROLLED_BACK,
        "ST-2": ReleaseStep.WATCHED,
        "ST-3": ReleaseStep.STOPPED,
    }
    first.reports()
    assert first.told is not None
    assert first.told.recipe.version == 1


def test_a_release_that_was_replaced_is_not_taken_back(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    finish(st)
    assign(workspace, "ST-1", AssignmentRequest("brackets@1"))
    st.reports()
    with pytest.raises(Conflict, match="nothing of release"):
        roll_back(workspace, of.id, "too late")


@pytest.mark.parametrize("reports", [0, 1])
def test_an_older_release_that_is_taken_back_stops_a_newer_one_there(
    workspace: Workspace, station: Callable[[str], ToldStation], reports: int
) -> None:
    st, beside = station("ST-1"), station("ST-2")
    first = begin(workspace, ("ST-1",))
    finish(st)
    third_version(workspace)
    waves = (("ST-1",), ("ST-2",))
    second = release(workspace, ReleaseRequest("brackets@3", waves, "better still", settings=SETTINGS))
    for _ in range(reports):  # with one it judges beside, with none it waits
        st.reports()
    assert roll_back(workspace, first.id, "customers complain")
    assert steps(workspace, first) == {"ST-1": ReleaseStep.ROLLED_BACK}
    assert set(steps(workspace, second).values()) == {ReleaseStep.STOPPED}
    st.reports()
    assert st.told is not None
    assert (st.told.recipe.version, st.told.shadow) == (1, None)
    again = release(workspace, ReleaseRequest("brackets@3", waves, "once more", settings=SETTINGS))
    finish(st)
    finish(beside)
    assert set(steps(workspace, again).values()) == {ReleaseStep.DONE}
