"""What a shipped model makes of images beyond its verdict: features to compare them by, and labels."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from andon.domain.annotations import Box, Label, Polygon, WholeImage
from andon.domain.models import OutputSpec
from andon.errors import UserError
from andon.runtime.execution import REFERENCE, Executor
from andon.runtime.findings import Region, regions_of
from andon.runtime.package import LoadedPackage, load_package
from andon.runtime.pixels import Pixels, fit
from andon.runtime.predictions import Floats

SIDE = 16
"""Of the small grey picture in a plain description."""

CELLS = 4
BINS = 8
"""Directions of edges that are told apart, 0 to 180 degrees."""

PLAIN = SIDE * SIDE + CELLS * CELLS * BINS
"""Numbers in a plain description."""

EVEN = 1e-3
"""A half of a description that is shorter holds nothing but rounding."""

MOST_LABELS = 20
"""Findings of one image that become labels."""

ROUGHNESS = 1.0
"""Pixels that the outline of a proposed label may lie beside that of its finding."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model says of one image, in memory of its own.

    Attributes:
        scores: (K,) float32 in [0, 1], concepts in manifest order.
        features: (F,) float32; F is ``feature_count`` of the package.
        findings: what it points at as labels with their scores, the surest first.
    """

    name: str
    scores: Floats
    features: Floats
    findings: tuple[tuple[Label, float], ...]


def feature_count(output: OutputSpec) -> int:
    """Numbers that describe an image: the model's own, or those of a plain description."""
    return output.features or PLAIN


def features_of(folder: Path, images: Iterable[tuple[str, Pixels]], threads: int = 1) -> Iterator[Floats]:
    """(F,) float32 for each image, in order; see :func:`look`, which also raises."""
    for seen in look(load_package(folder), images, threads):
        yield seen.features


def look(package: LoadedPackage, images: Iterable[tuple[str, Pixels]], threads: int = 1) -> Iterator[Seen]:
    """What the model says of images, on the reference variant, one in memory at a time.

    Features are the model's; a package made before there were any gives :func:`plain_features`.  An image
    that the model does not take (another size, other pixels) is passed over: it has no place among the
    others.

    Args:
        package: loaded and checked.
        images: (name, decoded pixels); read lazily.
        threads: of the engine.

    Raises:
        ModelFailed: the engine failed on an image.
    """
    given = package.manifest.output
    executor = Executor(package.graph, REFERENCE, threads, features=True)
    for name, pixels in images:
        try:
            fitted = fit(pixels, package.manifest.input)
        except UserError:
            continue
        found = executor.run(fitted)
        features = plain_features(fitted) if found.features is None else found.features.copy()
        size = (pixels.shape[0], pixels.shape[1])
        labels = labels_of(regions_of(found, given, size), size)
        yield Seen(name, found.scores.copy(), features, labels)


def plain_features(pixels: Pixels) -> Floats:
    """A description without a model: a small grey picture, and where edges run which way.

    The second half is a histogram of oriented gradients (Dalal, Triggs, "Histograms of oriented gradients
    for human detection", CVPR 2005) in 4 x 4 cells, without overlapping blocks.  Each half has length 1,
    mean brightness is taken away.

    Args:
        pixels: (H, W, C) uint8 or uint16.

    Returns:
        (PLAIN,) float32, each half of length 1 or, for an even image, 0.
    """
    grey = pixels.astype(np.float32).reshape(*pixels.shape[:2], -1).mean(axis=2)
    grey /= float(np.iinfo(pixels.dtype).max)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel()
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = np.hypot(dx, dy), np.mod(np.arctan2(dy, dx), np.pi)
    bins = np.minimum((angle * (BINS / np.pi)).astype(np.intp), BINS - 1)
    rows, columns = (np.arange(side) * CELLS // side for side in grey.shape)
    place = (rows[:, np.newaxis] * CELLS + columns) * BINS + bins
    edges = np.bincount(place.ravel(), strength.ravel(), CELLS * CELLS * BINS).astype(np.float32)
    return np.concatenate([_unit(small - small.mean()), _unit(edges)]).astype(np.float32)


def labels_of(regions: Iterable[Region], size: tuple[int, int]) -> tuple[tuple[Label, float], ...]:
    """Findings as labels with their scores, the surest first: outlines as polygons, else the box, else the
    whole image. At most ``MOST_LABELS``.

    Args:
        regions: of one image.
        size: its (height, width) in pixels.
    """
    ordered = sorted(regions, key=lambda region: -region.finding.score)
    return tuple(
        (Label(region.finding.concept, _geometry(region, size)), region.finding.score)
        for region in ordered[:MOST_LABELS]
    )


def _geometry(region: Region, size: tuple[int, int]) -> WholeImage | Box | Polygon:
    box = region.finding.box
    if box is None:
        return WholeImage()
    if region.outline is None:
        return box
    outline = cv2.approxPolyDP(region.outline.reshape(-1, 1, 2), ROUGHNESS, True).reshape(-1, 2)
    if len(outline) < 3:
        return box
    height, width = size
    points = [(min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in outline.tolist()]
    return Polygon(tuple((round(x, 2), round(y, 2)) for x, y in points))


def _unit(values: Floats) -> Floats:
    length = float(np.linalg.norm(values))
    return values / length if length > EVEN else np.zeros_like(values)
