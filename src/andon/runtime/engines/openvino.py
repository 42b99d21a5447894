"""OpenVINO on the CPU."""

from collections.abc import Sequence

from andon.domain.models import Precision
from andon.runtime import telemetry
from andon.runtime.graph import INPUT, CheckedGraph
from andon.runtime.pixels import Pixels
from andon.runtime.predictions import Floats, ModelFailed

telemetry.forbid()
import openvino  # noqa: E402  (its reporting must be off before it is loaded)

HINTS = {Precision.F32: "f32", Precision.BF16: "bf16"}


def precisions() -> tuple[Precision, ...]:
    """What this machine executes natively; BF16 only where the processor has instructions for it."""
    offered = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (Precision.F32, Precision.BF16) if "BF16" in offered else (Precision.F32,)


class Session:
    """One opened graph; not for use by two threads at a time.

    Raises:
        ModelFailed: the engine cannot open or run the graph.
    """

    def __init__(
        self, graph: CheckedGraph, precision: Precision, threads: int, names: Sequence[str]
    ) -> None:
        if precision not in precisions():
            raise ModelFailed(f"OpenVINO does not offer {precision} on this processor")
        taken = graph.input
        try:
            core = openvino.Core()
            model = core.read_model(graph.content)
            _leave_out(model, names)
            model.reshape({INPUT: [1, taken.height, taken.width, taken.channels]})
            compiled = core.compile_model(model, "CPU", _properties(precision, threads))
            self._request = compiled.create_infer_request()
            self._outputs = [compiled.output(name) for name in names]
        except RuntimeError as cause:
            raise ModelFailed(f"OpenVINO cannot open the graph: {_line(cause)}") from cause

    def run(self, batch: Pixels) -> Sequence[Floats]:
        """(1, H, W, C) -> the graph's outputs that were asked for, in that order.

        The arrays belong to the session and hold until its next run.
        """
        try:
            self._request.infer({INPUT: batch}, share_inputs=True, share_outputs=True)
        except (RuntimeError, ValueError) as cause:
            raise ModelFailed(f"OpenVINO failed: {_line(cause)}") from cause
        return [self._request.get_tensor(port).data for port in self._outputs]


def _leave_out(model: "openvino.Model", names: Sequence[str]) -> None:
    """What nobody asked for is not computed."""
    for result in model.get_results():
        if not result.output(0).get_names() & set(names):
            model.remove_result(result)


def _properties(precision: Precision, threads: int) -> dict[str, object]:
    return {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "CACHE_DIR": "",
        "ENABLE_CPU_PINNING": False,
        "CPU_DENORMALS_OPTIMIZATION": False,
    }


def _line(cause: Exception) -> str:
    return " ".join(str(cause).split())[:200]
