import numpy as np
import pytest

from andon.domain.inspections import ReasonCode
from andon.domain.models import InputSpec
from andon.runtime.pixels import UnfitImage, fit

GREY = InputSpec(height=32, width=48, channels=1, bit_depth=8)
COLOUR_16 = InputSpec(height=32, width=48, channels=3, bit_depth=16)
KNOWN_SIZE = InputSpec(height=32, width=48, channels=1, bit_depth=8, source_sizes=((64, 96), (60, 90)))


@pytest.mark.parametrize("size", [(32, 48), (64, 96), (100, 70), (16, 24), (16, 200), (1, 1)])
@pytest.mark.parametrize("spec", [GREY, COLOUR_16])
def test_any_size_becomes_the_networks_size(size: tuple[int, int], spec: InputSpec) -> None:
    kind = np.uint8 if spec.bit_depth == 8 else np.uint16
    pixels = np.full((*size, 3) if spec.channels == 3 else size, 200, kind)
    fitted = fit(pixels, spec)
    assert fitted.shape == (32, 48, spec.channels)
    assert fitted.dtype == kind
    assert fitted.flags.c_contiguous
    assert (fitted == 200).all()


def test_shrinking_averages_so_that_a_lone_pixel_leaves_its_share() -> None:
    pixels = np.zeros((64, 96), np.uint8)
    pixels[11, 21] = 200
    fitted = fit(pixels, GREY)[:, :, 0]
    assert fitted[5, 10] == 50
    assert fitted.sum() == 50


def test_an_image_of_the_right_size_is_not_copied() -> None:
    pixels = np.zeros((32, 48), np.uint8)
    assert np.shares_memory(fit(pixels, GREY), pixels)


def test_a_view_comes_out_in_order() -> None:
    pixels = np.arange(32 * 96, dtype=np.uint8).reshape(32, 96)[:, ::2]
    fitted = fit(pixels, GREY)
    assert fitted.flags.c_contiguous
    assert (fitted[:, :, 0] == pixels).all()


@pytest.mark.parametrize(
    ("pixels", "spec", "code", "words"),
    [
        (
            np.zeros((32, 48, 3), np.uint8),
            GREY,
            ReasonCode.WRONG_PIXELS,
            "3 colour channels, the model takes 1",
        ),
        (np.zeros((32, 48), np.uint16), COLOUR_16, ReasonCode.WRONG_PIXELS, "1 colour channels"),
        (
            np.zeros((32, 48), np.uint16),
            GREY,
            ReasonCode.WRONG_PIXELS,
            "16 bits per channel, the model takes 8",
        ),
        (np.zeros((32, 48, 3), np.uint8), COLOUR_16, ReasonCode.WRONG_PIXELS, "8 bits per channel"),
        (np.zeros((32, 48), np.uint8), KNOWN_SIZE, ReasonCode.WRONG_SIZE, "trained on 64 x 96 or 60 x 90"),
    ],
)
def test_an_image_the_model_was_not_made_for_is_refused(
    pixels: np.ndarray, spec: InputSpec, code: ReasonCode, words: str
) -> None:
    with pytest.raises(UnfitImage, match=words) as refused:
        fit(pixels, spec)
    assert refused.value.code is code


def test_sizes_of_training_are_taken() -> None:
    assert fit(np.zeros((60, 90), np.uint8), KNOWN_SIZE).shape == (32, 48, 1)


def test_an_image_beyond_what_the_resize_can_address_is_refused() -> None:
    with pytest.raises(UnfitImage, match="cannot be resized"):
        fit(np.zeros((0, 48), np.uint8), GREY)
