"""The manifest of a snapshot: what it says of regression cases, and what it leaves as it was."""

from dataclasses import replace

import pytest

from andon.domain.annotations import Label
from andon.domain.datasets import SnapshotItem, Split
from andon.domain.feedback import Answer, is_regression
from andon.domain.images import Shape
from andon.domain.snapshots import read_manifest, write_manifest
from andon.units import Digest

ITEM = SnapshotItem(
    Digest("a" * 64), Digest("b" * 64), "1.png", Shape(8, 8, 1, 8), "1", "1", Split.TRAIN, (Label("dent"),)
)


def test_a_snapshot_without_regression_cases_is_written_as_it_always_was() -> None:
    written = write_manifest("d", (), [ITEM])
    assert b"regression" not in written
    assert read_manifest(written).items == (ITEM,)


def test_a_regression_case_is_written_and_read() -> None:
    marked = replace(ITEM, regression=True)
    written = write_manifest("d", (), [marked])
    assert read_manifest(written).items == (marked,)
    assert read_manifest(written).digest != read_manifest(write_manifest("d", (), [ITEM])).digest


@pytest.mark.parametrize(
    ("said", "defective", "expected"),
    [
        (Answer.MISSED, True, True),
        (Answer.FALSE_ALARM, False, True),
        (Answer.MISSED, False, False),
        (Answer.FALSE_ALARM, True, False),
        (Answer.CONFIRMED, True, False),
        (None, True, False),
    ],
)
def test_a_part_is_a_regression_case_where_a_person_contradicted_and_the_labels_agree(
    said: Answer | None, defective: bool, expected: bool
) -> None:
    assert is_regression(said, defective) is expected
