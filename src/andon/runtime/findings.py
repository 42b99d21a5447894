"""From probability maps to findings in pixels of the original image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
            regions = _components(concept, score, prediction.maps[index], output, size)
        found += _bounded(regions) if regions else [_whole_image(concept, score, size)]
    return tuple(found)


def _components(
    concept: str, score: float, probabilities: Floats, output: OutputSpec, size: tuple[int, int]
) -> list[Region]:
    mask = (probabilities >= output.map_level).view(np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return []
    window = (slice(top, top + height), slice(left, left + width))
    parts = _Parts.of(np.ascontiguousarray(mask[window]), probabilities[window])
    frame = _Frame((left, top), (size[1] / mask.shape[1], size[0] / mask.shape[0]))
    scores = score * (parts.peaks / parts.peaks.max())
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= output.score_floor]
    return [_region(concept, float(scores[i]), parts, i, frame) for i in order]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The 8-connected components of a window of the map, n of them, in map pixels from its corner.

    Attributes:
        areas, peaks: (n,) pixels, and highest probability.
        centres: (n, 2) mean (x, y) of the pixels' indices.
        outlines: for each, the indices (x, y) of the pixels around it.
    """

    areas: NDArray[np.intp]
    peaks: NDArray[np.float64]
    centres: NDArray[np.float64]
    outlines: list[Outline]

    @classmethod
    def of(cls, mask: NDArray[np.uint8], probabilities: Floats) -> "_Parts":
        """Measured on the pixels inside alone: OpenCV's own statistics cost ten times the labelling."""
        count, found = cv2.connectedComponents(mask, connectivity=8)
        labels = np.asarray(found)
        inside = np.flatnonzero(mask.ravel().view(np.bool_))
        owner = labels.ravel()[inside].astype(np.intp) - 1
        rows, columns = np.divmod(inside, mask.shape[1])
        areas = np.bincount(owner)
        peaks = np.zeros(count - 1)
        np.maximum.at(peaks, owner, probabilities[rows, columns])
        centres = np.stack([np.bincount(owner, columns), np.bincount(owner, rows)], axis=1)
        return cls(areas, peaks, centres / areas[:, np.newaxis], _outlines(mask, labels, count - 1))


def _outlines(mask: NDArray[np.uint8], labels: NDArray[Any], count: int) -> list[Outline]:
    """One outer contour a component; those around holes are left out."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outlines = [np.empty((0, 2), np.float32)] * count
    for contour, parent in zip(contours, hierarchy[0, :, 3].tolist(), strict=True):
        if parent == -1:
            points = np.asarray(contour).reshape(-1, 2)
            outlines[int(labels[points[0, 1], points[0, 0]]) - 1] = points.astype(np.float32)
    return outlines


@dataclass(frozen=True, slots=True)
class _Frame:
    """How map pixels lie in the original image: corner of the window, original pixels across and down."""

    corner: tuple[int, int]
    scale: tuple[float, float]


def _region(concept: str, score: float, parts: _Parts, index: int, frame: _Frame) -> Region:
    across, down = frame.scale
    scale = np.array(frame.scale, dtype=np.float32)
    indices = parts.outlines[index] + np.array(frame.corner, dtype=np.float32)
    left, top, width, height = cv2.boundingRect(indices)
    x, y = (parts.centres[index] + frame.corner).tolist()
    finding = Finding(
        concept=concept,
        score=score,
        box=Box(left * across, top * down, width * across, height * down),
        area=int(parts.areas[index]) * across * down,
        length=_length(indices, scale),
        centroid=((x + 0.5) * across, (y + 0.5) * down),
    )
    return Region(finding, (indices + np.float32(0.5)) * scale)


def _length(indices: Outline, scale: NDArray[np.float32]) -> float:
    """Longer side of the smallest rotated rectangle around the component's pixels, not their centres."""
    corners = (indices[:, np.newaxis] + PIXEL_CORNERS) * scale
    return float(max(cv2.minAreaRect(corners.reshape(-1, 2))[1]))


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
