"""ONNX Runtime on the CPU."""

from collections.abc import Mapping, Sequence
from typing import Any

from andon.domain.models import Precision
from andon.runtime import telemetry
from andon.runtime.graph import INPUT, CheckedGraph
from andon.runtime.pixels import Pixels
from andon.runtime.predictions import Floats, ModelFailed

telemetry.forbid()
import onnxruntime  # noqa: E402  (its reporting must be off before it is loaded)
from onnxruntime.capi import onnxruntime_pybind11_state as failures  # noqa: E402

FAILURES = (
    failures.EPFail,
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
    RuntimeError,
    ValueError,
)


def precisions() -> tuple[Precision, ...]:
    """What this machine executes natively."""
    return (Precision.F32,)


class Session:
    """One opened graph; not for use by two threads at a time.

    Raises:
        ModelFailed: the engine cannot open or run the graph.
    """

    def __init__(
        self, graph: CheckedGraph, precision: Precision, threads: int, names: Sequence[str]
    ) -> None:
        if precision not in precisions():
            raise ModelFailed(f"ONNX Runtime does not offer {precision} here")
        self._opened = Opened(graph.content, threads)
        self._outputs = list(names)

    def run(self, batch: Pixels) -> Sequence[Floats]:
        """(1, H, W, C) -> the graph's outputs that were asked for, in that order."""
        return self._opened.run(self._outputs, {INPUT: batch})


class Opened:
    """A graph of any inputs and outputs, as it is; its content was checked by ``runtime.graph.read``.

    Raises:
        ModelFailed: the engine cannot open or run the graph.
    """

    def __init__(self, content: bytes, threads: int) -> None:
        try:
            self._session = onnxruntime.InferenceSession(
                content, _options(threads), providers=["CPUExecutionProvider"]
            )
        except FAILURES as cause:
            raise ModelFailed(f"ONNX Runtime cannot open the graph: {_line(cause)}") from cause

    def run(self, names: Sequence[str], feed: Mapping[str, Any]) -> list[Any]:
        """The outputs called ``names``, in that order."""
        try:
            outputs: list[Any] = self._session.run(list(names), dict(feed))
        except FAILURES as cause:
            raise ModelFailed(f"ONNX Runtime failed: {_line(cause)}") from cause
        return outputs


def _options(threads: int) -> "onnxruntime.SessionOptions":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    # Spinning threads would take the processor from decoding and from the other programs of a station.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _line(cause: Exception) -> str:
    return " ".join(str(cause).split())[:200]
