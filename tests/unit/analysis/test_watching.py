"""A watch that looks after every part: how seldom it sends a good model back, how soon a bad one."""

import math
from functools import cache

import numpy as np
import pytest

from andon.analysis.watching import FALSE_ALARMS, SPREAD, Seen, Tally, bad, evidence, exceeds
from andon.domain.stations import RollbackCause, WatchLimits

PARTS = 600
WATCHES = 4000
LIMITS = WatchLimits(rejects=0.05, factor=2.0, undecided=0.05, p99=100.0, contradicted=0.5)


@cache
def boundary(tolerated: float) -> tuple[int, ...]:
    """The smallest count at which a watch goes back, after each number of parts."""
    least = 1
    found = []
    for of in range(1, PARTS + 1):
        while least <= of and not exceeds(least, of, tolerated):
            least += 1
        found.append(least)
    return tuple(found)


def crossings(rate: float, tolerated: float) -> np.ndarray:
    """After how many parts each simulated watch goes back; ``PARTS`` + 1 where it does not."""
    draws = np.random.default_rng(7).random((WATCHES, PARTS)) < rate
    over = draws.cumsum(1) >= np.array(boundary(tolerated))
    return np.where(over.any(1), over.argmax(1) + 1, PARTS + 1)


@pytest.mark.parametrize("tolerated", [0.01, 0.05, 0.1, 0.5])
def test_what_just_keeps_its_limit_is_sent_back_as_seldom_as_stated(tolerated: float) -> None:
    """Looked at after each of 600 parts. At most 1 of 5,000 is stated for one of the five rates; chance
    gives more than 4 of 4,000 then in less than 1 of 250 tests, and the draws are the same each time."""
    assert (crossings(tolerated, tolerated) <= PARTS).sum() <= FALSE_ALARMS * WATCHES


@pytest.mark.parametrize(
    ("rate", "tolerated", "within"),
    [(1.0, 0.01, 4), (1.0, 0.1, 6), (1.0, 0.5, 20), (0.5, 0.1, 40), (0.3, 0.05, 70), (0.2, 0.05, 150)],
)
def test_what_is_bad_is_seen_soon(rate: float, tolerated: float, within: int) -> None:
    assert (crossings(rate, tolerated) <= within).mean() >= 0.95


def test_the_ratio_never_favours_what_is_tolerated_less() -> None:
    assert evidence(0, 0, 0.1) == pytest.approx(0.0)
    assert evidence(0, 50, 0.1) < 0 < evidence(50, 50, 0.1)
    assert evidence(50, 50, 0.1) == pytest.approx(-50 * math.log(0.1) - math.log(32), rel=0.05)
    assert [exceeds(n, n, 0.1) for n in range(8)] == sorted(exceeds(n, n, 0.1) for n in range(8))
    assert not exceeds(10_000, 10_000, 1.0)
    assert not exceeds(1, 3, 0.0)


def test_it_is_a_supermartingale_at_and_below_the_tolerated_rate() -> None:
    for tolerated in (0.01, 0.1, 0.5):
        for count, of in ((0, 0), (1, 3), (5, 20)):
            for rate in (tolerated, tolerated / 2):
                up, down = (math.exp(evidence(count + hit, of + 1, tolerated)) for hit in (1, 0))
                now = math.exp(evidence(count, of, tolerated))
                assert rate * up + (1 - rate) * down <= now * (1 + 1e-9)


def test_each_cause_is_named_with_its_numbers() -> None:
    many, none = Tally(20, 20, 10), Tally(0, 20, 0)
    assert bad(Seen(none, none, none), LIMITS) is None
    for seen, cause in (
        (Seen(rejects=many, undecided=none), RollbackCause.REJECTS),
        (Seen(undecided=many), RollbackCause.UNDECIDED),
        (Seen(undecided=none, slow=many), RollbackCause.SLOW),
        (Seen(missed=12, false_alarms=8, answered=20), RollbackCause.CONTRADICTED),
        (Seen(missed=20, answered=200, escaped=20, audited=20), RollbackCause.CONTRADICTED),
    ):
        found = bad(seen, LIMITS)
        assert found is not None
        assert (found.cause, found.count, found.of) == (cause, 20, 20)
        assert "20 of 20" in found.reason


def test_a_model_that_passes_defects_is_seen_among_many_confirmed_rejects() -> None:
    """Of 200 confirmed rejects and 40 parts drawn from those that passed, 30 of which are defective."""
    blind = Seen(missed=30, answered=240, escaped=30, audited=40)
    found = bad(blind, WatchLimits())
    assert found is not None
    assert (found.cause, found.count, found.of) == (RollbackCause.CONTRADICTED, 30, 40)
    assert bad(blind, WatchLimits(missed=1.0)) is None, "the mix alone does not show it"
    assert bad(Seen(missed=30, answered=240), WatchLimits()) is None, "what people pick is no share"
    assert bad(Seen(missed=8, answered=40, escaped=8, audited=40), WatchLimits()) is None


def test_one_stall_is_no_verdict_and_what_is_not_watched_counts_for_nothing() -> None:
    stall = Tally(20, 20, SPREAD - 1)
    assert bad(Seen(undecided=stall, slow=stall, rejects=stall), LIMITS) is None
    many = Tally(100, 100, 50)
    assert bad(Seen(rejects=many, slow=many), WatchLimits()) is None
    assert bad(Seen(rejects=many), WatchLimits(rejects=0.6)) is None, "twice as many would be all"
