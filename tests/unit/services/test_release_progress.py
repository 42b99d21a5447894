"""What people are told of releases: what needs one of them and until when, and how far each station is."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from simulators.bracket_releases import (
    PASS,
    REJECT,
    SETTINGS,
    begin,
    finish,
    needs,
    steps,
    story,
    third_version,
)
from simulators.records import recipe
from simulators.told_stations import NEW, ToldStation, add_gate

from andon.domain.releases import ReleaseState, ReleaseStep
from andon.domain.stations import WatchLimits
from andon.errors import Conflict, InvalidInput
from andon.services import release_progress
from andon.services.approvals import approve, withdraw
from andon.services.release_progress import page_of_releases, progress, release_needs
from andon.services.releases import ReleaseRequest, acknowledge, release, roll_back
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace
from andon.store import recipes


def test_what_passed_its_gate_waits_for_an_approval_then_for_a_release(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    station("ST-1")
    link = "/releases/new?recipe=brackets@2"
    assert needs(workspace) == [("brackets@2 passed its gate and is approved", link)]
    withdraw(workspace, NEW.digest, "wait for the audit")
    waits = ("brackets@2 passed its gate and waits for an approval", f"/models/{NEW.digest}")
    assert needs(workspace) == [waits]
    approve(workspace, NEW.digest, "audited")
    by_hand = station("ST-2")
    assign(workspace, "ST-2", AssignmentRequest("brackets@2"))
    for _ in range(2):
        by_hand.reports()
    assert needs(workspace) == []  # it runs somewhere, so somebody decided
    assign(workspace, "ST-2", AssignmentRequest("brackets@1"))
    for _ in range(2):
        by_hand.reports()
    begin(workspace, ("ST-1",))
    assert needs(workspace) == []
    with workspace.database.write() as tx:
        third = recipes.add_version(tx, recipe(NEW))
        add_gate(tx, third)
    assert len(needs(workspace)) == 1
    with workspace.database.write() as tx:
        add_gate(tx, third, passed=False)
    assert needs(workspace) == []


def test_a_release_that_went_wrong_needs_a_person_until_one_acts(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second = station("ST-1"), station("ST-2")
    of = begin(workspace, ("ST-1",), ("ST-2",))
    finish(first)
    second.reports()
    first.goes_back("40 of 50 parts were rejected")
    first.reports()
    words = "The release of brackets@2 went back at ST-1: 40 of 50 parts were rejected"
    assert needs(workspace) == [(words, f"/releases/{of.id}")]
    assign(workspace, "ST-1", AssignmentRequest("brackets@1"))
    first.reports()
    second.reports()
    assert [link for _, link in needs(workspace)] == [f"/releases/{of.id}"]  # ST-2 was stopped for it
    assign(workspace, "ST-2", AssignmentRequest("brackets@1"))
    assert needs(workspace) == []


def test_a_person_may_say_that_it_may_stay_so(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second = station("ST-1"), station("ST-2")
    of = begin(workspace, ("ST-1",), ("ST-2",))
    with pytest.raises(Conflict, match="stopped or went back"):
        acknowledge(workspace, of.id, "early")
    finish(first)
    second.reports()
    first.goes_back("asked for on the station", "anna")
    first.reports()
    assert needs(workspace)[0][1] == f"/releases/{of.id}"
    assert progress(workspace, of.id).needs_person
    with pytest.raises(InvalidInput, match="reason"):
        acknowledge(workspace, of.id, "")
    acknowledge(workspace, of.id, "a box of bad parts")
    first.reports()
    assert needs(workspace) == []
    shown = progress(workspace, of.id)
    assert (shown.state, shown.needs_person) == (ReleaseState.ROLLED_BACK, False)
    assert steps(workspace, of) == {"ST-1": ReleaseStep.ROLLED_BACK, "ST-2": ReleaseStep.STOPPED}


def test_what_is_noted_of_an_older_release_does_not_hold_up_a_newer_one(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st, other = station("ST-1"), station("ST-2")
    first = begin(workspace, ("ST-1", "ST-2"))
    finish(st)
    st.goes_back("40 of 50 parts were rejected")
    st.reports()
    assert set(steps(workspace, first).values()) == {ReleaseStep.ROLLED_BACK, ReleaseStep.STOPPED}
    third_version(workspace)
    second = release(workspace, ReleaseRequest("brackets@3", (("ST-1",),), "sees more", settings=SETTINGS))
    acknowledge(workspace, first.id, "a box of bad parts")
    assert story(workspace, first, "ST-1").count(ReleaseStep.ROLLED_BACK) == 1
    assert story(workspace, first, "ST-2").count(ReleaseStep.STOPPED) == 2
    finish(st)
    assert steps(workspace, second) == {"ST-1": ReleaseStep.DONE}
    with pytest.raises(Conflict, match="stopped or went back"):
        acknowledge(workspace, second.id, "all is well")
    assert other.told is not None


def test_what_a_person_stopped_or_took_back_on_the_hub_needs_nobody(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first = station("ST-1")
    station("ST-2")
    of = begin(workspace, ("ST-1",), ("ST-2",))
    finish(first)
    roll_back(workspace, of.id, "customers complain")
    first.reports()
    first.reports()
    assert needs(workspace) == []


def test_a_station_that_does_not_take_up_what_it_was_told_is_seen(
    workspace: Workspace, station: Callable[[str], ToldStation], monkeypatch: pytest.MonkeyPatch
) -> None:
    st = station("ST-1")
    begin(workspace, ("ST-1",))
    st.obeys = False
    assign(workspace, "ST-1", AssignmentRequest("brackets@2"))
    st.reports()
    assert needs(workspace) == []
    monkeypatch.setattr(release_progress, "LAG_SECONDS", 0.0)
    assert needs(workspace) == [("ST-1 runs brackets@1 and was told to run brackets@2", "/stations/ST-1")]
    monkeypatch.setattr(release_progress, "SILENT_SECONDS", 0.0)
    assert needs(workspace) == []  # one that says nothing is another need


def test_progress_shows_what_each_station_really_runs(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second = station("ST-1"), station("ST-2")
    slow = replace(SETTINGS, watch=WatchLimits(900.0), shadow_flips=1.0)
    of = begin(workspace, ("ST-1",), ("ST-2",), settings=slow)
    first.reports()
    first.judges((REJECT, PASS), (PASS, PASS))
    shown = progress(workspace, of.id)
    assert shown.state is ReleaseState.UNDER_WAY
    assert shown.may_stop
    assert shown.may_go_back == ()
    one, two = shown.stations
    assert (one.wave, one.last.step, one.shadow.judged, one.shadow.disagreeing) == (
        1,
        ReleaseStep.SHADOW,
        2,
        1,
    )
    assert [flip.flip.shadow for flip in one.flips] == [PASS]
    assert (one.runs, one.can_go_back, one.watch_left, one.silent) == (False, False, None, False)
    assert (two.wave, two.last.step) == (2, ReleaseStep.WAITING)
    first.judges(*[(PASS, PASS)] * 2)
    for _ in range(3):
        first.reports()
    first.judges((PASS, None))
    shown = progress(workspace, of.id)
    one = shown.stations[0]
    assert one.watch_left is not None
    assert 0 < one.watch_left <= 900.0
    assert (one.runs, one.can_go_back, one.parts) == (True, True, 1)
    assert shown.may_go_back == ("ST-1",)
    listed = page_of_releases(workspace, None, 9).rows[0]
    assert (listed.state, listed.steps["ST-1"]) == (ReleaseState.UNDER_WAY, ReleaseStep.WATCHED)
    assert second.told is not None


def test_what_the_hub_cannot_take_further_needs_a_person_until_it_goes_on(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, _ = station("ST-1"), station("ST-2")
    of = begin(workspace, ("ST-1",), ("ST-2",))
    key = workspace.folder / "keys" / "hub.ed25519"
    key.chmod(0o644)
    first.reports()
    (need,) = release_needs(workspace)
    words = f"The release of brackets@2 cannot go on at ST-1: {key} can be read by others"
    assert (need.what, need.wrong, need.link) == (words, True, f"/releases/{of.id}")
    assert need.todo.startswith(f"Run `chmod 600 {key}`.")
    shown = progress(workspace, of.id).stations
    assert [one.hindrance and one.hindrance.station for one in shown] == ["ST-1", None]
    assert steps(workspace, of)["ST-1"] is ReleaseStep.WAITING, "a look takes no step"
    key.chmod(0o600)
    assert release_needs(workspace) == ()
    assert first.reports() == 2


def test_the_end_of_another_station_that_cannot_be_told_is_a_hindrance_too(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    first, second = station("ST-1"), station("ST-2")
    of = begin(workspace, ("ST-1", "ST-2"), settings=replace(SETTINGS, shadow_parts=2))
    for one in (first, second):
        for _ in range(2):
            one.reports()
    first.judges((PASS, PASS), (PASS, PASS))
    finish(first)
    key = workspace.folder / "keys" / "hub.ed25519"
    key.chmod(0o644)
    first.goes_back("40 of 50 parts were rejected")
    first.reports()
    assert needs(workspace)[0] == (
        f"The release of brackets@2 cannot go on at ST-1: {key} can be read by others",
        f"/releases/{of.id}",
    )
    key.chmod(0o600)
    first.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.ROLLED_BACK, "ST-2": ReleaseStep.STOPPED}
    assert [what.partition(":")[0] for what, _ in needs(workspace)] == [
        "The release of brackets@2 went back at ST-1"
    ]
