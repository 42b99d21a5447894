"""Augmentation: masks follow their image, and every change can be switched off."""

from dataclasses import fields, replace

import numpy as np
import pytest

from andon.domain.runs import Augmentation
from andon.training.augment import Picture, augment, geometry, move

SIZE = 96
OFF = Augmentation(
    **{field.name: False if field.type is bool else 0.0 for field in fields(Augmentation) if field.init}
)
GEOMETRY = ("flip_horizontal", "flip_vertical", "shift", "rotation", "perspective")
LIGHT = ("light_add", "light_multiply", "contrast", "gain", "blur", "noise")
STRONG = Augmentation(True, True, 0.1, 20.0, 0.1, 0.3, 0.4, 0.5, 0.3, 2.0, 0.1)


def picture(kind: type = np.uint8, channels: int = 1) -> Picture:
    """Grain with one bright square, off centre, and its mask."""
    rng = np.random.default_rng(3)
    full = int(np.iinfo(kind).max)
    image = rng.integers(full // 8, full // 4, (SIZE, SIZE, channels)).astype(kind)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[20:40, 50:70] = 255
    image[mask > 0] = full * 3 // 4
    return Picture(image, {"dent": mask})


@pytest.mark.parametrize("seed", range(20))
def test_masks_follow_the_image(seed: int) -> None:
    changes = replace(STRONG, **dict.fromkeys(LIGHT, 0.0))
    before = picture()
    after = augment(before, changes, None, np.random.default_rng(seed))
    inside, outside = after.masks["dent"] == 255, after.masks["dent"] == 0
    assert inside.any()
    assert after.image[inside].min() > 150
    assert after.image[outside].max() < 100


@pytest.mark.parametrize("seed", range(20))
def test_a_crop_shows_its_defect_larger(seed: int) -> None:
    before = picture()
    after = augment(before, OFF, "dent", np.random.default_rng(seed))
    assert (after.masks["dent"] > 0).sum() >= 0.25 * (before.masks["dent"] > 0).sum()
    assert after.image[after.masks["dent"] == 255].min() > 150
    assert not np.array_equal(after.image, before.image)


def test_all_switched_off_changes_nothing() -> None:
    before = picture()
    for seed in range(5):
        after = augment(before, OFF, None, np.random.default_rng(seed))
        assert np.array_equal(after.image, before.image)
        assert np.array_equal(after.masks["dent"], before.masks["dent"])


@pytest.mark.parametrize("name", GEOMETRY + LIGHT)
def test_each_change_has_its_switch(name: str) -> None:
    alone = replace(OFF, **{name: getattr(STRONG, name)})
    results = [augment(picture(), alone, None, np.random.default_rng(seed)) for seed in range(6)]
    assert any(not np.array_equal(result.image, picture().image) for result in results)
    moved = any(not np.array_equal(result.masks["dent"], picture().masks["dent"]) for result in results)
    assert moved == (name in GEOMETRY)


@pytest.mark.parametrize("flip", ["flip_horizontal", "flip_vertical"])
def test_print_stays_readable_without_flips(flip: str) -> None:
    """A flip mirrors, so its matrix has a negative determinant; no other change does that."""
    both_off = replace(STRONG, flip_horizontal=False, flip_vertical=False)
    for changes, mirrored in ((both_off, False), (replace(both_off, **{flip: True}), True)):
        signs = [
            np.linalg.det(geometry((SIZE, SIZE), changes, np.random.default_rng(s))) < 0 for s in range(30)
        ]
        assert any(signs) == mirrored
        assert not all(signs)


@pytest.mark.parametrize(
    ("kind", "channels"), [(np.uint8, 1), (np.uint8, 3), (np.uint16, 1), (np.uint16, 3)]
)
def test_type_and_shape_stay(kind: type, channels: int) -> None:
    before = picture(kind, channels)
    after = augment(before, STRONG, "dent", np.random.default_rng(0))
    assert after.image.dtype == kind
    assert after.image.shape == before.image.shape
    assert after.image.max() > np.iinfo(kind).max // 4


def test_a_shift_moves_by_pixels() -> None:
    matrix = np.array([[1, 0, 7], [0, 1, -5], [0, 0, 1]], np.float32)
    moved = move(picture(), matrix)
    assert np.array_equal(moved.masks["dent"][15:35, 57:77], np.full((20, 20), 255))
    assert moved.masks["dent"].sum() == picture().masks["dent"].sum()
