"""Releases over a workspace, with stations that only report: from the gate to the last station, or back."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from simulators import told_stations
from simulators.records import package, recipe
from simulators.told_stations import NEW, ToldStation, add_gate, stock

from andon.domain.feedback import SendPolicy
from andon.domain.inspections import Verdict
from andon.domain.releases import HUB, Release, ReleaseSettings, ReleaseState, ReleaseStep
from andon.domain.stations import KeepPolicy, WatchLimits
from andon.errors import Conflict, InvalidInput, NotFound, Refused
from andon.services import release_progress
from andon.services.approvals import approve, withdraw
from andon.services.assignments import hub_key
from andon.services.jobs import ago
from andon.services.release_progress import page_of_releases, progress, release_needs
from andon.services.releases import ReleaseRequest, acknowledge, last_steps, release, roll_back, stop
from andon.services.sending import send_by
from andon.services.stations import AssignmentRequest, assign, signed_assignment
from andon.services.workspaces import Workspace, create_workspace
from andon.store import assignments, recipes, releases
from andon.trust.assignments import verify

PASS, REJECT, REVIEW = Verdict.PASS, Verdict.REJECT, Verdict.REVIEW

AT_ONCE = 1e-6
SETTINGS = ReleaseSettings(4, 3600.0, 0.25, WatchLimits(AT_ONCE, parts=1))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = create_workspace(tmp_path / "ws", "mara")[0]
    stock(made)
    yield made
    made.database.close()


@pytest.fixture
def station(workspace: Workspace) -> Callable[[str], ToldStation]:
    """A station that runs version 1 of the recipe."""

    def make(name: str) -> ToldStation:
        made = ToldStation(workspace, name)
        made.reports()
        assign(workspace, name, AssignmentRequest("brackets@1", KeepPolicy(0.5), 70.0))
        made.reports()
        made.reports()
        return made

    return make


def begin(workspace: Workspace, *waves: tuple[str, ...], settings: ReleaseSettings = SETTINGS) -> Release:
    return release(workspace, ReleaseRequest("brackets@2", waves, "fewer escapes", settings=settings))


def steps(workspace: Workspace, of: Release) -> dict[str, ReleaseStep]:
    with workspace.database.read() as tx:
        return dict(last_steps(releases.events(tx, of.id)))


def story(workspace: Workspace, of: Release, name: str) -> list[ReleaseStep]:
    with workspace.database.read() as tx:
        return [event.step for event in releases.events(tx, of.id) if event.station == name]


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


def test_what_is_expected_comes_from_the_shadow_or_else_from_the_day(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    many = replace(SETTINGS, shadow_parts=30, shadow_flips=1.0, shadow_passes=1.0)
    st = station("ST-1")
    begin(workspace, ("ST-1",), settings=many)
    st.reports()
    st.judges(*[(PASS, REJECT)] * 7, *[(REJECT, PASS)] * 23)
    st.reports()
    assert st.told is not None
    assert st.told.watch is not None
    assert st.told.watch.rejects == 8 / 32
    other = station("ST-2")
    other.judges(*[(PASS, None)] * 28, (REJECT, None), (REVIEW, None))
    begin(workspace, ("ST-2",), settings=replace(many, shadow_parts=0))
    other.reports()
    assert other.told is not None
    assert other.told.watch is not None
    assert other.told.watch.rejects == 3 / 32
    assert other.told.fallback is not None


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([(REJECT, REJECT)] * 5 + [(PASS, REVIEW)] * 6 + [(PASS, PASS)] * 49, 6 / 62),
        ([(PASS, PASS)] * 200, 0.01),
    ],
)
def test_a_shadow_that_rejects_more_does_not_set_its_own_limit(
    workspace: Workspace,
    station: Callable[[str], ToldStation],
    judged: list[tuple[Verdict, Verdict]],
    expected: float,
) -> None:
    st = station("ST-1")
    begin(workspace, ("ST-1",), settings=ReleaseSettings(len(judged)))
    st.reports()
    st.judges(*judged)
    st.reports()
    assert st.told is not None
    assert st.told.watch is not None
    assert st.told.watch.rejects == expected


@pytest.mark.parametrize(
    ("judged", "words"),
    [
        ([(REJECT, PASS)] * 12 + [(PASS, PASS)] * 88, "would pass 12 of 12 parts that what runs rejected"),
        ([(PASS, REVIEW)] * 30 + [(REJECT, REJECT)] * 3 + [(PASS, PASS)] * 67, "would not pass 33 of 100"),
    ],
)
def test_by_default_a_model_that_passes_all_or_rejects_far_more_stops_before_the_switch(
    workspace: Workspace,
    station: Callable[[str], ToldStation],
    judged: list[tuple[Verdict, Verdict]],
    words: str,
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",), settings=ReleaseSettings(100))
    st.reports()
    st.judges(*judged)
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.STOPPED}
    assert words in needs(workspace)[0][0]


def test_a_watch_counts_only_parts_that_were_decided(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    few = replace(SETTINGS, shadow_parts=0, watch=WatchLimits(AT_ONCE, parts=3))
    of = begin(workspace, ("ST-1",), settings=few)
    for _ in range(2):
        st.reports()
    st.judges((PASS, None), (PASS, None), (Verdict.NO_DECISION, None))
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.WATCHED}
    st.judges((PASS, None))
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.DONE}


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


def finish(st: ToldStation) -> None:
    for _ in range(4):
        st.reports()
        st.judges(*[(PASS, PASS)] * 4)
    st.reports()


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


def test_too_much_disagreement_stops_it_for_a_person(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    st.reports()
    st.judges((PASS, REJECT), (REJECT, PASS))
    assert st.reports() == 3
    assert steps(workspace, of) == {"ST-1": ReleaseStep.STOPPED}
    assert st.told is not None
    assert (st.told.recipe.version, st.told.shadow) == (1, None)
    assert [st.reports() for _ in range(3)] == [3, 3, 3]


def test_a_silent_station_waits(workspace: Workspace, station: Callable[[str], ToldStation]) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    st.obeys = False
    for _ in range(3):
        st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.SHADOW}


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


def test_flips_show_what_would_pass_first(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",), settings=replace(SETTINGS, shadow_flips=1.0))
    st.reports()
    st.judges((PASS, REJECT), (REJECT, PASS), (PASS, PASS), (PASS, REVIEW), (REVIEW, REVIEW))
    with workspace.database.read() as tx:
        trial = releases.Trial("ST-1", "brackets", 2, of.at)
        found = releases.flips(tx, trial, 9)
        tally = releases.tally(tx, trial)
        assert releases.tally(tx, replace(trial, station="ST-2")).judged == 0
    assert [(flip.main, flip.shadow) for flip in found] == [(REJECT, PASS), (PASS, REVIEW), (PASS, REJECT)]
    assert (tally.judged, tally.disagreeing, tally.rejects, tally.main_rejects) == (5, 3, 3, 2)


def needs(workspace: Workspace) -> list[tuple[str, str]]:
    return [(need.what, need.link) for need in release_needs(workspace)]


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


def third_version(workspace: Workspace) -> None:
    """It passed gates against both others."""
    with workspace.database.write() as tx:
        made = recipes.add_version(tx, recipe(NEW))
        for against in ("@1", "@2"):
            add_gate(tx, made, against=against)


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


def test_a_station_whose_clock_is_wrong_is_judged_by_its_own_clock(
    workspace: Workspace, station: Callable[[str], ToldStation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_stations, "now", lambda: ago(86_400.0))
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    finish(st)
    assert steps(workspace, of) == {"ST-1": ReleaseStep.DONE}
    assert progress(workspace, of.id).stations[0].shadow.judged >= 4


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
