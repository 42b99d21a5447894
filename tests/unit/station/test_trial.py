"""Which parts count for or against what the station was switched to."""

from dataclasses import replace

import pytest
from simulators.station_parts import AT, record

from andon.analysis.watching import Tally
from andon.domain.feedback import Answer
from andon.domain.inspections import Decision, Inspection, Reason, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.recipes import HealthLimits, Locate, Recipe
from andon.domain.stations import Assignment, KeepPolicy, Runnable, WatchLimits
from andon.station.state.trial import Trial, blamed, trial_of
from andon.units import Digest

RECIPE = Recipe("plain", 1, None, Digest("1" * 64), {"bright": Cuts(0.4, 0.6)})
BEFORE = replace(RECIPE, name="before")
ASSIGNED = Assignment("st-1", 5, RECIPE, (), KeepPolicy(), 200.0, "me", AT)
WATCHED = replace(ASSIGNED, fallback=Runnable(BEFORE, ()), watch=WatchLimits(seconds=60, p99=50.0))


@pytest.fixture
def trial() -> Trial:
    made = trial_of(WATCHED, 100.0, 0.0)
    assert made is not None
    return made


def undecided(*codes: ReasonCode, **changes: object) -> Inspection:
    decision = Decision(Verdict.NO_DECISION, tuple(Reason(code, None, "") for code in codes))
    return replace(record(), decision=decision, scores={}, **changes)  # type: ignore[arg-type]


def test_verdicts_are_counted_each_among_its_own(trial: Trial) -> None:
    for second, verdict in enumerate((Verdict.PASS, Verdict.REJECT, Verdict.REVIEW, Verdict.REJECT)):
        trial.judged(record(verdict=verdict), 100.0 + second / 2)
    trial.judged(undecided(ReasonCode.MODEL_FAILED), 103.0)
    seen = trial.seen()
    assert seen.rejects == Tally(3, 4, 2), "two of the three fell into one second"
    assert seen.undecided == Tally(1, 5, 1)


def test_only_its_own_parts_count_and_those_nobody_could_judge(trial: Trial) -> None:
    trial.judged(replace(record(verdict=Verdict.REJECT), recipe="before"), 100.0)
    trial.judged(replace(record(verdict=Verdict.REJECT), recipe_version=2), 100.0)
    trial.judged(undecided(ReasonCode.MODEL_FAILED, recipe="", recipe_version=0), 100.0)
    assert (trial.seen().rejects.of, trial.seen().undecided) == (0, Tally(1, 1, 1))


@pytest.mark.parametrize(
    "part",
    [
        undecided(ReasonCode.NOT_RECORDED),
        undecided(ReasonCode.NOT_ANSWERED),
        undecided(ReasonCode.NO_IMAGE),
        undecided(ReasonCode.DARK_IMAGE),
        undecided(ReasonCode.PART_NOT_FOUND),
        replace(undecided(ReasonCode.LATE), scores={"bright": 0.1}),
    ],
    ids=["disk", "plant", "camera", "lamp", "no part", "late because of the disk"],
)
def test_what_is_not_the_models_fault_counts_neither_way(trial: Trial, part: Inspection) -> None:
    trial.judged(part, 100.0)
    assert trial.seen().undecided == Tally()


def test_a_new_way_of_looking_at_the_picture_may_be_what_is_wrong() -> None:
    assert ReasonCode.DARK_IMAGE in blamed(replace(RECIPE, health=HealthLimits(dark=0.3)), BEFORE)
    located = replace(RECIPE, locate=Locate(Digest("2" * 64), 0, 0, 5, 0.5))
    assert ReasonCode.PART_NOT_FOUND in blamed(located, BEFORE)
    assert not {ReasonCode.DARK_IMAGE, ReasonCode.PART_NOT_FOUND} & blamed(RECIPE, BEFORE)


def test_time_that_the_record_took_is_not_the_models(trial: Trial) -> None:
    part = record()
    assert part.capture is not None
    for milliseconds, written in ((60.0, 0.0), (60.0, 55.0), (10.0, 0.0)):
        capture = replace(part.capture, stages={"record": written})
        trial.judged(replace(part, milliseconds=milliseconds, capture=capture), 100.0)
    assert trial.seen().slow == Tally(1, 3, 1)


def test_of_each_part_peoples_last_word_counts(trial: Trial) -> None:
    passed, rejected = record(), record(verdict=Verdict.REJECT)
    for part, answer in (
        (passed, Answer.MISSED),
        (rejected, Answer.CONFIRMED),
        (rejected, Answer.FALSE_ALARM),
        (record(), Answer.UNSURE),
        (replace(record(), recipe="before"), Answer.MISSED),
    ):
        trial.answered(part, answer)
    seen = trial.seen()
    assert (seen.missed, seen.false_alarms, seen.answered) == (1, 1, 2)
    assert seen.audited == 0, "nobody drew any of them"


def test_what_was_drawn_from_those_that_passed_counts_apart(trial: Trial) -> None:
    good, unsure, missed, picked = (record() for _ in range(4))
    for part, answer in ((good, Answer.CONFIRMED), (unsure, Answer.UNSURE), (missed, Answer.CONFIRMED)):
        trial.answered(part, answer, drawn=True)
    trial.answered(missed, Answer.MISSED)
    trial.answered(picked, Answer.MISSED)
    seen = trial.seen()
    assert (seen.escaped, seen.audited, seen.missed, seen.answered) == (1, 2, 2, 3)


def test_it_is_watched_only_with_limits_and_a_way_back_and_for_so_long() -> None:
    assert trial_of(replace(WATCHED, fallback=None), 100.0, 0.0) is None
    assert trial_of(replace(WATCHED, watch=None), 100.0, 0.0) is None
    made = trial_of(WATCHED, 100.0, 20.0)
    assert made is not None
    assert made.until == 140.0


def test_it_is_over_after_the_time_and_the_parts_that_the_model_decided() -> None:
    made = trial_of(replace(WATCHED, watch=WatchLimits(seconds=60, parts=3)), 100.0, 90.0)
    assert made is not None
    for part in (record(), record(), undecided(ReasonCode.NO_IMAGE), undecided(ReasonCode.MODEL_FAILED)):
        made.judged(part, 101.0)
    assert not made.is_over(1e9), "a line that stood still let nothing through"
    made.judged(record(verdict=Verdict.REJECT), 102.0)
    assert made.is_over(102.0)
    early = trial_of(replace(WATCHED, watch=WatchLimits(seconds=60, parts=1)), 100.0, 0.0)
    assert early is not None
    early.judged(record(), 101.0)
    assert (early.is_over(159.0), early.is_over(161.0)) == (False, True)
