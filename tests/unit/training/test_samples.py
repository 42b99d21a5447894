"""What cannot be learnt from is refused in one clear line."""

from dataclasses import replace

import pytest
from simulators.drawings import drawn, drawn_parts

from andon.domain.datasets import Split
from andon.domain.runs import Family
from andon.errors import InvalidInput, NotPossible
from andon.training.samples import Sample, check, fingerprint, of_split

DEFECTS = [drawn(i) for i in range(4)]
CLEAN = [drawn(i, Split.TRAIN, None) for i in range(5)]
UNPLACED = [replace(s, masks={}, located=False) for s in DEFECTS]


@pytest.mark.parametrize(
    ("samples", "family", "words"),
    [
        (CLEAN, Family.SEGMENT, "no defect"),
        ([], Family.SEGMENT, "no image"),
        ([replace(s, split=Split.TEST) for s in DEFECTS], Family.SEGMENT, "no image"),
        (DEFECTS, Family.CLASSIFY, "every training image is labelled 'dent'"),
        (UNPLACED, Family.SEGMENT, "every training image is labelled 'dent'"),
        (CLEAN + UNPLACED, Family.UNET, "mask"),
    ],
)
def test_what_is_missing_is_said(samples: list[Sample], family: Family, words: str) -> None:
    with pytest.raises(NotPossible, match=words):
        check(samples, ("dent",), family)


@pytest.mark.parametrize("family", list(Family))
def test_defects_and_clean_parts_are_enough(family: Family) -> None:
    check(DEFECTS + CLEAN, ("dent",), family)


def test_no_concept_is_nothing_to_learn() -> None:
    with pytest.raises(NotPossible, match="no concept"):
        check(CLEAN, (), Family.SEGMENT)


def test_strange_labels_and_double_names_are_named() -> None:
    with pytest.raises(InvalidInput, match="'dent' is not among"):
        check(DEFECTS + CLEAN, ("stain",), Family.SEGMENT)
    with pytest.raises(InvalidInput, match="same name"):
        check(DEFECTS + DEFECTS, ("dent",), Family.SEGMENT)
    with pytest.raises(InvalidInput, match="concepts have the same name"):
        check(DEFECTS, ("dent", "dent"), Family.SEGMENT)


def test_two_classes_without_clean_parts_can_be_told_apart() -> None:
    check([*DEFECTS, drawn(9, concept="stain")], ("dent", "stain"), Family.CLASSIFY)


def test_a_mask_for_only_one_of_two_labels_is_no_map() -> None:
    both = replace(DEFECTS[0], labels=frozenset({"dent", "stain"}))
    assert not both.has_map
    assert DEFECTS[0].has_map
    assert CLEAN[0].has_map


def test_a_fingerprint_sees_labels_and_groups_but_not_order() -> None:
    samples = drawn_parts()
    assert fingerprint(samples, ("dent",)) == fingerprint(samples[::-1], ("dent",))
    moved = [replace(samples[0], split=Split.STOP), *samples[1:]]
    cleaned = [replace(samples[1], labels=frozenset(), masks={}), samples[0], *samples[2:]]
    found = {fingerprint(s, ("dent",)) for s in (samples, moved, cleaned)}
    assert len(found) == 3


def test_groups_come_in_order_of_name() -> None:
    names = [sample.name for sample in of_split(drawn_parts()[::-1], Split.TRAIN)]
    assert names == sorted(names)
    assert len(names) == 24
