"""From probability maps to findings in pixels of the original image."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.domain.annotations import Box
from andon.domain.inspections import MAX_FINDINGS, Finding
from andon.domain.models import OutputSpec
from andon.runtime.predictions import Floats, Prediction

Outline = NDArray[np.float32]
"""(P, 2) points (x, y) around a region, in pixels of the original image."""

PIXEL_CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Region:
    """A finding with its outline; only the finding is recorded, the outline is for overlays.

    The outline is None where the place is not known (the whole image).
    """

    finding: Finding
    outline: Outline | None


def regions_of(prediction: Prediction, output: OutputSpec, size: tuple[int, int]) -> tuple[Region, ...]:
    """What a prediction points at, worst first within each concept, concepts in manifest order.

    A concept whose image score reaches ``output.score_floor`` gives one region for every 8-connected
    component of its map at ``output.map_level``; a region's score is the image score times its own peak
    over the concept's highest peak, so the highest finding score is the image score.  Without such a
    component (or without maps) the whole image is the finding: a score never goes unreported.  Scores
    below the floor are left out.  Regions are measured at the resolution of the map, then scaled.

    At most ``MAX_FINDINGS`` are given for a concept; beyond that the last one stands for all the rest,
    with their common box, their largest area and length and their highest score, so that no rule
    tolerates together what it would not tolerate alone.

    Args:
        prediction: of one image.
        output: what the graph gives.
        size: (height, width) of the original image in pixels.
    """
    found: list[Region] = []
    for index, concept in enumerate(output.concepts):
        score = min(float(prediction.scores[index]), 1.0)
        if score < output.score_floor:
            continue
        regions: list[Region] = []
        if prediction.maps is not None:
            regions = _components(concept, score, prediction.maps[index], _Frame(output, size))
        found += _bounded(regions) if regions else [_whole_image(concept, score, size)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Frame:
    """How map pixels lie in the original image."""

    output: OutputSpec
    size: tuple[int, int]

    def scale(self, probabilities: Floats) -> tuple[float, float]:
        """Original pixels in a map pixel: (across, down)."""
        height, width = probabilities.shape
        return self.size[1] / width, self.size[0] / height


def _components(concept: str, score: float, probabilities: Floats, frame: _Frame) -> list[Region]:
    mask = (probabilities >= frame.output.map_level).view(np.uint8)
    count, found, boxes, centroids = cv2.connectedComponentsWithStats(mask, connectivity=8)
    labels = np.asarray(found, dtype=np.int32)
    if count == 1:
        return []
    peaks = _peaks(probabilities, labels, count)
    scores = score * (peaks[1:] / peaks.max())
    order = [
        int(i) + 1 for i in np.argsort(-scores, kind="stable") if scores[i] >= frame.output.score_floor
    ]
    scale = frame.scale(probabilities)
    return [
        _region(
            concept,
            float(scores[i - 1]),
            labels,
            i,
            _Measured(boxes[i].tolist(), centroids[i].tolist(), scale),
        )
        for i in order
    ]


def _peaks(probabilities: Floats, labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Highest probability of each label; 0 for the background."""
    peaks = np.zeros(count)
    where = labels > 0
    np.maximum.at(peaks, labels[where], probabilities[where])
    return peaks


@dataclass(frozen=True, slots=True)
class _Measured:
    """One component at map resolution: OpenCV's (left, top, width, height, area) and centroid."""

    stats: Sequence[int]
    centroid: Sequence[float]
    scale: tuple[float, float]


def _region(
    concept: str, score: float, labels: NDArray[np.int32], label: int, measured: _Measured
) -> Region:
    left, top, width, height, area = measured.stats
    across, down = measured.scale
    inside = (labels[top : top + height, left : left + width] == label).view(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = np.asarray(contours[0], dtype=np.float32).reshape(-1, 2) + np.array([left, top], np.float32)
    finding = Finding(
        concept=concept,
        score=score,
        box=Box(left * across, top * down, width * across, height * down),
        area=area * across * down,
        length=_length(outline, measured.scale),
        centroid=((measured.centroid[0] + 0.5) * across, (measured.centroid[1] + 0.5) * down),
    )
    return Region(finding, (outline + 0.5) * np.array(measured.scale, dtype=np.float32))


def _length(outline: Outline, scale: tuple[float, float]) -> float:
    """Longer side of the smallest rotated rectangle around the component's pixels, not their centres."""
    corners = (outline[:, np.newaxis] + PIXEL_CORNERS).reshape(-1, 2) * np.array(scale, dtype=np.float32)
    return float(max(cv2.minAreaRect(corners)[1]))


def _bounded(regions: list[Region]) -> list[Region]:
    if len(regions) <= MAX_FINDINGS:
        return regions
    kept, rest = regions[: MAX_FINDINGS - 1], [region.finding for region in regions[MAX_FINDINGS - 1 :]]
    return [*kept, Region(_together(rest), None)]


def _together(rest: Sequence[Finding]) -> Finding:
    boxes = [finding.box for finding in rest if finding.box is not None]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    return Finding(
        concept=rest[0].concept,
        score=rest[0].score,
        box=Box(left, top, right - left, bottom - top),
        area=max(finding.area for finding in rest),
        length=max(finding.length for finding in rest),
        centroid=((left + right) / 2, (top + bottom) / 2),
    )


def _whole_image(concept: str, score: float, size: tuple[int, int]) -> Region:
    height, width = size
    area, centre = float(height * width), (width / 2, height / 2)
    return Region(Finding(concept, score, None, area, float(np.hypot(height, width)), centre), None)
