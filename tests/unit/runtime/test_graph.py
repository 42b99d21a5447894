from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper
from simulators import graphs

from andon.errors import DamagedPackage
from andon.runtime import graph


def external(tensor: TensorProto) -> TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


def external_initializer(model: ModelProto) -> None:
    external(model.graph.initializer[0])


def external_entry_without_the_flag(model: ModelProto) -> None:
    external(model.graph.initializer[1]).data_location = TensorProto.DEFAULT


def external_constant(model: ModelProto) -> None:
    value = external(numpy_helper.from_array(np.zeros(2, np.float32), "far"))
    model.graph.node.append(helper.make_node("Constant", [], ["unused"], value=value))


def external_in_a_list_of_tensors(model: ModelProto) -> None:
    node = model.graph.node.add(op_type="Constant", output=["unused"])
    attribute = node.attribute.add(name="values", type=AttributeProto.TENSORS)
    attribute.tensors.append(external(numpy_helper.from_array(np.zeros(2, np.float32), "far")))


def external_sparse(model: ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(external(numpy_helper.from_array(np.zeros(2, np.float32), "far")))


def external_in_a_branch(model: ModelProto) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["far"], ["out"])],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2])],
        [external(numpy_helper.from_array(np.zeros(2, np.float32), "far"))],
    )
    model.graph.node.append(
        helper.make_node("If", ["condition"], ["unused"], then_branch=branch, else_branch=branch)
    )


def custom_domain(model: ModelProto) -> None:
    model.opset_import.add(domain="com.microsoft", version=1)


def custom_operator(model: ModelProto) -> None:
    model.graph.node[3].domain = "com.microsoft"


def custom_operator_in_a_branch(model: ModelProto) -> None:
    external_in_a_branch(model)
    branch = model.graph.node[-1].attribute[0].g
    branch.initializer[0].data_location = TensorProto.DEFAULT
    branch.initializer[0].ClearField("external_data")
    other = model.graph.node[-1].attribute[1].g
    other.CopyFrom(branch)
    other.node[0].domain = "evil"


def unknown_operator(model: ModelProto) -> None:
    model.graph.node[3].op_type = "RunShell"


def machine_learning_operator(model: ModelProto) -> None:
    model.graph.node[3].domain = "ai.onnx.ml"


def function(model: ModelProto) -> None:
    model.functions.add(name="hidden", domain="")


def training_information(model: ModelProto) -> None:
    model.training_info.add()


def loop(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["unused"]))


def no_operators(model: ModelProto) -> None:
    del model.graph.node[:]


def second_input(model: ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, [1]))


def other_input_name(model: ModelProto) -> None:
    model.graph.input[0].name = "input.1"


def float_input(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def other_size(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 128


def batch_of_two(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


def flat_input(model: ModelProto) -> None:
    del model.graph.input[0].type.tensor_type.shape.dim[3]


def no_maps(model: ModelProto) -> None:
    del model.graph.output[1]


def third_output(model: ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


def scores_as_integers(model: ModelProto) -> None:
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64


def scores_of_other_rank(model: ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim.add(dim_value=1)


HOSTILE = [
    (external_initializer, "in another file"),
    (external_entry_without_the_flag, "in another file"),
    (external_constant, "in another file"),
    (external_in_a_list_of_tensors, "in another file"),
    (external_sparse, "in another file"),
    (external_in_a_branch, "in another file"),
    (custom_domain, "com.microsoft"),
    (custom_operator, "com.microsoft"),
    (custom_operator_in_a_branch, "evil"),
    (unknown_operator, "RunShell"),
    (machine_learning_operator, "ai.onnx.ml"),
    (function, "function 'hidden'"),
    (training_information, "training information"),
    (loop, "Loop"),
    (no_operators, "no operators"),
    (second_input, "one input"),
    (other_input_name, "input.1"),
    (float_input, "8-bit pixels"),
    (other_size, r"\(128, 64, 1\)"),
    (batch_of_two, "shape"),
    (flat_input, "shape"),
    (no_maps, "expected"),
    (third_output, "more"),
    (scores_as_integers, "float32"),
    (scores_of_other_rank, "3 axes"),
]


def checked(content: bytes) -> graph.CheckedGraph:
    return graph.check(content, graphs.INPUT, graphs.OUTPUT)


@pytest.mark.parametrize(("spoil", "words"), HOSTILE, ids=[spoil.__name__ for spoil, _ in HOSTILE])
def test_a_hostile_graph_is_refused_in_one_line(spoil: Callable[[ModelProto], None], words: str) -> None:
    model = graphs.brightness_model()
    spoil(model)
    with pytest.raises(DamagedPackage, match=words) as refused:
        checked(model.SerializeToString())
    assert "\n" not in refused.value.message


def test_an_honest_graph_passes_and_stays_the_same() -> None:
    content = graphs.brightness_model().SerializeToString()
    assert checked(content).content == content
    assert checked(content).output_names == ("scores", "maps")


def test_a_graph_for_one_image_at_a_time_passes_too() -> None:
    model = graphs.brightness_model()
    dimension = model.graph.input[0].type.tensor_type.shape.dim[0]
    dimension.ClearField("dim_param")
    dimension.dim_value = 1
    assert checked(model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"PK\x03\x04 a zip", b"\xff" * 400])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(DamagedPackage):
        checked(content)


def test_limits_are_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    content = graphs.brightness_model().SerializeToString()
    monkeypatch.setattr(graph, "MAX_NODES", 8)
    with pytest.raises(DamagedPackage, match="9 operators, the limit is 8"):
        checked(content)
    monkeypatch.setattr(graph, "MAX_GRAPH_BYTES", 100)
    with pytest.raises(DamagedPackage, match="the limit is 100"):
        checked(content)


def wrapped(field: int, content: bytes) -> bytes:
    """One length-delimited field of a protobuf message."""
    size, length = len(content), b""
    while size >= 128:
        length, size = length + bytes([size % 128 | 128]), size // 128
    return bytes([field << 3 | 2]) + length + bytes([size]) + content


def test_a_deep_nest_of_graphs_is_refused() -> None:
    nested = b""
    for _ in range(200):
        attribute = wrapped(6, nested)
        node = wrapped(5, attribute)
        nested = wrapped(1, node)
    with pytest.raises(DamagedPackage, match="cannot be parsed"):
        checked(wrapped(7, nested))


def test_another_bit_depth_needs_another_graph() -> None:
    content = graphs.brightness_model().SerializeToString()
    with pytest.raises(DamagedPackage, match="16-bit"):
        graph.check(content, replace(graphs.INPUT, bit_depth=16), graphs.OUTPUT)
