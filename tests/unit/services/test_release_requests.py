"""Which releases begin at all: of what passed its own gate and is approved, at stations that are free."""

from collections.abc import Callable

import pytest
from simulators.bracket_releases import begin
from simulators.records import recipe
from simulators.told_stations import NEW, ToldStation, add_gate

from andon.errors import Conflict, InvalidInput, NotFound, Refused
from andon.services.approvals import withdraw
from andon.services.releases import ReleaseRequest, release
from andon.services.workspaces import Workspace
from andon.store import assignments, recipes, releases


def refused(workspace: Workspace, recipe_name: str, gate: str | None = None) -> str:
    with pytest.raises(Refused) as raised:
        release(workspace, ReleaseRequest(recipe_name, (("ST-1",),), "because", gate))
    assert raised.value.todo
    return raised.value.message


def test_only_what_passed_its_own_gate_and_is_approved_goes_out(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    station("ST-1")
    assert "no gate" in refused(workspace, "brackets@1")
    with workspace.database.write() as tx:
        third = recipes.add_version(tx, recipe(NEW))
        bad = add_gate(tx, third, passed=False)
        of_second = add_gate(tx, recipes.get(tx, "brackets", 2))
    assert "refused brackets@3: new escapes" in refused(workspace, "brackets")
    assert "is of brackets@2" in refused(workspace, "brackets@3", of_second.id)
    assert bad.id in refused(workspace, "brackets@3", bad.id)
    withdraw(workspace, NEW.digest, "wrong labels")
    assert "not approved" in refused(workspace, "brackets@2")
    with workspace.database.read() as tx:
        assert releases.page(tx, None, 9).rows == ()
        assert assignments.latest(tx, "ST-1") is not None


def test_a_release_that_makes_no_sense_is_refused(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    station("ST-1")
    for waves in ((), ((),), (("ST-1",), ()), (("ST-1",), ("ST-1",))):
        with pytest.raises(InvalidInput):
            begin(workspace, *waves)
    with pytest.raises(InvalidInput, match="reason"):
        release(workspace, ReleaseRequest("brackets@2", (("ST-1",),), " "))
    with pytest.raises(NotFound, match="ST-9"):
        begin(workspace, ("ST-1", "ST-9"))
    with pytest.raises(NotFound, match="no gate"):
        release(workspace, ReleaseRequest("brackets@2", (("ST-1",),), "x", "0199"))
    begin(workspace, ("ST-1",))
    with pytest.raises(Conflict, match="has not ended"):
        begin(workspace, ("ST-1",))
    with workspace.database.read() as tx:
        assert len(releases.page(tx, None, 9).rows) == 1
