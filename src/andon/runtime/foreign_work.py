"""How much a graph from elsewhere asks for, before anything follows it: sizes to compute, and work."""

import math
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from andon.errors import InvalidInput

MAX_ROOM = 2**29
"""Bytes that inference may take beyond what the process and ``COPIES`` of the graph hold.  Sizes can double
at every operator; each number that sizes are computed from is kept as a record of its own."""

COPIES = 8

MAX_PASSED = 2**20
"""Numbers of all tensors that sizes are computed from: engines infer as `onnx` does, without a limit."""

MAX_AXES = 32

MAX_WORK = 2**41
"""Multiplications for one picture: minutes on one core."""

MAX_SCRATCH = 2**31
"""Numbers that a transposed convolution lays out before it adds them up."""

AGAIN = "Export it again: one image a batch, fixed sizes, standard operators, weights inside the file."

PASSING = frozenset(
    schema.name for schema in onnx.defs.get_all_schemas() if schema.has_data_propagation_function
)
"""Operators that inference looks through."""

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]


@contextmanager
def bounded_room(model: onnx.ModelProto) -> Iterator[None]:
    """Inside, sizes that take more memory than ``MAX_ROOM`` are refused; they do not end the process.

    Raises:
        InvalidInput: they do.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(OSError, ValueError):  # where a system does not tell what a process holds
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MAX_ROOM + COPIES * model.ByteSize()
        soft = most if before[0] == resource.RLIM_INFINITY else min(most, before[0])
        resource.setrlimit(resource.RLIMIT_AS, (soft, before[1]))
    try:
        yield
    except MemoryError as cause:
        raise refused("has sizes that cannot be computed in the memory there is for that") from cause
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def check_sizes(model: onnx.ModelProto, shapes: Shapes) -> None:
    """Refuse a graph whose sizes alone would take an engine more memory than there is.

    Raises:
        InvalidInput: a result has more than ``MAX_AXES`` axes, or sizes are computed from more than
            ``MAX_PASSED`` numbers.
    """
    for name, shape in shapes.items():
        if len(shape) > MAX_AXES:
            raise refused(f"gives {name[:60]!r} with {len(shape):,} axes, the limit is {MAX_AXES}")
    passing = (node for node in model.graph.node if node.op_type in PASSING)
    results = (shapes[name] for node in passing for name in node.output if name)
    if (passed := sum(math.prod(shape) for shape in results if len(shape) < 2)) > MAX_PASSED:
        raise refused(f"may compute sizes from {passed:,} numbers, the limit is {MAX_PASSED:,}")


def check_work(model: onnx.ModelProto, shapes: Shapes) -> None:
    """Refuse a graph that computes for longer than anyone would wait.

    Convolutions, matrix products, pools and recurrent layers are counted; all else grows with the sizes of
    results alone.

    Args:
        model: checked, with fixed sizes.
        shapes: of every result.

    Raises:
        InvalidInput: more than ``MAX_WORK`` multiplications, or more than ``MAX_SCRATCH`` numbers beside.
    """
    known = dict(shapes) | {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for value in model.graph.input:
        known[value.name] = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
    counts = [(_work(node, known), node.op_type) for node in model.graph.node]
    if (total := sum(count for count, _ in counts)) > MAX_WORK:
        raise refused(
            f"takes {total:,} multiplications for one picture (most of them in {max(counts)[1]}), "
            f"the limit is {MAX_WORK:,}"
        )
    for node in model.graph.node:
        if node.op_type == "ConvTranspose" and (beside := _scratch(node, known)) > MAX_SCRATCH:
            raise refused(f"lays out {beside:,} numbers in ConvTranspose, the limit is {MAX_SCRATCH:,}")


@dataclass(frozen=True, slots=True)
class _Step:
    """A node, shapes of what it takes, and how many numbers its largest result has."""

    node: onnx.NodeProto
    taken: Sequence[Shape]
    gives: int

    def attribute(self, name: str, otherwise: Any) -> Any:
        found = [one for one in self.node.attribute if one.name == name]
        return helper.get_attribute_value(found[0]) if found else otherwise


def _work(node: onnx.NodeProto, shapes: Shapes) -> int:
    count = COUNTED.get(node.op_type)
    if count is None:
        return 0
    taken = [shapes.get(name, ()) for name in node.input]
    gives = max((math.prod(shapes[name]) for name in node.output if name), default=0)
    return count(_Step(node, taken, gives))


Count = Callable[[_Step], int]
"""How many multiplications a step takes."""


def _kernel(which: int) -> Count:
    return lambda step: step.gives * math.prod(step.taken[which][1:])


def _transposed(step: _Step) -> int:
    return math.prod(step.taken[0]) * math.prod(step.taken[1][1:])


def _product(step: _Step) -> int:
    return step.gives * max(step.taken[0][-1:], default=1)


def _gemm(step: _Step) -> int:
    rows, columns = step.taken[0]
    return step.gives * (rows if step.attribute("transA", 0) else columns)


def _pool(step: _Step) -> int:
    sides: Sequence[int] = step.attribute("kernel_shape", ())
    return step.gives * math.prod(sides)


def _neighbours(step: _Step) -> int:
    return step.gives * int(step.attribute("size", 1))


def _recurrent(step: _Step) -> int:
    steps, weights, again = step.taken[:3]
    return math.prod(steps[:2]) * (math.prod(weights) + math.prod(again))


def _summed(step: _Step) -> int:
    """Every letter of an Einsum is a loop; where dots stand for axes, all numbers of all inputs."""
    terms = step.attribute("equation", b"").decode(errors="replace").replace(" ", "").split("->")[0]
    sides: dict[str, int] = {}
    for term, shape in zip(terms.split(","), step.taken, strict=False):
        if len(term) != len(shape) or "." in term:
            return math.prod(math.prod(shape) for shape in step.taken)
        sides |= dict(zip(term, shape, strict=True))
    return math.prod(sides.values())


COUNTED: Mapping[str, Count] = {
    "Conv": _kernel(1),
    "ConvInteger": _kernel(1),
    "DeformConv": _kernel(1),
    "QLinearConv": _kernel(3),
    "ConvTranspose": _transposed,
    "MatMul": _product,
    "MatMulInteger": _product,
    "QLinearMatMul": _product,
    "Gemm": _gemm,
    "AveragePool": _pool,
    "LpPool": _pool,
    "MaxPool": _pool,
    "LRN": _neighbours,
    "RNN": _recurrent,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "Einsum": _summed,
}


def _scratch(node: onnx.NodeProto, shapes: Shapes) -> int:
    taken, kernel = shapes[node.input[0]], shapes[node.input[1]]
    return math.prod(taken[2:]) * math.prod(kernel[1:])


def refused(what: str) -> InvalidInput:
    """What to say of a model that is not taken, with what to do."""
    return InvalidInput(f"the model {what}", AGAIN)
