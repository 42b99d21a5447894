"""A graph from elsewhere inside Andon's contract: pixels in, scores and maps in [0, 1] out, one file.

The nodes around the graph do what its manifest says.  What they give is compared with ``originals``, which
does the same in NumPy on the untouched file and shares no code with this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from andon.domain.model_imports import (
    Colour,
    ForeignConcept,
    ForeignInput,
    ForeignOutput,
    Gives,
    InputType,
    Layout,
    ModelImport,
    Source,
    Values,
)
from andon.domain.models import InputSpec, OutputSpec
from andon.errors import BugError, InvalidInput
from andon.runtime.foreign import ForeignGraph
from andon.runtime.graph import INPUT, MAPS, SCORES, CheckedGraph, bare, check

INSIDE = "inside/"
"""Before every name of the graph that is wrapped, so that none can be one of ours."""

NO_NUMBER = 2.0
"""What NaN and infinity become: no probability, so that no reader can take it for one."""

LARGEST = 3.0e38


@dataclass(slots=True)
class _Nodes:
    """Nodes and constants in the order in which they are made; every name is new, after ``half``."""

    half: str
    made: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"{self.half}/{kind}{len(self.made)}"
        self.made.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def constant(self, value: object, kind: type[np.generic] = np.float32) -> str:
        name = f"{self.half}/constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, kind), name))
        return name


def output_spec(stated: ModelImport, foreign: ForeignGraph) -> OutputSpec:
    """What the wrapped graph gives.

    Raises:
        InvalidInput: an output has other channels than described, or maps are of unequal or odd sizes.
    """
    for output in stated.outputs:
        _check_channels(stated, output, _canonical_shape(output, foreign.shapes[output.name])[0])
    names = tuple(concept.name for concept in stated.concepts)
    if not stated.has_maps:
        return OutputSpec(names, maps=False)
    stride = _stride(stated, foreign)
    return OutputSpec(names, maps=True, map_stride=stride, map_level=stated.level)


def wrap(foreign: ForeignGraph, stated: ModelImport, taken: InputSpec, given: OutputSpec) -> CheckedGraph:
    """The graph with everything inside.

    Args:
        foreign: checked and fixed.
        stated: its manifest.
        taken: what pictures of the data set are: one channel goes into three where the model wants them.
        given: of :func:`output_spec`.

    Raises:
        InvalidInput: pictures have colour, the model takes grey.
        DamagedPackage: what came of it is more than a package may hold.
    """
    inside = compose.add_prefix(_needed(foreign.model, stated), INSIDE)
    before, after = _Nodes("before"), _Nodes("after")
    fed = _fed(before, stated.input, taken)
    before.made.append(helper.make_node("Identity", [fed], [INSIDE + foreign.input], "fed"))
    for found, name in _results(after, foreign, stated, given):
        after.made.append(helper.make_node("Identity", [found], [name], name))
    kind = TensorProto.UINT8 if taken.bit_depth == 8 else TensorProto.UINT16
    sides = (1, taken.height, taken.width, taken.channels)
    built = helper.make_graph(
        [*before.made, *inside.graph.node, *after.made],
        "andon",
        [helper.make_tensor_value_info(INPUT, kind, sides)],
        _outputs(taken, given),
        [*before.constants, *inside.graph.initializer, *after.constants],
    )
    model = helper.make_model(built, opset_imports=inside.opset_import, ir_version=inside.ir_version)
    try:
        onnx.checker.check_model(bare(model), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as cause:
        raise BugError(
            f"the wrapped model is no valid graph: {' '.join(str(cause).split())[:200]}"
        ) from cause
    return check(model.SerializeToString(deterministic=True), taken, given)


def _needed(model: onnx.ModelProto, stated: ModelImport) -> onnx.ModelProto:
    """Without the nodes and constants that no described output needs."""
    kept = onnx.ModelProto()
    kept.CopyFrom(model)
    wanted = {output.name for output in stated.outputs}
    nodes = []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            wanted |= set(node.input)
    del kept.graph.node[:], kept.graph.output[:], kept.graph.initializer[:]
    kept.graph.node.extend(reversed(nodes))
    kept.graph.initializer.extend(one for one in model.graph.initializer if one.name in wanted)
    described = {output.name for output in stated.outputs}
    kept.graph.output.extend(one for one in model.graph.output if one.name in described)
    return kept


def _fed(nodes: _Nodes, stated: ForeignInput, taken: InputSpec) -> str:
    """(1, H, W, C) pixels as the model wants them."""
    name = INPUT
    if taken.channels == 3 and stated.colour is Colour.GREY:
        raise InvalidInput(
            "the pictures have colour and the model takes grey, which can be made of them in many ways",
            "Import the pictures in grey, as the model saw them.",
        )
    if taken.channels == 1 and stated.colour is not Colour.GREY:
        name = nodes.add("Concat", [name] * 3, axis=3)
    elif stated.colour is Colour.BGR:
        name = nodes.add("Gather", [name, nodes.constant([2, 1, 0], np.int64)], axis=3)
    if stated.dtype is not InputType.UINT8:
        name = _scaled(nodes, nodes.add("Cast", [name], to=TensorProto.FLOAT), stated)
    if stated.layout is Layout.NCHW:
        name = nodes.add("Transpose", [name], perm=[0, 3, 1, 2])
    if stated.dtype is InputType.FLOAT16:
        name = nodes.add("Cast", [name], to=TensorProto.FLOAT16)
    return name


def _scaled(nodes: _Nodes, name: str, stated: ForeignInput) -> str:
    if stated.scale != 1:
        name = nodes.add("Mul", [name, nodes.constant(stated.scale)])
    if stated.mean:
        name = nodes.add("Sub", [name, nodes.constant(stated.mean)])
    if stated.std:
        name = nodes.add("Div", [name, nodes.constant(stated.std)])
    return name


def _results(
    nodes: _Nodes, foreign: ForeignGraph, stated: ModelImport, given: OutputSpec
) -> list[tuple[str, str]]:
    """(where it is, what it is called) of scores and maps."""
    found = {one.name: _probabilities(nodes, one, foreign.shapes[one.name]) for one in stated.outputs}
    places = {c.name: _channel(nodes, found, c.map) for c in stated.concepts if c.map is not None}
    scores = [_score(nodes, found, concept, places) for concept in stated.concepts]
    results = [(nodes.add("Concat", scores, axis=1), SCORES)]
    if given.maps:
        nowhere = _nowhere(nodes, stated, foreign) if len(places) < len(stated.concepts) else ""
        maps = [places.get(concept.name, nowhere) for concept in stated.concepts]
        results.append((nodes.add("Concat", maps, axis=1), MAPS))
    return results


def _score(nodes: _Nodes, found: dict[str, str], concept: ForeignConcept, places: dict[str, str]) -> str:
    if concept.score is not None:
        return _channel(nodes, found, concept.score)
    highest = nodes.add("GlobalMaxPool", [places[concept.name]])
    return nodes.add("Flatten", [highest], axis=1)


def _channel(nodes: _Nodes, found: dict[str, str], source: Source) -> str:
    return nodes.add("Gather", [found[source.output], nodes.constant([source.channel], np.int64)], axis=1)


def _nowhere(nodes: _Nodes, stated: ModelImport, foreign: ForeignGraph) -> str:
    """The map of a concept whose place is not known: no pixel belongs to it."""
    sides = next(iter(_map_shapes(stated, foreign)))
    return nodes.constant(np.zeros((1, 1, *sides)))


def _probabilities(nodes: _Nodes, output: ForeignOutput, shape: tuple[int, ...]) -> str:
    """(1, C) or (1, C, h, w) float32 in [0, 1], and ``NO_NUMBER`` where the model gave none."""
    name = nodes.add("Cast", [INSIDE + output.name], to=TensorProto.FLOAT)
    if output.gives is Gives.MAP and len(shape) == 4 and output.layout is Layout.NHWC:
        name = nodes.add("Transpose", [name], perm=[0, 3, 1, 2])
    sides: NDArray[np.int64] = np.array([1, *_canonical_shape(output, shape)], np.int64)
    raw = nodes.add("Reshape", [name, nodes.constant(sides, np.int64)])
    finite = nodes.add("LessOrEqual", [nodes.add("Abs", [raw]), nodes.constant(LARGEST)])
    return nodes.add("Where", [finite, _squeezed(nodes, output, raw), nodes.constant(NO_NUMBER)])


def _squeezed(nodes: _Nodes, output: ForeignOutput, raw: str) -> str:
    match output.values:
        case Values.PROBABILITIES:
            return raw
        case Values.SIGMOID:
            return nodes.add("Sigmoid", [raw])
        case Values.SOFTMAX:
            return nodes.add("Softmax", [raw], axis=1)
        case Values.RANGE:
            if output.low is None or output.high is None:
                raise BugError(f"output {output.name!r} is a range without ends")
            above = nodes.add("Sub", [raw, nodes.constant(output.low)])
            share = nodes.add("Div", [above, nodes.constant(output.high - output.low)])
            return nodes.add("Clip", [share, nodes.constant(0), nodes.constant(1)])


def _outputs(taken: InputSpec, given: OutputSpec) -> list[onnx.ValueInfoProto]:
    concepts, stride = len(given.concepts), given.map_stride
    sides: dict[str, tuple[int, ...]] = {SCORES: (1, concepts)}
    if given.maps:
        sides[MAPS] = (1, concepts, taken.height // stride, taken.width // stride)
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in sides.items()]


def _canonical_shape(output: ForeignOutput, shape: tuple[int, ...]) -> tuple[int, ...]:
    """(C,) of scores, (C, h, w) of a map, from the shape for one image.

    Raises:
        InvalidInput: the shape is neither.
    """
    shown = " x ".join(map(str, shape)) or "one number"
    if output.gives is Gives.SCORES:
        if sum(side != 1 for side in shape) > 1:
            raise InvalidInput(f"output {output.name[:40]!r} is {shown}: no row of scores; is it a map?")
        return (int(np.prod(shape)),)
    if len(shape) not in {2, 3, 4} or (len(shape) > 2 and shape[0] != 1):
        raise InvalidInput(f"output {output.name[:40]!r} is {shown}: no map of one picture")
    if len(shape) < 4:
        return (1, *shape[-2:])
    nchw = shape if output.layout is Layout.NCHW else (shape[0], shape[3], shape[1], shape[2])
    return nchw[1:]


def _check_channels(stated: ModelImport, output: ForeignOutput, channels: int) -> None:
    described = stated.channels_of(output.name)
    beyond = [channel for channel in described if not 0 <= channel < channels]
    if beyond:
        raise InvalidInput(
            f"output {output.name[:40]!r} has {channels} channels, counted from 0; "
            f"the manifest names {beyond[0]}"
        )
    missing = sorted(set(range(channels)) - set(described))
    if missing:
        raise InvalidInput(
            f"channel {missing[0]} of output {output.name[:40]!r} is no concept and not good: "
            "what it finds would escape",
            "Give it a concept, or name it among the output's good channels.",
        )


def _map_shapes(stated: ModelImport, foreign: ForeignGraph) -> list[tuple[int, ...]]:
    maps = (one for one in stated.outputs if one.gives is Gives.MAP)
    return [_canonical_shape(one, foreign.shapes[one.name])[1:] for one in maps]


def _stride(stated: ModelImport, foreign: ForeignGraph) -> int:
    sizes = set(_map_shapes(stated, foreign))
    height, width = stated.input.height, stated.input.width
    rows, columns = next(iter(sizes))
    stride = height // rows if rows else 0
    if len(sizes) > 1 or not stride or (rows * stride, columns * stride) != (height, width):
        shown = " and ".join(f"{h} x {w}" for h, w in sorted(sizes))
        raise InvalidInput(
            f"maps are {shown} for an input of {height} x {width}; all must be a whole fraction of it"
        )
    return stride
