"""What ends a release before all is switched: a person, an approval taken back, another assignment."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from simulators.bracket_releases import PASS, SETTINGS, begin, finish, steps, third_version
from simulators.told_stations import NEW, ToldStation

from andon.domain.feedback import SendPolicy
from andon.domain.releases import ReleaseStep
from andon.domain.stations import KeepPolicy
from andon.errors import InvalidInput
from andon.services.approvals import withdraw
from andon.services.release_progress import release_needs
from andon.services.releases import ReleaseRequest, release, roll_back, stop
from andon.services.sending import send_by
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace
from andon.store import releases


def test_what_a_person_assigns_meanwhile_counts(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    st.reports()
    assign(workspace, "ST-1", AssignmentRequest("brackets@1"))
    assert [st.reports(), st.reports()] == [3, 3]
    with workspace.database.read() as tx:
        last = releases.last_of(tx, "ST-1")
    assert last is not None
    assert (last.step, last.author, last.release) == (ReleaseStep.STOPPED, "mara", of.id)
    assert release_needs(workspace) == ()  # nobody is to be told of it


def test_an_approval_that_is_taken_back_stops_what_has_not_switched(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    st.reports()
    withdraw(workspace, NEW.digest, "it was trained on wrong labels")
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.STOPPED}


def test_a_stopped_release_leaves_what_was_switched(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second = station("ST-1"), station("ST-2")
    of = begin(workspace, ("ST-1",), ("ST-2",))
    first.reports()
    first.judges(*[(PASS, PASS)] * 4)
    first.reports()
    stop(workspace, of.id, "the shift ends")
    second.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.SWITCHED, "ST-2": ReleaseStep.STOPPED}
    first.reports()
    assert steps(workspace, of)["ST-1"] is ReleaseStep.WATCHED
    with pytest.raises(InvalidInput, match="reason"):
        stop(workspace, of.id, "")


def test_what_a_person_assigns_ends_a_release_that_waits_if_it_is_something_else(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st, last = station("ST-1"), station("ST-2")
    third_version(workspace)
    of = begin(workspace, ("ST-1",), ("ST-2",))
    assign(workspace, "ST-2", AssignmentRequest("brackets@1", deadline=50.0))
    send_by(workspace, "ST-2", SendPolicy(quota=9))
    for _ in range(3):
        last.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.WAITING, "ST-2": ReleaseStep.WAITING}
    assign(workspace, "ST-2", AssignmentRequest("brackets@3"))
    last.reports()
    assert set(steps(workspace, of).values()) == {ReleaseStep.STOPPED}
    with workspace.database.read() as tx:
        ended = releases.last_in(tx, of.id, "ST-2")
    assert ended is not None
    assert (ended.author, ended.reason) == ("mara", "it was told to run brackets@3 meanwhile")
    assert st.told is not None


def test_a_station_with_a_recipe_of_another_hub_stops_the_release(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    st.extra = {"recipe_version": 77}
    of = begin(workspace, ("ST-1",))
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.STOPPED}


def test_a_shadow_that_ends_leaves_all_as_it_was_before(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    first = begin(workspace, ("ST-1",))
    finish(st)
    third_version(workspace)
    other = replace(SETTINGS, deadline=33.0, keep=KeepPolicy(0.1))
    second = release(workspace, ReleaseRequest("brackets@3", (("ST-1",),), "try", settings=other))
    st.reports()
    assert st.told is not None
    assert (st.told.deadline, st.told.shadow is None) == (70.0, False)
    before = st.told.counter
    stop(workspace, second.id, "no time")
    st.reports()
    assert st.told.counter == before + 1
    assert (st.told.deadline, st.told.keep, st.told.shadow) == (70.0, KeepPolicy(0.5), None)
    assert (st.told.release, st.told.watch) == (first.id, None)
    roll_back(workspace, first.id, "the way back is still known")
    st.reports()
    assert st.told.recipe.version == 1
