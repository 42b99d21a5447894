"""COCO's run lengths, against its own examples and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from andon.errors import InvalidInput, LimitExceeded
from andon.formats.pixels import Limits
from andon.formats.run_lengths import RunLengths, compress, decompress, run_lengths_of


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_masks_come_back_to_the_pixel(mask: np.ndarray) -> None:
    runs = run_lengths_of(mask)
    assert np.array_equal(runs.load(), mask)
    assert decompress(compress(runs.counts)) == runs.counts


@given(st.lists(st.integers(0, 1 << 36)))
def test_any_counts_survive_compression(counts: list[int]) -> None:
    assert decompress(compress(tuple(counts))) == tuple(counts)


def test_runs_go_down_the_columns() -> None:
    mask = RunLengths(3, 2, (1, 2, 3)).load()
    assert mask.tolist() == [[False, False], [True, False], [True, False]]


def test_the_text_is_that_of_the_coco_api() -> None:
    # what pycocotools.mask.encode says of a 9 x 10 mask with rows 2-4, columns 3-6 set
    mask = np.zeros((9, 10), bool)
    mask[2:5, 3:7] = True
    assert compress(run_lengths_of(mask).counts) == "m03600000i0"


@pytest.mark.parametrize("text", ["\u00e9", "P", "0\x01", "o" * 40])
def test_broken_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        decompress(text)


def test_counts_must_fill_the_mask_and_stay_in_the_limit() -> None:
    for counts in [(1, 2), (9, -3), ()]:
        with pytest.raises(InvalidInput):
            RunLengths(2, 3, counts).load()
    with pytest.raises(LimitExceeded):
        RunLengths(100_000, 100_000, (10**10,)).load()
    with pytest.raises(LimitExceeded):
        RunLengths(2, 3, (6,)).load(Limits(pixels=5))
