"""What a release tells its stations at each step: what runs, what judges beside, and the way back."""

from dataclasses import replace

import pytest
from simulators.records import FAST
from simulators.two_waves import NEW, OLD, SOON, release, told

from andon.domain.feedback import SendPolicy
from andon.domain.release_orders import Pieces, assignment_for, way_back
from andon.domain.releases import HUB, ReleaseEvent, ReleaseSettings, ReleaseStep
from andon.domain.stations import USUAL_DEADLINE, KeepPolicy, Runnable, WatchLimits

NEW_ONE, OLD_ONE = Runnable(NEW, (FAST,)), Runnable(OLD, (FAST,))
OLDER = Runnable(replace(OLD, version=0, note="older"), ())


def event(step: ReleaseStep) -> ReleaseEvent:
    return ReleaseEvent("r", "ST-1", step, "", HUB, SOON)


def test_the_shadow_changes_neither_what_runs_nor_how() -> None:
    send = SendPolicy(quota=5)
    before = told(belongs=None, keep=KeepPolicy(0.5), send=send, fallback=OLDER)
    made = assignment_for(release(), event(ReleaseStep.SHADOW), Pieces(NEW_ONE, OLD_ONE, before), 8)
    assert made is not None
    assert (made.recipe, made.shadow, made.fallback, made.watch) == (OLD, NEW_ONE, OLDER, None)
    assert (made.keep, made.send, made.deadline) == (KeepPolicy(0.5), send, 40.0)
    assert (made.station, made.counter, made.release, made.at) == ("ST-1", 8, "r", SOON)
    elsewhere = replace(before, recipe=NEW)
    made = assignment_for(release(), event(ReleaseStep.SHADOW), Pieces(NEW_ONE, OLD_ONE, elsewhere), 8)
    assert made is not None
    assert made.fallback is None  # it went back by itself: what it could go back to, it runs


def test_the_switch_says_the_way_back_and_what_is_watched() -> None:
    pieces = Pieces(NEW_ONE, OLD_ONE, told(shadow=NEW_ONE), rejects=0.1)
    made = assignment_for(release(), event(ReleaseStep.SWITCHED), pieces, 9)
    assert made is not None
    assert (made.recipe, made.shadow, made.fallback) == (NEW, None, OLD_ONE)
    assert made.watch == WatchLimits(900.0, rejects=0.1, parts=5)
    stated = release(settings=ReleaseSettings(watch=WatchLimits(rejects=0.3), deadline=70.0))
    made = assignment_for(stated, event(ReleaseStep.SWITCHED), pieces, 9)
    assert made is not None
    assert (made.watch, made.deadline) == (WatchLimits(rejects=0.3), 70.0)
    for step in (ReleaseStep.SHADOW, ReleaseStep.STOPPED):
        other = assignment_for(stated, event(step), pieces, 9)
        assert other is not None
        assert other.deadline == 40.0  # what a release states counts from the switch on


@pytest.mark.parametrize(("before", "allowed"), [(4.0, 24.0), (50.0, 100.0)])
def test_a_switch_may_not_make_a_station_slow(before: float, allowed: float) -> None:
    pieces = Pieces(NEW_ONE, OLD_ONE, told(shadow=NEW_ONE), p99=before)
    made = assignment_for(release(), event(ReleaseStep.SWITCHED), pieces, 9)
    assert made is not None
    assert made.watch is not None
    assert made.watch.p99 == allowed
    stated = release(settings=ReleaseSettings(watch=WatchLimits(p99=70.0)))
    made = assignment_for(stated, event(ReleaseStep.SWITCHED), pieces, 9)
    assert made is not None
    assert made.watch is not None
    assert made.watch.p99 == 70.0


def test_the_first_release_of_all_has_no_way_back() -> None:
    made = assignment_for(release(), event(ReleaseStep.SWITCHED), Pieces(NEW_ONE, None, None), 1)
    assert made is not None
    assert (made.fallback, made.send, made.keep, made.deadline) == (
        None,
        None,
        KeepPolicy(),
        USUAL_DEADLINE,
    )
    again = assignment_for(release(), event(ReleaseStep.SWITCHED), Pieces(NEW_ONE, NEW_ONE, None), 1)
    assert again is not None
    assert again.fallback is None
    switched = told(NEW, belongs="earlier", fallback=OLD_ONE)
    again = assignment_for(release(), event(ReleaseStep.SWITCHED), Pieces(NEW_ONE, NEW_ONE, switched), 8)
    assert again is not None
    assert again.fallback == OLD_ONE


def test_only_a_shadow_is_taken_away_when_a_release_stops() -> None:
    shadowed = told(shadow=NEW_ONE, fallback=OLDER)
    made = assignment_for(release(), event(ReleaseStep.STOPPED), Pieces(NEW_ONE, OLD_ONE, shadowed), 9)
    assert made is not None
    assert (made.recipe, made.shadow, made.fallback, made.release) == (OLD, None, OLDER, None)
    for before in (None, told(belongs=None), told(belongs="another", shadow=NEW_ONE)):
        pieces = Pieces(NEW_ONE, OLD_ONE, before)
        assert assignment_for(release(), event(ReleaseStep.STOPPED), pieces, 9) is None
    for step in (ReleaseStep.WATCHED, ReleaseStep.DONE, ReleaseStep.ROLLED_BACK):
        assert assignment_for(release(), event(step), Pieces(NEW_ONE, OLD_ONE, shadowed), 9) is None


def test_a_shadow_that_stops_leaves_what_was_told_before_it() -> None:
    shadowed = told(shadow=NEW_ONE, fallback=OLDER)
    earlier = told(
        belongs="earlier", fallback=OLDER, keep=KeepPolicy(0.9), watch=WatchLimits(), deadline=12.0
    )
    pieces = Pieces(NEW_ONE, OLD_ONE, shadowed, earlier)
    made = assignment_for(release(), event(ReleaseStep.STOPPED), pieces, 9)
    assert made == replace(earlier, counter=9, at=SOON, watch=None)
    elsewhere = Pieces(NEW_ONE, OLDER, shadowed, earlier)  # it went back during the shadow
    made = assignment_for(release(), event(ReleaseStep.STOPPED), elsewhere, 9)
    assert made is not None
    assert (made.recipe, made.release, made.fallback) == (OLDER.recipe, None, None)


def test_the_way_back_is_what_ran_before_with_the_rest_as_it_is() -> None:
    switched = told(NEW, 8, fallback=OLD_ONE, watch=WatchLimits(), keep=KeepPolicy(0.5))
    made = way_back(switched, 9, ("anna", SOON))
    assert made is not None
    assert (made.recipe, made.variants, made.counter) == (OLD, (FAST,), 9)
    assert (made.fallback, made.watch, made.shadow, made.keep) == (None, None, None, KeepPolicy(0.5))
    assert (made.author, made.at, made.release) == ("anna", SOON, "r")
    assert way_back(told(NEW), 9, ("anna", SOON)) is None
