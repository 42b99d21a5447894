import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from andon.domain.annotations import Box
from andon.domain.inspections import MAX_FINDINGS
from andon.domain.models import OutputSpec
from andon.runtime.findings import Region, regions_of
from andon.runtime.predictions import Prediction

ONE = OutputSpec(concepts=("dent",), maps=True, map_level=0.5, score_floor=0.1)


def regions(
    probabilities: np.ndarray, score: float, size: tuple[int, int] | None = None
) -> tuple[Region, ...]:
    prediction = Prediction(np.array([score], np.float32), probabilities[np.newaxis].astype(np.float32))
    return regions_of(prediction, ONE, size or probabilities.shape)


def test_a_rectangle_is_measured_by_its_pixels() -> None:
    probabilities = np.zeros((40, 60))
    probabilities[10:15, 20:32] = 0.9
    (region,) = regions(probabilities, 0.8)
    found = region.finding
    assert found.box == Box(20, 10, 12, 5)
    assert (found.area, found.length) == (60, pytest.approx(12))
    assert found.centroid == (26, 12.5)
    assert found.score == np.float32(0.8)


def test_one_pixel_is_a_finding_of_one_pixel() -> None:
    probabilities = np.zeros((40, 60))
    probabilities[0, 59] = 0.5
    (region,) = regions(probabilities, 0.8)
    assert region.finding.box == Box(59, 0, 1, 1)
    assert (region.finding.area, region.finding.length) == (1, pytest.approx(1))


def test_sizes_are_those_of_the_original_image() -> None:
    probabilities = np.zeros((40, 60))
    probabilities[10:15, 20:32] = 0.9
    (region,) = regions(probabilities, 0.8, (400, 300))
    found = region.finding
    assert found.box == Box(100, 100, 60, 50)
    assert (found.area, found.length) == (3000, pytest.approx(60))
    assert found.centroid == (130, 125)
    assert region.outline is not None
    assert region.outline.min(axis=0).tolist() == [102.5, 105]
    assert region.outline.max(axis=0).tolist() == [157.5, 145]


@pytest.mark.parametrize("angle", [0, 17, 45, 80, 135])
def test_a_scratch_has_its_length_at_any_angle(angle: float) -> None:
    canvas = np.zeros((300, 300), np.uint8)
    step = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))]) * 100
    start, end = (150 - step).round().astype(int), (150 + step).round().astype(int)
    cv2.line(canvas, start.tolist(), end.tolist(), 255, 3)
    (region,) = regions(canvas / 255, 0.9)
    assert region.finding.length == pytest.approx(202, abs=4)


def test_corners_that_touch_belong_together() -> None:
    probabilities = np.zeros((20, 20))
    probabilities[3, 3] = probabilities[4, 4] = 0.9
    probabilities[10, 10] = probabilities[10, 12] = 0.8
    assert len(regions(probabilities, 0.9)) == 3


def test_a_dot_in_a_ring_is_a_finding_of_its_own() -> None:
    probabilities = np.zeros((40, 40))
    cv2.circle(probabilities, (20, 20), 12, 0.9, 2)
    probabilities[20, 20] = 0.8
    ring, dot = (region.finding for region in regions(probabilities, 0.9))
    assert dot.box == Box(20, 20, 1, 1)
    rows, columns = np.nonzero(probabilities == 0.9)
    assert ring.centroid == (pytest.approx(columns.mean() + 0.5), pytest.approx(rows.mean() + 0.5))
    assert ring.area == (probabilities == 0.9).sum()


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_components_are_those_of_opencvs_statistics(seed: int, grain: int) -> None:
    noise = np.random.default_rng(seed).uniform(0, 1, (30, 50)).astype(np.float32)
    probabilities = cv2.blur(noise, (grain, grain))
    mask = (probabilities >= 0.5).astype(np.uint8)
    count, _, boxes, centroids = cv2.connectedComponentsWithStats(mask, connectivity=8)
    assume(1 < count <= MAX_FINDINGS)
    found = sorted(
        (f.box.x, f.box.y, f.box.width, f.box.height, f.area, *(round(c - 0.5, 6) for c in f.centroid))
        for f in (region.finding for region in regions(probabilities, 1.0))
        if f.box is not None
    )
    stated = [
        (*box.tolist(), *(round(c, 6) for c in centre.tolist()))
        for box, centre in zip(boxes[1:], centroids[1:], strict=True)
    ]
    assert found == sorted(stated)


def test_peaks_share_out_the_image_score() -> None:
    probabilities = np.zeros((20, 20))
    probabilities[2:4, 2:4] = 0.6
    probabilities[10:12, 10:12] = 0.9
    probabilities[11, 11] = 0.95
    worst, other = regions(probabilities, 0.7)
    assert worst.finding.score == np.float32(0.7)
    assert other.finding.score == pytest.approx(0.7 * 0.6 / 0.95)


def test_a_score_without_a_region_is_a_finding_of_the_whole_image() -> None:
    (region,) = regions(np.full((20, 30), 0.49), 0.7)
    assert region.outline is None
    assert region.finding.box is None
    assert (region.finding.score, region.finding.area) == (np.float32(0.7), 600)


def test_scores_below_the_floor_are_not_kept() -> None:
    probabilities = np.zeros((20, 20))
    probabilities[2:4, 2:4] = 0.9
    assert regions(probabilities, 0.099) == ()
    probabilities[10, 10] = 0.5
    assert len(regions(probabilities, 0.12)) == 1


def test_a_model_without_maps_finds_whole_images() -> None:
    output = OutputSpec(concepts=("dent", "scratch"), maps=False, score_floor=0.1)
    found = regions_of(Prediction(np.array([0.05, 0.4], np.float32), None), output, (20, 30))
    assert [(region.finding.concept, region.finding.box) for region in found] == [("scratch", None)]


def test_concepts_come_in_manifest_order_each_with_its_own_map() -> None:
    maps = np.zeros((2, 20, 20), np.float32)
    maps[0, 2, 2] = maps[1, 5, 5] = maps[1, 9, 9] = 0.9
    output = OutputSpec(concepts=("z", "a"), maps=True)
    found = regions_of(Prediction(np.array([0.3, 0.9], np.float32), maps), output, (20, 20))
    assert [region.finding.concept for region in found] == ["z", "a", "a"]


def test_beyond_the_limit_the_last_finding_stands_for_the_rest() -> None:
    probabilities = np.zeros((80, 80))
    probabilities[::4, ::4] = 0.9
    probabilities[40:43, 76:80] = 0.6
    found = [region.finding for region in regions(probabilities, 0.9)]
    assert len(found) == MAX_FINDINGS
    assert found[0].score == np.float32(0.9)
    assert all(finding.area == 1 for finding in found[:-1])
    assert found[-1].area >= 12
    assert found[-1].length >= 4
    assert found[-1].score == np.float32(0.9)


@given(st.integers(0, 2**32 - 1), st.floats(0.11, 1.0), st.sampled_from([(20, 20), (37, 91), (200, 10)]))
def test_whatever_the_map_findings_add_up(seed: int, score: float, size: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    probabilities = cv2.blur(random.uniform(0, 1, (20, 20)).astype(np.float32), (3, 3))
    found = [region.finding for region in regions(probabilities, score, size)]
    assert max(finding.score for finding in found) == np.float32(score)
    assert [finding.score for finding in found] == sorted((f.score for f in found), reverse=True)
    height, width = size
    for finding in found:
        x, y = finding.centroid
        assert 0 <= x <= width
        assert 0 <= y <= height
        if finding.box is not None:
            box = finding.box
            diagonal = math.hypot(box.width, box.height)
            assert max(box.width, box.height) * 0.7 - 1e-3 <= finding.length <= diagonal + 1e-3
            assert finding.area <= box.width * box.height + 1e-6
            assert -1e-6 <= box.x <= box.x + box.width <= width + 1e-6
    if found[0].box is not None and all(f.score > 0.2 for f in found) and score > 0.9:
        inside = float((probabilities >= 0.5).mean()) * height * width
        assert sum(finding.area for finding in found) <= inside + 1e-3
