"""Parts are dealt to disjoint groups, rare defects first, and the same way every time."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.domain.datasets import DatasetSpec, Split, SplitRule
from andon.domain.splitting import Candidate, deal
from andon.errors import Conflict, InvalidInput, NotPossible


def candidates(counts: dict[str, int], images_per_group: int = 1) -> list[Candidate]:
    return [
        Candidate(f"{concept or 'clean'}-{n}-{i}.png", f"{concept}-{n}", frozenset({concept} - {""}))
        for concept, count in counts.items()
        for n in range(count)
        for i in range(images_per_group)
    ]


def test_fractions_hold_for_every_concept() -> None:
    given_images = candidates({"": 200, "scratch": 100, "dent": 20})
    splits = deal(given_images, SplitRule(seed=3))
    for concept, count in {"": 200, "scratch": 100, "dent": 20}.items():
        dealt = Counter(splits[f"{concept}-{n}"] for n in range(count))
        assert dealt[Split.TRAIN] == pytest.approx(0.55 * count, abs=1)
        assert dealt[Split.TEST] == pytest.approx(0.20 * count, abs=1)
        assert dealt[Split.STOP] == pytest.approx(0.10 * count, abs=1)


def test_few_defects_reach_training_calibration_and_test_before_early_stopping() -> None:
    splits = deal(candidates({"": 50, "crack": 3}), SplitRule())
    assert {splits[f"crack-{n}"] for n in range(3)} == {Split.TRAIN, Split.CALIBRATION, Split.TEST}


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sets(st.sampled_from("abc"))), min_size=1, max_size=80),
    st.integers(0, 5),
    st.randoms(),
)
def test_groups_stay_together_and_order_does_not_matter(drawn, seed, random) -> None:
    images = [Candidate(f"{n}.png", f"g{group}", frozenset(c)) for n, (group, c) in enumerate(drawn)]
    first = deal(images, SplitRule(seed=seed))
    random.shuffle(images)
    assert deal(images, SplitRule(seed=seed)) == first
    assert set(first) == {image.group for image in images}


def test_another_seed_gives_another_split() -> None:
    images = candidates({"": 100})
    assert deal(images, SplitRule(seed=0)) != deal(images, SplitRule(seed=1))


def test_a_split_file_is_obeyed_and_its_training_side_is_dealt_on() -> None:
    images = candidates({"": 60, "scratch": 30}, images_per_group=2)
    test_names = {image.name for image in images if int(image.group.split("-")[1]) % 3 == 0}
    fixed = {image.name: Split.TEST if image.name in test_names else Split.TRAIN for image in images}
    splits = deal(images, SplitRule(fixed=fixed))
    for image in images:
        assert (splits[image.group] is Split.TEST) == (image.name in test_names)
    assert set(splits.values()) == set(Split)


def test_a_complete_split_file_is_taken_as_it_stands() -> None:
    images = candidates({"": 4})
    fixed = dict(zip([image.name for image in images], Split, strict=True))
    assert list(deal(images, SplitRule(fixed=fixed)).values()) == list(Split)


def test_images_the_file_does_not_name_are_left_out() -> None:
    images = candidates({"": 4})
    splits = deal(images, SplitRule(fixed={images[0].name: Split.TEST, images[1].name: Split.TRAIN}))
    assert set(splits) == {images[0].group, images[1].group}


def test_a_split_file_that_tears_a_group_apart_is_refused() -> None:
    images = candidates({"scratch": 1}, images_per_group=2)
    with pytest.raises(Conflict, match="scratch-0"):
        deal(images, SplitRule(fixed={images[0].name: Split.TRAIN, images[1].name: Split.TEST}))


def test_a_split_file_about_other_images_is_refused() -> None:
    with pytest.raises(NotPossible, match="none of the images"):
        deal(candidates({"": 3}), SplitRule(fixed={"elsewhere.png": Split.TRAIN}))


def test_nothing_to_split() -> None:
    with pytest.raises(NotPossible):
        deal([], SplitRule())


def test_fractions_must_sum_to_one() -> None:
    with pytest.raises(InvalidInput, match=r"sum to 0\.9"):
        SplitRule(fractions={Split.TRAIN: 0.5, Split.TEST: 0.4})


def test_fractions_are_numbers() -> None:
    with pytest.raises(InvalidInput, match="sum to nan"):
        SplitRule(fractions={Split.TRAIN: float("nan"), Split.TEST: 0.4})


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101])
def test_a_data_set_has_a_name_one_can_print(name: str) -> None:
    with pytest.raises(InvalidInput, match="data set name"):
        DatasetSpec(name)


def test_groups_that_were_dealt_before_stay_and_new_ones_fill_what_lacks() -> None:
    first = deal(candidates({"": 40, "scratch": 10}), SplitRule(seed=2))
    grown = candidates({"": 60, "scratch": 20, "hole": 8})
    assert any(deal(grown, SplitRule(seed=2))[key] is not split for key, split in first.items())
    second = deal(grown, SplitRule(seed=2), first)
    assert {key: second[key] for key in first} == first
    for concept, count in {"": 60, "scratch": 20, "hole": 8}.items():
        dealt = Counter(second[f"{concept}-{n}"] for n in range(count))
        assert dealt[Split.TRAIN] == pytest.approx(0.55 * count, abs=1.5)
        assert dealt[Split.TEST] == pytest.approx(0.20 * count, abs=1.5)
