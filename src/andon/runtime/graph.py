"""What an ONNX file must be before an engine may see it: one file, bounded, standard operators only."""

from collections.abc import Iterator
from dataclasses import dataclass

import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]

from andon.domain.models import InputSpec, OutputSpec
from andon.errors import DamagedPackage

MAX_GRAPH_BYTES = 512 * 2**20
MAX_NODES = 20_000
STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
ENDLESS = frozenset({"Loop", "Scan", "SequenceMap"})
"""Operators that repeat a sub-graph: nothing bounds how long they run."""

INPUT = "image"
SCORES = "scores"
MAPS = "maps"
FEATURES = "features"


@dataclass(frozen=True, slots=True)
class CheckedGraph:
    """A graph that :func:`check` has passed; engines open nothing else.

    Attributes:
        content: the ONNX file.
        input: what it takes; output: what it gives.
    """

    content: bytes
    input: InputSpec
    output: OutputSpec

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs that decide on parts, in the order Andon reads them."""
        return (SCORES, MAPS) if self.output.maps else (SCORES,)

    @property
    def all_output_names(self) -> tuple[str, ...]:
        """The same, and the features where the graph gives them."""
        return (*self.output_names, FEATURES) if self.output.features else self.output_names


def check(content: bytes, taken: InputSpec, given: OutputSpec) -> CheckedGraph:
    """Look at an ONNX file without running it.

    Raises:
        DamagedPackage: the file is too large, cannot be parsed, refers to other files, uses operators
            outside the standard set or ones without a bound, has too many nodes, or does not have the
            input and outputs that are stated.
    """
    model = read(content)
    _check_input(model.graph, taken)
    _check_outputs(model.graph, given)
    return CheckedGraph(content, taken, given)


def read(content: bytes) -> onnx.ModelProto:
    """An ONNX file that is bounded and of standard operators; what it takes and gives is not looked at.

    Raises:
        DamagedPackage: as :func:`check`.
    """
    if len(content) > MAX_GRAPH_BYTES:
        raise _damaged(f"has {len(content)} bytes, the limit is {MAX_GRAPH_BYTES}")
    model = _parsed(content)
    _check_operators(model)
    _check_tensors(model)
    return model


def bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model without what names the machine or the code that wrote it; changed in place."""
    model.producer_name, model.producer_version, model.doc_string = "andon", "", ""
    model.graph.name, model.graph.doc_string = "andon", ""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    graph = model.graph
    for part in [*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info]:
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.value_info[:]
    return model


def _parsed(content: bytes) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as cause:
        raise _damaged("cannot be parsed as ONNX") from cause
    if not model.graph.node:
        raise _damaged("holds no operators")
    return model


def _check_operators(model: onnx.ModelProto) -> None:
    if model.functions:
        raise _damaged(f"defines the function {model.functions[0].name!r}; functions are not allowed")
    if model.training_info:
        raise _damaged("holds training information")
    foreign = [entry.domain for entry in model.opset_import if entry.domain not in STANDARD_DOMAINS]
    if foreign:
        raise _damaged(f"uses operators of {foreign[0]!r}; only standard ONNX operators are allowed")
    nodes = [message for message in messages(model.graph) if isinstance(message, onnx.NodeProto)]
    if len(nodes) > MAX_NODES:
        raise _damaged(f"has {len(nodes)} operators, the limit is {MAX_NODES}")
    for node in nodes:
        if node.domain not in STANDARD_DOMAINS or not onnx.defs.has(node.op_type, ""):
            raise _damaged(
                f"uses the operator {node.domain or 'ai.onnx'}.{node.op_type}, which is not standard"
            )
        if node.op_type in ENDLESS:
            raise _damaged(f"uses {node.op_type}, whose running time has no bound")


def _check_tensors(model: onnx.ModelProto) -> None:
    for message in messages(model.graph):
        if not isinstance(message, onnx.TensorProto):
            continue
        if message.data_location == onnx.TensorProto.EXTERNAL or message.external_data:
            raise _damaged(f"keeps the tensor {message.name!r} in another file")


def _check_input(graph: onnx.GraphProto, taken: InputSpec) -> None:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if [value.name for value in inputs] != [INPUT]:
        raise _damaged(f"takes {[value.name for value in inputs]}, expected one input {INPUT!r}")
    kind = inputs[0].type.tensor_type
    wanted = onnx.TensorProto.UINT8 if taken.bit_depth == 8 else onnx.TensorProto.UINT16
    if kind.elem_type != wanted:
        raise _damaged(f"does not take {taken.bit_depth}-bit pixels as its manifest says")
    sides = [size.dim_value for size in kind.shape.dim]
    if (
        len(sides) != 4
        or sides[0] not in {0, 1}
        or sides[1:] != [taken.height, taken.width, taken.channels]
    ):
        wanted_sides = (taken.height, taken.width, taken.channels)
        raise _damaged(f"takes images of shape {tuple(sides[1:])}, its manifest says {wanted_sides}")


def _check_outputs(graph: onnx.GraphProto, given: OutputSpec) -> None:
    found = {value.name: value.type.tensor_type for value in graph.output}
    expected = {SCORES: 2} | ({MAPS: 4} if given.maps else {}) | ({FEATURES: 2} if given.features else {})
    if set(found) != set(expected) or len(graph.output) != len(expected):
        raise _damaged(f"gives {sorted(found)}, expected {sorted(expected)}")
    for name, rank in expected.items():
        if found[name].elem_type != onnx.TensorProto.FLOAT:
            raise _damaged(f"gives {name!r} in another type than float32")
        if found[name].HasField("shape") and len(found[name].shape.dim) != rank:
            raise _damaged(f"gives {name!r} with {len(found[name].shape.dim)} axes, expected {rank}")


def messages(message: Message) -> Iterator[Message]:
    """``message`` and every message inside it: sub-graphs, attributes, sparse parts, whatever the field."""
    waiting = [message]
    while waiting:
        current = waiting.pop()
        yield current
        for field, value in current.ListFields():
            if field.message_type is None:
                continue
            waiting.extend([value] if isinstance(value, Message) else value)


def _damaged(what: str) -> DamagedPackage:
    return DamagedPackage(f"the graph {what}", "Export the model again with `andon train`.")
