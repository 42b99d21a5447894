"""No way leads round the gate: neither by hand, nor by an older, another or no comparison."""

from collections.abc import Callable

import pytest
from simulators.records import package, recipe
from simulators.told_stations import NEW, ToldStation, add_gate

from andon.domain.gates import Gate
from andon.domain.recipes import Recipe
from andon.errors import Refused
from andon.services.approvals import approve
from andon.services.releases import ReleaseRequest, release
from andon.services.scores import EVALUATION
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace, now
from andon.store import models, recipes

Station = Callable[[str, str], ToldStation]


@pytest.fixture
def station(workspace: Workspace) -> Station:
    """A station that runs a recipe version, its first."""

    def make(name: str, version: str) -> ToldStation:
        made = ToldStation(workspace, name)
        made.reports()
        tell(made, version)
        return made

    return make


def tell(station: ToldStation, version: str) -> None:
    assign(station.workspace, station.name, AssignmentRequest(version))
    for _ in range(2):
        station.reports()


def other_cuts(workspace: Workspace) -> Recipe:
    """Version 3: the approved model, cuts that nobody has judged."""
    with workspace.database.write() as tx:
        return recipes.add_version(tx, recipe(NEW))


def gate(workspace: Workspace, of: Recipe, passed: bool = True, against: str | None = "@1") -> Gate:
    with workspace.database.write() as tx:
        return add_gate(tx, of, passed, against)


def refused(workspace: Workspace, version: str, asked: str | None = None) -> str:
    with pytest.raises(Refused) as raised:
        release(workspace, ReleaseRequest(version, (("ST-1",), ("ST-2",)), "because", asked))
    assert raised.value.todo
    return raised.value.message


def test_other_cuts_of_an_approved_model_reach_no_station_by_hand(
    workspace: Workspace, station: Station
) -> None:
    st, third = station("ST-1", "brackets@1"), other_cuts(workspace)
    with pytest.raises(Refused, match="no gate has compared recipe brackets@3"):
        tell(st, "brackets@3")
    gate(workspace, third, against=None)
    with pytest.raises(Refused, match="no gate has compared recipe brackets@3"):
        tell(st, "brackets@3")
    gate(workspace, third, passed=False)
    with pytest.raises(Refused, match="refused brackets@3: new escapes"):
        tell(st, "brackets@3")
    gate(workspace, third)
    tell(st, "brackets@3")
    tell(st, "brackets@1")  # the way back asks for nothing
    assert st.told is not None
    assert st.told.recipe.version == 1


def test_a_gate_against_nothing_or_against_what_runs_elsewhere_is_no_release(
    workspace: Workspace, station: Station
) -> None:
    station("ST-1", "brackets@1")
    station("ST-2", "brackets@2")
    third = other_cuts(workspace)
    alone = gate(workspace, third, against=None)
    assert "brackets@1 runs there" in refused(workspace, "brackets@3", alone.id)
    first = gate(workspace, third)
    assert "brackets@2 runs there" in refused(workspace, "brackets@3", first.id)
    gate(workspace, third, against="@2")
    made = release(workspace, ReleaseRequest("brackets@3", (("ST-1",), ("ST-2",)), "both compared"))
    assert made.gate != alone.id


def test_an_older_gate_does_not_count_after_a_refusal(workspace: Workspace, station: Station) -> None:
    station("ST-1", "brackets@1")
    station("ST-2", "brackets@1")
    third = other_cuts(workspace)
    passed, last = gate(workspace, third), gate(workspace, third, passed=False)
    assert f"gate {last.id} asked the same later" in refused(workspace, "brackets@3", passed.id)
    assert last.id in refused(workspace, "brackets@3")


def test_where_nothing_runs_a_gate_against_nothing_is_enough(workspace: Workspace) -> None:
    for name in ("ST-1", "ST-2"):
        ToldStation(workspace, name).reports()
    alone = gate(workspace, other_cuts(workspace), against=None)
    made = release(workspace, ReleaseRequest("brackets@3", (("ST-1",), ("ST-2",)), "the first"))
    assert made.gate == alone.id


def test_an_approval_asks_for_every_version_of_the_recipe_that_runs(
    workspace: Workspace, station: Station
) -> None:
    station("ST-1", "brackets@1")
    station("ST-2", "brackets@2")
    third = package("third")
    with workspace.database.write() as tx:
        models.add(tx, third, "mara", now())
        models.add_attestation(tx, third.digest, EVALUATION, {}, ("mara", now()))
        made = recipes.add_version(tx, recipe(third))
    gate(workspace, made, against="@2")
    with pytest.raises(Refused, match="brackets@1 runs, and no gate has compared"):
        approve(workspace, third.digest, "better than one of the two")
    gate(workspace, made, passed=False)
    with pytest.raises(Refused, match="its gate against brackets@1 refused it"):
        approve(workspace, third.digest, "better than one of the two")
    gate(workspace, made)
    assert approve(workspace, third.digest, "better than both").package == third.digest
