"""What is worth a row, and what starts a turn by itself."""

from dataclasses import replace

import pytest

from andon.domain.loops import Trigger
from andon.domain.signals import (
    FRESH_LABELS,
    Signal,
    SignalKind,
    SinceTurn,
    is_known,
    is_news,
    starts_turn,
)
from andon.errors import InvalidInput
from andon.units import Timestamp

EARLY, LATE, LATER = (Timestamp(f"2026-03-0{day}T06:00:00.000000Z") for day in (1, 2, 3))
COST = Signal(SignalKind.COST, "", "ST-1", 40.0, 30.0, 200, True, "40 per 1,000 parts", LATER)
LABELS = Signal(SignalKind.NEW_LABELS, "brackets", "", 60.0, 50.0, 60, True, "60 new labels", LATER)


def test_a_first_look_another_state_and_another_limit_are_news() -> None:
    assert is_news(None, COST)
    assert is_news(replace(COST, raised=False), COST)
    assert is_news(replace(COST, limit=20.0), COST)


@pytest.mark.parametrize(("value", "news"), [(40.0, False), (42.9, False), (43.1, True), (36.9, True)])
def test_a_value_is_news_when_it_moved_by_a_tenth_of_its_limit(value: float, news: bool) -> None:
    assert is_news(COST, replace(COST, value=value)) is news


def test_without_a_limit_a_value_is_measured_by_itself() -> None:
    free = replace(COST, limit=0.0, raised=False)
    assert not is_news(free, replace(free, value=43.0))
    assert is_news(free, replace(free, value=45.0))
    nothing = replace(free, value=0.0)
    assert not is_news(nothing, nothing) and is_news(nothing, replace(free, value=0.1))


def test_a_costly_look_at_more_pictures_is_news_so_that_it_is_not_repeated() -> None:
    features = Signal(SignalKind.FEATURES, "", "ST-1", 0.5, 0.9, 150, False, "of r@1", LATER)
    assert not is_news(features, replace(features, value=0.51))
    assert is_news(features, replace(features, n=200))
    assert is_news(features, replace(features, detail="of r@2"))
    assert not is_news(COST, replace(COST, n=201, detail="41 per 1,000 parts"))


def test_a_signal_beyond_the_limit_starts_a_turn_and_says_why() -> None:
    cause = starts_turn(COST, 30.0, SinceTurn(labels=1, raised_since=LATE, began=EARLY))
    assert cause == "cost of ST-1: 40 per 1,000 parts"
    assert starts_turn(LABELS, 50.0, SinceTurn(60, EARLY, None)) == "new-labels: 60 new labels"


@pytest.mark.parametrize(
    "look", [replace(COST, raised=False), replace(COST, value=29.0)], ids=["not raised", "below the plan's"]
)
def test_below_the_limit_nothing_starts(look: Signal) -> None:
    assert starts_turn(look, 30.0, SinceTurn(100, LATE, EARLY)) is None


def test_without_a_new_label_the_same_model_would_come_and_nothing_starts() -> None:
    assert starts_turn(COST, 30.0, SinceTurn(0, LATE, EARLY)) is None


def test_what_a_turn_has_not_cured_starts_another_only_with_labels_that_are_worth_it() -> None:
    raised_before = SinceTurn(labels=1, raised_since=EARLY, began=LATE)
    assert starts_turn(COST, 30.0, raised_before) is None
    assert starts_turn(COST, 30.0, replace(raised_before, labels=FRESH_LABELS)) is not None
    assert starts_turn(LABELS, 50.0, raised_before) is not None, "labels are counted anew by each turn"


@pytest.mark.parametrize("limit", [0.0, -1.0, float("inf"), float("nan")])
def test_a_trigger_that_starts_nothing_or_always_is_refused(limit: float) -> None:
    with pytest.raises(InvalidInput):
        Trigger(SignalKind.COST, limit)


def test_what_could_not_be_measured_is_not_said_to_be_within_its_limit() -> None:
    assert is_known(COST) and not is_known(replace(COST, value=0.0, n=0, raised=False))
    rejects = replace(COST, kind=SignalKind.REJECTS, value=0.0, raised=False)
    assert is_known(replace(rejects, limit=0.05)) and not is_known(replace(rejects, limit=0.0))
    assert is_known(replace(LABELS, value=0.0, n=0))
