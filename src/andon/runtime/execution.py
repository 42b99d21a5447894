"""Opening a checked graph on one of the variants; the one place that knows which engines there are."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from andon.domain.models import Engine, Precision, Variant
from andon.runtime.graph import CheckedGraph
from andon.runtime.pixels import Pixels
from andon.runtime.predictions import Floats, Prediction, believed

REFERENCE = Variant(Engine.ONNXRUNTIME, Precision.F32)
"""The variant that every machine executes."""


class _Session(Protocol):
    def run(self, batch: Pixels) -> Sequence[Floats]: ...


class Executor:
    """A graph opened on one engine with explicit precision and thread count; one thread at a time.

    ``features`` asks for those too, where the graph gives them; a line does not, and pays nothing for them.

    Raises:
        ModelFailed: this machine does not offer the variant, or the engine cannot open the graph.
    """

    def __init__(
        self, graph: CheckedGraph, variant: Variant, threads: int, *, features: bool = False
    ) -> None:
        self.variant = variant
        self._graph = graph
        names = graph.all_output_names if features else graph.output_names
        self._session = _session(graph, variant, threads, names)

    def run(self, image: Pixels) -> Prediction:
        """Score one image.

        Args:
            image: (H, W, C) as :func:`andon.runtime.pixels.fit` gives it.

        Raises:
            ModelFailed: the engine failed, or its numbers are not finite probabilities.
        """
        return believed(self._session.run(image[np.newaxis]), self._graph.input, self._graph.output)


def available() -> tuple[Variant, ...]:
    """The variants this machine executes natively, the reference first."""
    from andon.runtime.engines import onnxruntime, openvino

    offered = ((Engine.ONNXRUNTIME, onnxruntime.precisions()), (Engine.OPENVINO, openvino.precisions()))
    return tuple(Variant(engine, precision) for engine, precisions in offered for precision in precisions)


def _session(graph: CheckedGraph, variant: Variant, threads: int, names: Sequence[str]) -> _Session:
    # Each engine takes a second to import, so only the one asked for is.
    match variant.engine:
        case Engine.ONNXRUNTIME:
            from andon.runtime.engines import onnxruntime

            return onnxruntime.Session(graph, variant.precision, threads, names)
        case Engine.OPENVINO:
            from andon.runtime.engines import openvino

            return openvino.Session(graph, variant.precision, threads, names)
