import cv2
import numpy as np
import pytest

from andon.domain.inspections import ReasonCode
from andon.domain.recipes import HealthLimits
from andon.runtime.health import Health, Repeats, check, measure
from andon.runtime.pixels import UnfitImage

RANDOM = np.random.default_rng(3)


def textured(kind: type = np.uint8) -> np.ndarray:
    full = np.iinfo(kind).max
    return (RANDOM.random((200, 300)) * full).astype(kind)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_is_the_mean_share_of_the_range(kind: type, channels: int) -> None:
    full = np.iinfo(kind).max
    pixels = np.full((40, 60, 3) if channels == 3 else (40, 60), full // 4, kind)
    assert measure(pixels).brightness == pytest.approx(0.25, abs=0.01)
    assert measure(pixels).sharpness == 0


def test_a_blurred_picture_is_less_sharp_at_any_depth() -> None:
    for kind in (np.uint8, np.uint16):
        sharp = textured(kind)
        assert measure(cv2.GaussianBlur(sharp, (9, 9), 3)).sharpness < measure(sharp).sharpness / 10
    assert measure(textured(np.uint8)).sharpness == pytest.approx(
        measure(textured(np.uint16)).sharpness, rel=0.05
    )


@pytest.mark.parametrize(
    ("health", "code"),
    [
        (Health(0.01, 0.5), ReasonCode.DARK_IMAGE),
        (Health(0.99, 0.5), ReasonCode.BRIGHT_IMAGE),
        (Health(0.5, 0.01), ReasonCode.BLURRED_IMAGE),
    ],
)
def test_a_picture_that_says_nothing_is_refused_by_name(health: Health, code: ReasonCode) -> None:
    with pytest.raises(UnfitImage) as refused:
        check(health, HealthLimits(blurred=0.1))
    assert refused.value.code is code


def test_a_good_picture_passes_and_sharpness_is_not_asked_for_by_default() -> None:
    check(Health(0.5, 0.0), HealthLimits())


def test_equal_pictures_in_a_row_are_counted_and_one_other_starts_anew() -> None:
    repeats, first = Repeats(), textured()
    other = first.copy()
    other[0, 0] ^= 1
    assert [repeats.seen(p) for p in (first, first.copy(), first, other, first)] == [1, 2, 3, 1, 1]


def test_a_picture_is_remembered_after_its_memory_was_used_again() -> None:
    repeats, shared = Repeats(), textured()
    repeats.seen(shared)
    shared[:] = 0
    assert repeats.seen(shared) == 1
