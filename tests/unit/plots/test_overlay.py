"""Overlays show the verdict as word, shape and colour, and never hide what they point at."""

import numpy as np
import pytest

from andon.domain.annotations import Box
from andon.domain.inspections import Verdict
from andon.errors import BugError
from andon.plots.overlay import Mark, draw_overlay, outline_of_box, outlines_of
from andon.plots.palette import Palette

COLOURS = {
    Verdict.PASS: "#1c7a3e",
    Verdict.REJECT: "#c32a22",
    Verdict.REVIEW: "#a86400",
    Verdict.NO_DECISION: "#6f42c1",
}
PALETTE = Palette("#000000", "#555555", "#cccccc", "#ffffff", COLOURS, ("#0b62b4", "#c0408f"))


def grey(height, width):
    return np.full((height, width), 128, np.uint8)


def scratch(height, width):
    mask = np.zeros((height, width), bool)
    mask[height // 2 : height // 2 + max(2, height // 60), width // 4 : width // 2] = True
    return mask


def marked(picture, verdict=Verdict.REJECT, score=0.93):
    mask = scratch(*picture.shape[:2])
    return draw_overlay(picture, [Mark("scratch", 0, score, outlines_of(mask))], verdict, PALETTE)


def is_colour(picture, colour):
    return (picture == [int(colour[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=2)


@pytest.mark.parametrize("shape", [(256, 256), (96, 200), (480, 4000), (2432, 2048)])
def test_overlays_keep_the_shape_and_the_original(shape):
    picture = grey(*shape)
    before = picture.copy()
    drawn = marked(picture)
    assert drawn.shape == (*shape, 3) and drawn.dtype == np.uint8
    assert np.array_equal(picture, before)


def test_every_verdict_looks_different_even_without_colour():
    plain = {verdict: draw_overlay(grey(256, 256), [], verdict, PALETTE) for verdict in Verdict}
    for verdict, drawn in plain.items():
        assert is_colour(drawn, COLOURS[verdict]).mean() > 0.05
    writing = {verdict: (drawn == 255).all(axis=2) for verdict, drawn in plain.items()}
    for one in Verdict:
        for other in set(Verdict) - {one}:
            # The shape stands in the first 30 columns, the word right of it; both differ.
            for part in (slice(0, 28), slice(28, 256)):
                assert (writing[one][:, part] != writing[other][:, part]).sum() > 10


def test_the_frame_goes_around_the_whole_picture():
    state = is_colour(draw_overlay(grey(300, 200), [], Verdict.REVIEW, PALETTE), COLOURS[Verdict.REVIEW])
    assert state[0].all() and state[-1].all() and state[:, 0].all() and state[:, -1].all()


@pytest.mark.parametrize("shape", [(256, 256), (2048, 2432)])
def test_the_contour_goes_around_the_defect_and_leaves_it_visible(shape):
    drawn = marked(grey(*shape))
    mask = scratch(*shape)
    assert (drawn[mask] == 128).all()
    rows, columns = np.nonzero(mask)
    reach = shape[0] // 25
    around = drawn[rows.min() - reach : rows.max() + reach, columns.min() - reach : columns.max() + reach]
    assert (around != 128).any(axis=2).mean() > 0.1


def test_the_score_is_written():
    first, second = marked(grey(256, 256), score=0.93), marked(grey(256, 256), score=0.41)
    assert (first != second).any()


def test_letters_grow_with_the_picture():
    heights = []
    for side in (256, 1024, 4000):
        state = is_colour(draw_overlay(grey(side, side), [], Verdict.PASS, PALETTE), COLOURS[Verdict.PASS])
        heights.append(state[:, side - side // 4].argmin())
    assert heights[0] >= 20 and heights[1] > 2 * heights[0] and heights[2] > 3 * heights[1]


def test_two_findings_at_one_place_have_two_labels():
    outlines = outlines_of(scratch(256, 256))
    one = draw_overlay(grey(256, 256), [Mark("scratch", 0, 0.9, outlines)], Verdict.REJECT, PALETTE)
    marks = [Mark("scratch", 0, 0.9, outlines), Mark("stain", 1, 0.8, outlines)]
    two = draw_overlay(grey(256, 256), marks, Verdict.REJECT, PALETTE)
    plates = [(drawn == 0).all(axis=2).sum() for drawn in (one, two)]
    assert plates[1] > 1.4 * plates[0]


def test_findings_on_the_border_and_findings_without_a_place_are_fine():
    corner = outline_of_box(Box(-4, -4, 20, 12))
    far = outline_of_box(Box(240, 240, 40, 40))
    marks = [Mark("a very long concept name " * 4, 0, 1.0, (corner, far)), Mark("whole", 5, 0.5)]
    assert draw_overlay(grey(256, 256), marks, Verdict.REJECT, PALETTE).shape == (256, 256, 3)


def test_sixteen_bit_pictures_are_shown_by_their_high_byte():
    deep = np.full((256, 256), 0x8012, np.uint16)
    assert (draw_overlay(deep, [], Verdict.PASS, PALETTE)[128, 128] == 0x80).all()


def test_pixels_that_are_no_picture_are_refused():
    with pytest.raises(BugError, match="float32"):
        draw_overlay(np.zeros((8, 8), np.float32), [], Verdict.PASS, PALETTE)
