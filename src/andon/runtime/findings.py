"""From probability maps to findings in pixels of the original image."""

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
    with their common box, their largest area, their highest score and at least their largest length, so
    that no rule tolerates together what it would not tolerate alone.  A map full of specks therefore
    costs little more than one with a few.

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
        found += regions or [_whole_image(concept, score, size)]
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
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= output.score_floor]
    single = order if len(order) <= MAX_FINDINGS else order[: MAX_FINDINGS - 1]
    outlines = parts.outlines(single)
    found = [
        _region(_Scored(concept, float(scores[i])), parts, int(i), outline, frame)
        for i, outline in zip(single, outlines, strict=True)
    ]
    if rest := order[len(single) :].tolist():
        found.append(_together(_Scored(concept, float(scores[rest[0]])), parts, rest, frame))
    return found


@dataclass(frozen=True, slots=True)
class _Scored:
    """What a region shows, and how surely."""

    concept: str
    score: float


@dataclass(frozen=True, slots=True)
class _Parts:
    """The 8-connected components of a window of the map, n of them, in map pixels from its corner.

    Attributes:
        labels: of the window's pixels, component + 1; 0 for none.
        areas, peaks: (n,) pixels, and highest probability.
        centres: (n, 2) mean (x, y) of the pixels' indices.
        firsts, lasts: (n, 2) lowest and highest (x, y) of the pixels' indices.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.intp]
    peaks: NDArray[np.float64]
    centres: NDArray[np.float64]
    firsts: NDArray[np.intp]
    lasts: NDArray[np.intp]

    @classmethod
    def of(cls, mask: NDArray[np.uint8], probabilities: Floats) -> "_Parts":
        """Measured on the pixels inside alone: OpenCV's own statistics cost ten times the labelling."""
        count, found = cv2.connectedComponents(mask, connectivity=8)
        labels = np.asarray(found, np.int32)
        inside = np.flatnonzero(mask.ravel().view(np.bool_))
        owner = labels.ravel()[inside].astype(np.intp) - 1
        rows, columns = np.divmod(inside, mask.shape[1])
        areas = np.bincount(owner)
        peaks = np.zeros(count - 1)
        np.maximum.at(peaks, owner, probabilities[rows, columns])
        centres = np.stack([np.bincount(owner, columns), np.bincount(owner, rows)], axis=1)
        firsts = np.full((2, count - 1), max(mask.shape), np.intp)
        lasts = np.zeros((2, count - 1), np.intp)
        for axis, places in enumerate((columns, rows)):
            np.minimum.at(firsts[axis], owner, places)
            np.maximum.at(lasts[axis], owner, places)
        return cls(labels, areas, peaks, centres / areas[:, np.newaxis], firsts.T, lasts.T)

    def outlines(self, wanted: NDArray[np.intp]) -> list[Outline]:
        """For each of these components the indices (x, y) of the pixels around it; holes are left out."""
        chosen = np.zeros(len(self.areas) + 1, np.uint8)
        chosen[wanted + 1] = 1
        how = (cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        contours, hierarchy = cv2.findContours(chosen[self.labels], *how)
        outlines = {}
        for contour, parent in zip(contours, hierarchy[0, :, 3].tolist(), strict=True):
            if parent == -1:
                points = np.asarray(contour).reshape(-1, 2)
                outlines[int(self.labels[points[0, 1], points[0, 0]]) - 1] = points.astype(np.float32)
        return [outlines[index] for index in wanted.tolist()]


@dataclass(frozen=True, slots=True)
class _Frame:
    """How map pixels lie in the original image: corner of the window, original pixels across and down."""

    corner: tuple[int, int]
    scale: tuple[float, float]

    def box(self, first: NDArray[np.intp], last: NDArray[np.intp]) -> Box:
        """Around the pixels from ``first`` to ``last`` (x, y) of the window, both included."""
        (left, top), (width, height) = (first + self.corner).tolist(), (last - first + 1).tolist()
        across, down = self.scale
        return Box(left * across, top * down, width * across, height * down)


def _region(scored: _Scored, parts: _Parts, index: int, outline: Outline, frame: _Frame) -> Region:
    across, down = frame.scale
    scale = np.array(frame.scale, dtype=np.float32)
    indices = outline + np.array(frame.corner, dtype=np.float32)
    x, y = (parts.centres[index] + frame.corner).tolist()
    finding = Finding(
        concept=scored.concept,
        score=scored.score,
        box=frame.box(parts.firsts[index], parts.lasts[index]),
        area=int(parts.areas[index]) * across * down,
        length=_length(indices, scale),
        centroid=((x + 0.5) * across, (y + 0.5) * down),
    )
    return Region(finding, (indices + np.float32(0.5)) * scale)


def _length(indices: Outline, scale: NDArray[np.float32]) -> float:
    """Longer side of the smallest rotated rectangle around the component's pixels, not their centres."""
    corners = (indices[:, np.newaxis] + PIXEL_CORNERS) * scale
    return float(max(cv2.minAreaRect(corners.reshape(-1, 2))[1]))


def _together(scored: _Scored, parts: _Parts, rest: list[int], frame: _Frame) -> Region:
    """One finding for all of these; no component is longer than the diagonal of its box."""
    across, down = frame.scale
    firsts, lasts = parts.firsts[rest], parts.lasts[rest]
    box = frame.box(firsts.min(axis=0), lasts.max(axis=0))
    diagonals = np.hypot(*((lasts - firsts + 1) * frame.scale).T)
    area = int(parts.areas[rest].max()) * across * down
    centre = (box.x + box.width / 2, box.y + box.height / 2)
    return Region(Finding(scored.concept, scored.score, box, area, float(diagonals.max()), centre), None)


def _whole_image(concept: str, score: float, size: tuple[int, int]) -> Region:
    height, width = size
    area, centre = float(height * width), (width / 2, height / 2)
    return Region(Finding(concept, score, None, area, float(np.hypot(height, width)), centre), None)
