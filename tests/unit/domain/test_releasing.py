"""The way of a release, decided from values alone: each step, what holds it up, and what ends it."""

from dataclasses import replace

import pytest
from simulators.records import FAST
from simulators.two_waves import BEGAN, LATER, NEW, OLD, SETTINGS, SOON, release, says, told

from andon.domain.releases import HUB, Release, ReleaseEvent, ReleaseStep
from andon.domain.releasing import FEW, Seen, ShadowTally, expected_rejects, may_begin, next_step, to_stop
from andon.domain.stations import RolledBack, ShadowCount
from andon.units import Timestamp


def beside(dropped: int = 0, note: str = "", version: int = 2) -> ShadowCount:
    return ShadowCount("brackets", version, 0, dropped, note)


def back(counter: int = 7, author: str = "watch") -> RolledBack:
    return RolledBack(counter, "40 of 50 parts rejected", author, SOON)


def decided(
    step: ReleaseStep, seen: Seen, now: Timestamp = SOON, of: Release | None = None
) -> tuple[ReleaseStep, str, str] | None:
    history = (
        ReleaseEvent("r", "ST-1", ReleaseStep.WAITING, "", "mara", BEGAN),
        ReleaseEvent("r", "ST-1", step, "", HUB, BEGAN),
    )
    event = next_step(of or release(), history, seen, now)
    if event is None:
        return None
    assert (event.release, event.station, event.at) == ("r", "ST-1", now)
    return event.step, event.reason, event.author


HOLD: dict[str, tuple[ReleaseStep, Seen, Timestamp]] = {
    "the station never said anything": (ReleaseStep.WAITING, Seen(None, None), LATER),
    "the wave before is not done": (
        ReleaseStep.WAITING,
        Seen(says(), told(belongs=None), before=OLD, may_begin=False),
        LATER,
    ),
    "it takes up what it was told a moment ago": (
        ReleaseStep.WAITING,
        Seen(says(counter=6), told(belongs=None), before=OLD),
        SOON,
    ),
    "too few parts were judged beside": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(99, 20)),
        SOON,
    ),
    "no part came in all the time": (ReleaseStep.SHADOW, Seen(says(shadow=beside()), told()), LATER),
    "it never took up the shadow": (
        ReleaseStep.SHADOW,
        Seen(says(counter=6), told(), ShadowTally(3)),
        LATER,
    ),
    "it has not switched": (ReleaseStep.SWITCHED, Seen(says(), told(NEW, 8)), LATER),
    "it runs the version from before": (ReleaseStep.SWITCHED, Seen(says(2, 7), told(NEW, 8)), LATER),
    "it is still watched": (ReleaseStep.WATCHED, Seen(says(2), told(NEW), parts=9), SOON),
    "no part came while it was watched": (ReleaseStep.WATCHED, Seen(says(2), told(NEW), parts=0), LATER),
    "too few parts came while it was watched": (
        ReleaseStep.WATCHED,
        Seen(says(2), told(NEW), parts=4),
        LATER,
    ),
    "it does not run it any more": (ReleaseStep.WATCHED, Seen(says(1), told(NEW), parts=9), LATER),
    "it is done": (ReleaseStep.DONE, Seen(says(2), told(NEW), parts=9), LATER),
    "it is done and was told something else": (
        ReleaseStep.DONE,
        Seen(says(1, rolled_back=back()), told(OLD, belongs="another")),
        LATER,
    ),
    "it went back long ago": (
        ReleaseStep.WATCHED,
        Seen(says(2, rolled_back=back(5)), told(NEW), parts=9),
        SOON,
    ),
    "it was stopped": (ReleaseStep.STOPPED, Seen(says(2, rolled_back=back()), told(NEW)), LATER),
    "it was rolled back": (ReleaseStep.ROLLED_BACK, Seen(says(1, rolled_back=back()), told(NEW)), LATER),
}


@pytest.mark.parametrize("what", HOLD)
def test_what_holds_a_release_up(what: str) -> None:
    step, seen, now = HOLD[what]
    assert decided(step, seen, now) is None


GO: dict[str, tuple[ReleaseStep, Seen, Timestamp, ReleaseStep, str]] = {
    "a wave begins": (
        ReleaseStep.WAITING,
        Seen(says(), told(belongs=None), before=OLD),
        SOON,
        ReleaseStep.SHADOW,
        "beside brackets@1, until 100 parts are judged",
    ),
    "a station that did not take up its assignment waits no longer": (
        ReleaseStep.WAITING,
        Seen(says(counter=6), told(belongs=None), before=OLD),
        LATER,
        ReleaseStep.SHADOW,
        "beside brackets@1",
    ),
    "nothing ran before": (
        ReleaseStep.WAITING,
        Seen(says(0, 0, recipe=""), None),
        SOON,
        ReleaseStep.SWITCHED,
        "nothing ran before",
    ),
    "it runs already": (
        ReleaseStep.WAITING,
        Seen(says(2), told(NEW, belongs="earlier"), before=NEW),
        SOON,
        ReleaseStep.DONE,
        "runs that version already, and keeps its way back",
    ),
    "it went back to it from something else": (
        ReleaseStep.WAITING,
        Seen(says(2, rolled_back=back()), told(OLD, belongs="earlier"), before=OLD),
        SOON,
        ReleaseStep.SWITCHED,
        "runs that version already",
    ),
    "the approval went before it began": (
        ReleaseStep.WAITING,
        Seen(says(), None, approved=False),
        SOON,
        ReleaseStep.STOPPED,
        "approval",
    ),
    "it runs what nobody here knows": (
        ReleaseStep.WAITING,
        Seen(says(), None, known=False),
        SOON,
        ReleaseStep.STOPPED,
        "brackets@1, which this hub does not know",
    ),
    "enough parts agree": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(100, 20)),
        SOON,
        ReleaseStep.SWITCHED,
        "20 of 100 parts",
    ),
    "time is over with fewer parts": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(10, 2)),
        LATER,
        ReleaseStep.SWITCHED,
        "no time in 3600 s",
    ),
    "time is over and none was judged for want of it": (
        ReleaseStep.SHADOW,
        Seen(says(shadow=beside(dropped=4)), told()),
        LATER,
        ReleaseStep.STOPPED,
        "judged no part beside",
    ),
    "so many disagree that the others cannot make up for it": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(30, 21)),
        SOON,
        ReleaseStep.STOPPED,
        "more than 20 % are not allowed",
    ),
    "too many of the few disagree when time is over": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(10, 3)),
        LATER,
        ReleaseStep.STOPPED,
        "3 of 10 parts",
    ),
    "more parts than asked for, and too many of them disagree": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(200, 41)),
        SOON,
        ReleaseStep.STOPPED,
        "41 of 200",
    ),
    "it rejects far more than what runs": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(100, 20, 25, 5), many_rejects=True),
        SOON,
        ReleaseStep.STOPPED,
        "not pass 25 of 100 parts, and what runs did not pass 5: more than 2 times",
    ),
    "it passes what is rejected": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(100, 4, 6, 10, 10, 4)),
        SOON,
        ReleaseStep.STOPPED,
        "would pass 4 of 10 parts that what runs rejected: more than 30 %",
    ),
    "it passes what is rejected, and there was no time for more": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(50, 4, 6, 10, 10, 4)),
        LATER,
        ReleaseStep.STOPPED,
        "would pass 4 of 10 parts",
    ),
    "it passes a few of those that are rejected": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(100, 3, 7, 10, 10, 3)),
        SOON,
        ReleaseStep.SWITCHED,
        "3 of 100 parts",
    ),
    "too few were rejected to say anything": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(100, 9, 0, 9, 9, 9)),
        SOON,
        ReleaseStep.SWITCHED,
        "9 of 100 parts",
    ),
    "the station refuses the package": (
        ReleaseStep.SHADOW,
        Seen(says(shadow=beside(note="golden images differ")), told()),
        SOON,
        ReleaseStep.STOPPED,
        "cannot judge beside: golden images differ",
    ),
    "the approval went while it judged beside": (
        ReleaseStep.SHADOW,
        Seen(says(), told(), ShadowTally(100), approved=False),
        SOON,
        ReleaseStep.STOPPED,
        "approval",
    ),
    "its assignment is gone": (ReleaseStep.WATCHED, Seen(says(2), None), SOON, ReleaseStep.STOPPED, "gone"),
    "it says that it runs it": (
        ReleaseStep.SWITCHED,
        Seen(says(2, 8), told(NEW, 8)),
        SOON,
        ReleaseStep.WATCHED,
        f"runs it as {FAST}",
    ),
    "it was watched long enough": (
        ReleaseStep.WATCHED,
        Seen(says(2), told(NEW), parts=5),
        LATER,
        ReleaseStep.DONE,
        "5 parts in 3600 s",
    ),
}


@pytest.mark.parametrize("what", GO)
def test_what_moves_a_release_on(what: str) -> None:
    step, seen, now, expected, words = GO[what]
    found = decided(step, seen, now)
    assert found is not None
    assert (found[0], found[2]) == (expected, HUB)
    assert words in found[1]


@pytest.mark.parametrize("step", [ReleaseStep.SHADOW, ReleaseStep.SWITCHED, ReleaseStep.WATCHED])
def test_what_somebody_tells_a_station_meanwhile_ends_the_release_there(step: ReleaseStep) -> None:
    found = decided(step, Seen(says(), told(belongs=None), ShadowTally(100)))
    assert found == (ReleaseStep.STOPPED, "it was told to run brackets@1 meanwhile", "mara")


def test_another_version_by_hand_ends_a_release_that_waits() -> None:
    by_hand = told(replace(OLD, version=9), belongs=None)
    for before in (OLD, None):
        found = decided(ReleaseStep.WAITING, Seen(says(), by_hand, before=before, may_begin=False))
        assert found == (ReleaseStep.STOPPED, "it was told to run brackets@9 meanwhile", "mara")
    for same in (told(OLD, belongs=None), told(NEW, belongs=None)):
        assert decided(ReleaseStep.WAITING, Seen(says(), same, before=OLD, may_begin=False)) is None


def test_a_shadow_of_none_is_left_out() -> None:
    of = release(settings=replace(SETTINGS, shadow_parts=0))
    found = decided(ReleaseStep.WAITING, Seen(says(), told(belongs=None), before=OLD), SOON, of)
    assert found == (ReleaseStep.SWITCHED, "without a shadow, as asked; brackets@1 ran before", HUB)


def test_a_note_of_another_shadow_is_not_ours() -> None:
    seen = Seen(says(shadow=beside(note="refused", version=9)), told(), ShadowTally(100))
    found = decided(ReleaseStep.SHADOW, seen)
    assert found is not None
    assert found[0] is ReleaseStep.SWITCHED


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (ReleaseStep.SHADOW, ReleaseStep.STOPPED),
        (ReleaseStep.SWITCHED, ReleaseStep.ROLLED_BACK),
        (ReleaseStep.WATCHED, ReleaseStep.ROLLED_BACK),
        (ReleaseStep.DONE, ReleaseStep.ROLLED_BACK),
    ],
)
def test_a_station_that_went_back_says_why_and_who(step: ReleaseStep, expected: ReleaseStep) -> None:
    by_itself = Seen(says(1, rolled_back=back()), told(NEW))
    assert decided(step, by_itself) == (expected, "40 of 50 parts rejected", "station/ST-1")
    by_hand = Seen(says(1, rolled_back=back(author="anna")), told(NEW))
    assert decided(step, by_hand) == (expected, "40 of 50 parts rejected", "anna")


def test_going_back_from_an_earlier_word_of_the_same_release_counts() -> None:
    left = says(1, 8, rolled_back=back(7))
    same = Seen(left, told(NEW, 8), counters=frozenset({7, 8}))
    assert decided(ReleaseStep.WATCHED, same) == (
        ReleaseStep.ROLLED_BACK,
        "40 of 50 parts rejected",
        "station/ST-1",
    )
    assert decided(ReleaseStep.WATCHED, Seen(left, told(NEW, 8), counters=frozenset({8}))) is None


def test_what_goes_wrong_at_one_station_stops_those_that_were_not_switched() -> None:
    steps = {
        "a": ReleaseStep.WAITING,
        "b": ReleaseStep.SHADOW,
        "c": ReleaseStep.SWITCHED,
        "d": ReleaseStep.WATCHED,
        "e": ReleaseStep.DONE,
    }
    assert to_stop(steps) == ()
    assert to_stop(steps | {"f": ReleaseStep.ROLLED_BACK}) == ("a", "b")
    assert to_stop(steps | {"f": ReleaseStep.STOPPED}) == ("a", "b")


def test_a_wave_waits_for_all_of_the_waves_before() -> None:
    of = release()
    assert may_begin(of, "ST-1", {})
    assert not may_begin(of, "ST-3", {"ST-1": ReleaseStep.DONE})
    assert not may_begin(of, "ST-3", {"ST-1": ReleaseStep.DONE, "ST-2": ReleaseStep.WATCHED})
    assert may_begin(of, "ST-3", {"ST-1": ReleaseStep.DONE, "ST-2": ReleaseStep.DONE})
    assert not may_begin(of, "ST-9", {"ST-1": ReleaseStep.DONE, "ST-2": ReleaseStep.DONE})


def test_no_reject_in_few_parts_is_nothing_to_expect() -> None:
    assert expected_rejects(0, FEW - 1) is None
    assert expected_rejects(0, 198) == 1 / 200
    assert expected_rejects(20, 198) == 21 / 200
