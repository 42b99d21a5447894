"""A graph that another program wrote: what it must be before an engine may see it, with fixed sizes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import TensorProto, version_converter

from andon.domain.model_imports import ForeignInput, InputType, Layout, ModelImport
from andon.errors import DamagedPackage, InvalidInput
from andon.runtime import graph
from andon.runtime.foreign_work import AGAIN, bounded_room, check_sizes, check_work, refused

OLDEST_OPSET = 13
"""Older graphs are converted to it: from here on softmax means what it says."""

MAX_ELEMENTS = 2**27
"""Of any tensor, constants and results alike: 512 MiB in single precision."""

MAX_RESULTS = 2**31
"""Of all results together."""

SIZES: Mapping[int, int] = {
    TensorProto.FLOAT: 4,
    TensorProto.FLOAT16: 2,
    TensorProto.DOUBLE: 8,
    TensorProto.BOOL: 1,
    TensorProto.INT8: 1,
    TensorProto.UINT8: 1,
    TensorProto.INT16: 2,
    TensorProto.UINT16: 2,
    TensorProto.INT32: 4,
    TensorProto.UINT32: 4,
    TensorProto.INT64: 8,
    TensorProto.UINT64: 8,
}
"""Bytes of the types a tensor may have."""

FAILURES = (RuntimeError, ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError)
NUMBERS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}
INPUTS = {
    InputType.FLOAT32: TensorProto.FLOAT,
    InputType.FLOAT16: TensorProto.FLOAT16,
    InputType.UINT8: TensorProto.UINT8,
}


@dataclass(frozen=True, slots=True)
class ForeignGraph:
    """A checked graph from elsewhere, for one image.

    Attributes:
        content: the file as it came.
        model: the same with fixed sizes and an opset of ``OLDEST_OPSET`` or later.
        input: name of its input.
        shapes: of every output that is described or expected.
    """

    content: bytes
    model: onnx.ModelProto
    input: str
    shapes: Mapping[str, tuple[int, ...]]


def open_foreign(content: bytes, stated: ModelImport) -> ForeignGraph:
    """Look at an ONNX file from elsewhere without running it.

    Raises:
        InvalidInput: it is no ONNX file; it is too large, or a tensor of it is; it refers to other files,
            uses operators that are not standard or that hold further graphs; its sizes cannot be known
            before it runs, or it computes for too long; or it does not take and give what ``stated`` says.
    """
    try:
        model = graph.read(content)
    except DamagedPackage as cause:
        raise InvalidInput(cause.message, AGAIN) from cause
    _check_constants(model)
    _check_nesting(model)
    _check_form(model)
    taken = _input_of(model, stated.input)
    _fix(model, taken, stated.input)
    model = _modern(model)
    sizes = dict(_sizes(_inferred(model)))
    if (total := sum(map(_count, sizes.values()))) > MAX_RESULTS:
        raise refused(f"computes {total:,} numbers in all, the limit is {MAX_RESULTS:,}")
    check_sizes(model, sizes)
    check_work(model, sizes)
    wanted = {one.name for one in stated.outputs} | {one.output for one in stated.expected}
    return ForeignGraph(content, model, taken.name, {name: _output(model, sizes, name) for name in wanted})


def _check_constants(model: onnx.ModelProto) -> None:
    """Every constant is as large as it says, no larger than the limit, and of a type with a size."""
    if model.graph.sparse_initializer:
        raise refused("holds sparse constants")
    for tensor in graph.messages(model.graph):
        if not isinstance(tensor, TensorProto):
            continue
        count = _count(tensor.dims)
        if not 0 <= count <= MAX_ELEMENTS:
            raise refused(f"declares a constant {tensor.name[:60]!r} of {count:,} numbers")
        if tensor.data_type not in SIZES:
            raise refused(f"holds a constant {tensor.name[:60]!r} of a type that is not plain numbers")
        if _held(tensor) != count:
            raise refused(f"declares {count:,} numbers in {tensor.name[:60]!r} and holds {_held(tensor):,}")


def _held(tensor: TensorProto) -> int:
    if tensor.raw_data:
        return len(tensor.raw_data) // SIZES[tensor.data_type]
    listed = (
        tensor.float_data,
        tensor.int32_data,
        tensor.int64_data,
        tensor.double_data,
        tensor.uint64_data,
    )
    return sum(len(numbers) for numbers in listed)


def _check_nesting(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        if any(attribute.g.node or attribute.graphs for attribute in node.attribute):
            raise refused(f"uses {node.op_type}, which holds another graph; control flow is not taken")


def _check_form(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model)
    except FAILURES as cause:
        raise refused(f"is no valid graph: {_line(cause)}") from cause


def _input_of(model: onnx.ModelProto, stated: ForeignInput) -> onnx.ValueInfoProto:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs: list[onnx.ValueInfoProto] = [
        value for value in model.graph.input if value.name not in constants
    ]
    if len(inputs) != 1:
        names = ", ".join(repr(value.name[:40]) for value in inputs[:5]) or "none"
        raise refused(f"has {len(inputs)} inputs ({names}); models of one picture are taken")
    if stated.name is not None and stated.name != inputs[0].name:
        raise refused(f"takes {inputs[0].name[:40]!r}, its manifest says {stated.name[:40]!r}")
    return inputs[0]


def _fix(model: onnx.ModelProto, taken: onnx.ValueInfoProto, stated: ForeignInput) -> None:
    """One image of the stated size; nothing else that the file says of sizes is believed."""
    tensor = taken.type.tensor_type
    if tensor.elem_type != INPUTS[stated.dtype]:
        found = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise refused(f"takes {found}, its manifest says {stated.dtype}")
    wanted = _sides(stated)
    found_sides = [side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim]
    fits = len(found_sides) == 4 and all(
        found in {None, side} for found, side in zip(found_sides, wanted, strict=True)
    )
    if not fits:
        shown = " x ".join("any" if side is None else str(side) for side in found_sides)
        raise refused(f"takes {shown}, its manifest says {' x '.join(map(str, wanted))} ({stated.layout})")
    constants = {tensor.name for tensor in model.graph.initializer}
    fixed = onnx.helper.make_tensor_value_info(taken.name, tensor.elem_type, wanted)
    kept = [fixed if value.name == taken.name else value for value in model.graph.input]
    del model.graph.input[:]
    model.graph.input.extend(value for value in kept if value.name not in constants)
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")


def _sides(stated: ForeignInput) -> tuple[int, ...]:
    if stated.layout is Layout.NCHW:
        return (1, stated.colour.channels, stated.height, stated.width)
    return (1, stated.height, stated.width, stated.colour.channels)


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    versions = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    version = versions.get("ai.onnx", 0)
    if version > onnx.defs.onnx_opset_version() or version < 1:
        raise refused(f"has the opset {version}; {onnx.defs.onnx_opset_version()} is the newest known here")
    if version >= OLDEST_OPSET:
        return model
    try:
        with bounded_room(model):
            return version_converter.convert_version(model, OLDEST_OPSET)
    except (RuntimeError, ValueError) as cause:
        raise refused(
            f"has the opset {version} and cannot be converted to {OLDEST_OPSET}: {_line(cause)}"
        ) from cause


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        with bounded_room(model):
            return onnx.shape_inference.infer_shapes(
                model, check_type=True, strict_mode=True, data_prop=True
            )
    except FAILURES as cause:
        raise refused(f"does not fit together: {_line(cause)}") from cause


def _sizes(model: onnx.ModelProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Shape of every result; what an engine would have to find out while it runs is refused."""
    values = [*model.graph.value_info, *model.graph.output]
    shapes = {value.name: value.type.tensor_type for value in values}
    for node in model.graph.node:
        for name in filter(None, node.output):
            found = shapes.get(name)
            known = found is not None and found.HasField("shape")
            sides = found.shape.dim if found is not None and known else []
            if not known or not all(side.HasField("dim_value") for side in sides):
                raise refused(f"gives {name[:60]!r} (of {node.op_type}) in a size not known before it runs")
            if found is not None and found.elem_type not in SIZES:
                raise refused(
                    f"gives {name[:60]!r} (of {node.op_type}) in a type that is not plain numbers"
                )
            shape = tuple(int(side.dim_value) for side in sides)
            if not 0 <= _count(shape) <= MAX_ELEMENTS:
                raise refused(
                    f"computes {name[:60]!r} (of {node.op_type}) of {_count(shape):,} numbers, "
                    f"the limit is {MAX_ELEMENTS:,}"
                )
            yield name, shape


def _output(model: onnx.ModelProto, sizes: Mapping[str, tuple[int, ...]], name: str) -> tuple[int, ...]:
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.output}
    if name not in kinds:
        known = ", ".join(repr(one[:40]) for one in list(kinds)[:10])
        raise refused(f"has no output {name[:40]!r} (it has {known})")
    if kinds[name] not in NUMBERS:
        raise refused(f"gives {name[:40]!r} in another type than floating point numbers")
    if name not in sizes:
        raise refused(f"gives {name[:40]!r} without computing it")
    return sizes[name]


def _count(sides: Sequence[int]) -> int:
    return -1 if any(side < 0 for side in sides) else math.prod(sides)


def _line(cause: Exception) -> str:
    return " ".join(str(cause).split())[:200]
