"""Pictures in network size: read once, bounded in memory, refused when they do not fit."""

from dataclasses import replace

import numpy as np
import pytest
from simulators.drawings import SIZE, drawn, drawn_parts

from andon.domain.runs import TrainSettings
from andon.errors import InvalidInput
from andon.training.pool import Pool
from andon.training.samples import Pixels, Sample

SETTINGS = TrainSettings(height=32, width=32)


def counting(sample: Sample, calls: list[str]) -> Sample:
    def read() -> Pixels:
        calls.append(sample.name)
        return sample.read()

    return replace(sample, read=read)


def test_images_are_read_once_and_kept() -> None:
    calls: list[str] = []
    samples = [counting(s, calls) for s in drawn_parts(8, 0)]
    pool = Pool(samples, SETTINGS)
    spec = pool.fill()
    calls.clear()
    assert all(pool[i].image.shape == (32, 32, 1) for i in range(8))
    assert calls == []
    assert spec.source_sizes == ((SIZE, SIZE),)


def test_beyond_the_bound_images_are_read_again() -> None:
    calls: list[str] = []
    samples = [counting(s, calls) for s in drawn_parts(8, 0)]
    pool = Pool(samples, SETTINGS, cache_bytes=3000)
    pool.fill()
    calls.clear()
    pictures = [pool[i] for i in range(8)]
    assert 0 < len(set(calls)) < 8
    unbounded = Pool(samples, SETTINGS)
    assert all(np.array_equal(pictures[i].image, unbounded[i].image) for i in range(8))


def test_of_a_mask_stays_the_share_of_each_pixel() -> None:
    sample = drawn(5)
    picture = Pool([sample], SETTINGS)[0]
    assert picture.masks["dent"].shape == (32, 32)
    area = picture.masks["dent"].sum() / 255 * 4
    assert abs(area - sample.masks["dent"]().sum()) < 2


def test_many_sizes_are_not_listed() -> None:
    samples = [
        replace(drawn(i, concept=None), read=lambda i=i: np.zeros((40 + i, 50), np.uint8)) for i in range(6)
    ]
    assert Pool(samples, SETTINGS).fill().source_sizes == ()


@pytest.mark.parametrize("other", [np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint16)])
def test_images_of_two_kinds_are_refused(other: Pixels) -> None:
    samples = [*drawn_parts(4, 0), replace(drawn(99, concept=None), read=lambda: other)]
    with pytest.raises(InvalidInput, match=r"None-99 has \d channel"):
        Pool(samples, SETTINGS).fill()


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be learnt"):
        Pool([replace(drawn(1), read=lambda: np.zeros((4, 4), np.float32))], SETTINGS)  # type: ignore[arg-type,return-value]


def test_a_mask_of_another_size_is_refused() -> None:
    wrong = replace(drawn(1), masks={"dent": lambda: np.ones((10, 12), bool)})
    with pytest.raises(InvalidInput, match="the mask of 'dent' is 10 x 12"):
        Pool([wrong], SETTINGS).fill()
