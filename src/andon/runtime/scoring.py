"""Scoring many images through the shipped graph: for evaluation, cuts and parity; one image in memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from andon.domain.models import Precision, Variant
from andon.runtime.execution import REFERENCE, Executor
from andon.runtime.graph import CheckedGraph
from andon.runtime.pixels import Pixels, fit
from andon.runtime.predictions import Floats, Prediction

TOLERANCE = {Precision.F32: 1e-3, Precision.BF16: 0.03}
"""Largest difference of an image score that a precision may make against the trained model."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One image's prediction, in memory of its own."""

    name: str
    prediction: Prediction


def score_images(
    graph: CheckedGraph,
    images: Iterable[tuple[str, Pixels]],
    variant: Variant = REFERENCE,
    threads: int = 1,
    *,
    features: bool = False,
) -> Iterator[Scored]:
    """Score images one after the other, as an inspection does, in the order given.

    Args:
        graph: from a loaded package, or checked by :func:`andon.runtime.graph.check`.
        images: (name, decoded pixels of any size the model takes); read lazily.
        variant: engine and precision.
        threads: of the engine.
        features: whether those are wanted too.

    Raises:
        UnfitImage: the model cannot take an image; the message names it.
        ModelFailed: the engine failed on an image.
    """
    executor = Executor(graph, variant, threads, features=features)
    for name, pixels in images:
        found = executor.run(fit(pixels, graph.input))
        yield Scored(name, Prediction(found.scores.copy(), _own(found.maps), _own(found.features)))


def _own(values: Floats | None) -> Floats | None:
    return None if values is None else values.copy()


def golden_scores(
    graph: CheckedGraph, images: Sequence[tuple[str, Pixels]], threads: int = 1
) -> dict[str, tuple[float, ...]]:
    """What ``Manifest.golden`` states: each image's scores through the reference variant."""
    return {
        scored.name: tuple(float(score) for score in scored.prediction.scores)
        for scored in score_images(graph, images, REFERENCE, threads)
    }
