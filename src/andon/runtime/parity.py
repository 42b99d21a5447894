"""Parity: how far each variant of an exported graph is from the model that was trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from andon.domain.models import Parity, Variant
from andon.errors import ParityFailed
from andon.runtime.execution import REFERENCE, available
from andon.runtime.graph import CheckedGraph
from andon.runtime.pixels import Pixels
from andon.runtime.predictions import Floats, ModelFailed, Prediction
from andon.runtime.scoring import TOLERANCE, score_images


@dataclass(frozen=True, slots=True)
class Reference:
    """What the trained model itself says about one named image.

    Attributes:
        pixels: as decoded; it goes through the same resize as on the line.
        scores: (K,) float32; maps: (K, h, w) float32 or None; features: (F,) float32 or None, as the
            graph should give them.
    """

    name: str
    pixels: Pixels
    scores: Floats
    maps: Floats | None
    features: Floats | None = None


def certify(
    graph: CheckedGraph,
    references: Sequence[Reference],
    cuts: Mapping[str, float] | None = None,
    threads: int = 1,
) -> tuple[Parity, ...]:
    """Compare every variant this machine offers; those whose ``passed`` is false must not be used.

    Args:
        graph: the exported graph.
        references: named images, clean and defective, with what the trained model gives for them.
        cuts: concept -> score from which the image counts as showing it; without it each concept's
            cut is :func:`quiet_cut` of its reference scores.
        threads: of the engines.

    Raises:
        ParityFailed: not even the reference variant scores like the trained model: the export is wrong.
        ModelFailed: the reference variant cannot run the graph.
    """
    certificates = compare(graph, references, cuts, threads)
    for certificate in certificates:
        if certificate.variant == REFERENCE and not certificate.passed:
            raise ParityFailed(
                f"the exported model differs from the trained one by {certificate.largest_gap:.4f} "
                f"on {certificate.images} images ({len(certificate.flips)} verdicts flip)"
            )
    return certificates


def compare(
    graph: CheckedGraph,
    references: Sequence[Reference],
    cuts: Mapping[str, float] | None = None,
    threads: int = 1,
) -> tuple[Parity, ...]:
    """The same without a verdict on the reference variant; arguments as :func:`certify`.

    A variant whose engine cannot run the graph has a certificate that says why, and has not passed.

    Raises:
        ModelFailed: the reference variant cannot run the graph.
    """
    concepts = graph.output.concepts
    stated = cuts or {}
    limits = np.array(
        [stated.get(name, quiet_cut([r.scores[i] for r in references])) for i, name in enumerate(concepts)]
    )
    return tuple(_certificate(graph, references, limits, variant, threads) for variant in available())


def quiet_cut(scores: Sequence[float]) -> float:
    """The middle of the widest gap between neighbouring scores, 0 and 1 included.

    A cut through a crowd of scores would flip by rounding; one in a gap flips when something is wrong.
    """
    ordered = np.sort(np.array([0.0, 1.0, *scores], dtype=np.float64))
    widest = int(np.argmax(np.diff(ordered)))
    return float(ordered[widest] + ordered[widest + 1]) / 2


def _certificate(
    graph: CheckedGraph, references: Sequence[Reference], cuts: Floats, variant: Variant, threads: int
) -> Parity:
    try:
        return _compare(graph, references, cuts, variant, threads)
    except ModelFailed as failed:
        if variant == REFERENCE:
            raise
        tolerance = TOLERANCE[variant.precision]
        return Parity(variant, len(references), 0.0, 0.0, (), tolerance, failure=failed.message)


def _compare(
    graph: CheckedGraph, references: Sequence[Reference], cuts: Floats, variant: Variant, threads: int
) -> Parity:
    gaps, map_gaps, feature_gaps, flips = [], [0.0], [0.0], []
    images = ((reference.name, reference.pixels) for reference in references)
    scored = score_images(graph, images, variant, threads, features=True)
    for reference, found in zip(references, scored, strict=True):
        gaps.append(float(np.abs(found.prediction.scores - reference.scores).max()))
        map_gaps.append(_map_gap(found.prediction, reference))
        feature_gaps.append(_feature_gap(found.prediction, reference))
        if ((found.prediction.scores >= cuts) != (reference.scores >= cuts)).any():
            flips.append(reference.name)
    return Parity(
        variant=variant,
        images=len(references),
        largest_gap=max(gaps, default=0.0),
        largest_map_gap=max(map_gaps),
        flips=tuple(flips),
        tolerance=TOLERANCE[variant.precision],
        largest_feature_gap=max(feature_gaps),
        worst=references[int(np.argmax(gaps))].name if gaps else "",
    )


def _map_gap(prediction: Prediction, reference: Reference) -> float:
    if prediction.maps is None or reference.maps is None:
        return 0.0
    return float(np.abs(prediction.maps - reference.maps).max())


def _feature_gap(prediction: Prediction, reference: Reference) -> float:
    if prediction.features is None or reference.features is None:
        return 0.0
    length = float(np.linalg.norm(reference.features)) or 1.0
    return float(np.linalg.norm(prediction.features - reference.features)) / length
