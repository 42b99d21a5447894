"""What to label next: reasons, diversity, budget, the control share."""

from dataclasses import replace

import numpy as np
import pytest

from andon.analysis.selecting import (
    Candidates,
    Picked,
    draw,
    newness,
    outstanding,
    rank,
    reason_of,
    uncertainty,
)
from andon.domain.models import Cuts
from andon.domain.selections import PickReason
from andon.errors import InvalidInput

UNCERTAIN = PickReason.UNCERTAIN


def candidates(number: int, seed: int = 0, **parts: np.ndarray) -> Candidates:
    """Pictures that lie anywhere, with a chance uncertainty where none is given."""
    chance = np.random.default_rng(seed)
    given = {PickReason(name): values for name, values in parts.items()} or {
        UNCERTAIN: chance.random(number)
    }
    keys = tuple(f"image-{place:04d}" for place in range(number))
    return Candidates(keys, given, chance.normal(size=(number, 12)).astype(np.float32))


def chosen(picked: tuple[Picked, ...]) -> list[Picked]:
    return [pick for pick in picked if pick.reason is not PickReason.CONTROL]


def test_the_budget_is_kept_and_nothing_comes_twice() -> None:
    picked = rank(candidates(200), 45, control=0.2, seed=1)
    assert len(picked) == 45 == len({pick.index for pick in picked})
    assert sum(pick.reason is PickReason.CONTROL for pick in picked) == 9
    assert len(rank(candidates(7), 45, control=0.2, seed=1)) == 7
    assert rank(candidates(7), 0, control=0.2, seed=1) == ()
    assert rank(candidates(0, uncertain=np.zeros(0)), 5, control=0.2, seed=1) == ()


def test_what_speaks_more_for_comes_first() -> None:
    parts = np.zeros(50)
    parts[[30, 10, 20]] = [0.5, 0.9, 0.7]
    picked = rank(candidates(50, uncertain=parts), 3, control=0, seed=0)
    assert [pick.index for pick in picked] == [10, 20, 30]
    assert {pick.reason for pick in picked} == {UNCERTAIN}


def test_a_picture_that_is_the_same_as_one_taken_waits_for_all_others() -> None:
    all_alike = candidates(40, uncertain=np.full(40, 0.8))
    features = all_alike.features.copy()
    features[:20] = features[0] + np.random.default_rng(1).normal(scale=1e-4, size=(20, 12))
    picked = rank(replace(all_alike, features=features), 20, control=0, seed=0)
    assert sum(pick.index < 20 for pick in picked) == 1


def test_a_near_duplicate_of_an_urgent_picture_is_not_more_urgent_than_the_rest() -> None:
    urgent = np.zeros(30)
    urgent[:2] = 1.0
    twins = candidates(30, wrong=urgent)
    features = twins.features.copy()
    features[1] = features[0]
    picked = rank(replace(twins, features=features), 10, control=0, seed=0)
    assert [pick.index for pick in picked].count(0) == 1
    assert 1 not in [pick.index for pick in picked]


def test_the_order_of_the_candidates_does_not_matter_and_ties_are_stable() -> None:
    given = candidates(120, uncertain=np.round(np.random.default_rng(3).random(120), 1))
    mixed = np.random.default_rng(5).permutation(120)
    parts = {UNCERTAIN: given.parts[UNCERTAIN][mixed]}
    other = Candidates(tuple(given.keys[i] for i in mixed), parts, given.features[mixed])
    ours = [(given.keys[p.index], p.reason, p.score) for p in rank(given, 30, control=0.3, seed=7)]
    theirs = [(other.keys[p.index], p.reason, p.score) for p in rank(other, 30, control=0.3, seed=7)]
    assert ours == theirs


def test_the_control_share_is_drawn_without_regard_to_what_speaks_for_a_picture() -> None:
    parts = np.zeros(100)
    parts[:10] = 1.0
    given = candidates(100, wrong=parts)
    drawn = [
        pick.index
        for seed in range(300)
        for pick in rank(given, 10, control=1.0, seed=seed)
        if pick.reason is PickReason.CONTROL
    ]
    times = np.bincount(drawn, minlength=100)
    assert times.sum() == 3000
    # 10 of 100 pictures, 3000 draws: 300 expected, deviation at most 16.5.
    assert abs(int(times[:10].sum()) - 300) < 5 * 16.5
    assert times.min() > 0
    assert draw(given.keys, 5, 1) != draw(given.keys, 5, 2)


def test_the_control_share_does_not_change_with_what_else_is_known() -> None:
    quiet, loud = candidates(80, wrong=np.zeros(80)), candidates(80, wrong=np.ones(80))
    drawn = [
        {p.index for p in rank(given, 20, control=0.5, seed=4) if p.reason is PickReason.CONTROL}
        for given in (quiet, loud)
    ]
    assert drawn[0] == drawn[1]


def test_who_stops_early_has_seen_both_kinds() -> None:
    first = rank(candidates(100), 40, control=0.25, seed=0)[:20]
    assert sum(pick.reason is PickReason.CONTROL for pick in first) == 5


def test_the_strongest_reason_is_named() -> None:
    given = candidates(3, uncertain=np.array([0.9, 0.9, 0.0]), wrong=np.array([0.0, 0.8, 0.0]))
    assert [reason_of(given, i) for i in range(3)] == [UNCERTAIN, PickReason.WRONG, PickReason.DIVERSE]


def test_more_reasons_score_higher_than_one() -> None:
    given = candidates(2, uncertain=np.array([0.6, 0.6]), new=np.array([0.0, 0.9]))
    scores = {pick.index: pick.score for pick in rank(given, 2, control=0, seed=0)}
    assert 0 < scores[0] < scores[1] < 1


def test_a_score_between_two_cuts_is_as_uncertain_as_can_be() -> None:
    cuts = {"dent": Cuts(0.3, 0.7)}
    assert uncertainty({"dent": 0.3}, cuts) == uncertainty({"dent": 0.5}, cuts) == 1.0
    below = [uncertainty({"dent": score}, cuts) for score in (0.29, 0.2, 0.05, 0.0)]
    assert below == sorted(below, reverse=True)
    assert below[0] > 0.9
    assert below[-1] < 0.02
    assert uncertainty({"dent": 0.0, "scratch": 0.5}, cuts) == 1.0
    assert uncertainty({}, cuts) == 0.0


def test_small_cuts_are_told_from_small_scores() -> None:
    assert uncertainty({"dent": 0.001}, {"dent": Cuts(0.02, 0.04)}) < 0.2


def test_what_lies_further_off_than_labelled_pictures_from_each_other_is_new() -> None:
    chance = np.random.default_rng(2)
    labelled = chance.normal(size=(60, 6)).astype(np.float32) * 0.1 + np.eye(1, 6, 0, dtype=np.float32)
    alike = chance.normal(size=(30, 6)).astype(np.float32) * 0.1 + np.eye(1, 6, 0, dtype=np.float32)
    strange = chance.normal(size=(5, 6)).astype(np.float32) * 0.1 - np.eye(1, 6, 0, dtype=np.float32)
    told = newness(np.concatenate([alike, strange]), labelled)
    assert told[30:].min() == 1.0
    assert 0.2 < np.median(told[:30]) < 0.9
    assert newness(alike, labelled[:1]).tolist() == [1.0] * 30


def test_few_new_pictures_stand_out_and_a_change_of_light_does_not() -> None:
    few = np.array([0.1] * 45 + [1.0] * 5)
    assert outstanding(few)[45:].min() > 0.8
    assert outstanding(few)[:45].max() == 0.0
    assert outstanding(np.ones(50)).tolist() == [0.0] * 50
    assert outstanding(np.zeros(0)).tolist() == []


def test_a_picture_that_is_labelled_already_is_not_new() -> None:
    labelled = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    assert newness(labelled[:3], labelled).max() < 0.5


def test_candidates_that_cannot_be_told_apart_are_refused() -> None:
    given = candidates(3)
    with pytest.raises(InvalidInput):
        replace(given, keys=("a", "a", "b"))
    with pytest.raises(InvalidInput):
        replace(given, keys=("a", "b"))
