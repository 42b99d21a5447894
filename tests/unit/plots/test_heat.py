"""Heat stands out by brightness alone, so that a grey print shows where the model looked."""

import cv2
import numpy as np

from andon.plots.heat import draw_heat


def grey_of(picture):
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)


def test_more_heat_is_brighter_on_dark_and_on_bright_parts():
    heat = np.repeat(np.linspace(0.2, 1, 64, dtype=np.float32)[np.newaxis], 8, axis=0)
    for level in (20, 250):
        shown = grey_of(draw_heat(np.full((8, 64, 3), level, np.uint8), heat))[4]
        assert shown[-1] > shown[32] > shown[0]
        assert shown[-1] > 0.55 * level  # the hottest place is brighter than a part without heat


def test_without_heat_the_part_is_dimmed_and_keeps_its_structure():
    part = np.tile(np.arange(0, 240, 4, dtype=np.uint8)[np.newaxis, :, np.newaxis], (10, 1, 3))
    shown = grey_of(draw_heat(part, np.zeros((5, 5), np.float32)))
    assert shown.shape == (10, 60) and np.array_equal(np.argsort(shown[0], kind="stable"), np.arange(60))
    assert shown.max() < 0.6 * 240


def test_a_coarse_map_lies_over_the_whole_picture():
    coarse = np.zeros((4, 4), np.float32)
    coarse[0, 3] = 1
    shown = grey_of(draw_heat(np.zeros((80, 40, 3), np.uint8), coarse))
    row, column = np.unravel_index(np.argmax(shown), shown.shape)
    assert row < 20 and column >= 30
