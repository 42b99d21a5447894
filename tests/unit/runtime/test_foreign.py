"""Files of models from elsewhere: what no engine may see is refused before one does."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from simulators import foreign_models as foreign

from andon.domain.model_imports import ModelImport
from andon.domain.models import InputSpec
from andon.domain.serial import from_json
from andon.errors import InvalidInput
from andon.runtime.foreign import ForeignGraph, open_foreign
from andon.runtime.wrapping import output_spec, wrap

TAKEN = InputSpec(foreign.SIDE, foreign.SIDE, 3, 8)


def opened(model: onnx.ModelProto, stated: dict[str, Any]) -> ForeignGraph:
    return open_foreign(model.SerializeToString(), from_json(ModelImport, stated))


def node(kind: str, ins: list[str], outs: list[str], **extra: Any) -> Callable[[onnx.ModelProto], None]:
    return lambda model: model.graph.node.append(helper.make_node(kind, ins, outs, **extra))


def constant(name: str, value: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def declared(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(TensorProto(name="huge", data_type=TensorProto.FLOAT, dims=[2**29]))


def lying(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 1000


def negative(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -3


def bomb(model: onnx.ModelProto) -> None:
    """Some bytes that become 4 TiB."""
    model.graph.initializer.append(constant("sides", np.array([2**20, 2**20], np.int64)))
    node("ConstantOfShape", ["sides"], ["bomb"])(model)


def slow_bomb(model: onnx.ModelProto) -> None:
    """Each result is allowed, all together are not."""
    model.graph.initializer.append(constant("sides", np.array([2**13, 2**13], np.int64)))
    node("ConstantOfShape", ["sides"], ["b0"])(model)
    for number in range(40):
        node("Neg", [f"b{number}"], [f"b{number + 1}"])(model)


def doubled(model: onnx.ModelProto) -> None:
    """Sizes that inference passes on, twice as many at every step: 2^42 records."""
    node("Shape", ["image"], ["s0"])(model)
    for number in range(40):
        node("Concat", [f"s{number}"] * 2, [f"s{number + 1}"], axis=0)(model)


def many_passed(model: onnx.ModelProto) -> None:
    """As above, and stopped where inference here still has room."""
    node("Shape", ["image"], ["s0"])(model)
    for number in range(18):
        node("Concat", [f"s{number}"] * 2, [f"s{number + 1}"], axis=0)(model)


def many_axes(steps: int) -> Callable[[onnx.ModelProto], None]:
    """One number, and twice as many axes at every step."""

    def spoil(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(constant("a0", np.zeros((1, 1), np.int64)))
        for number in range(steps):
            node("Gather", [f"a{number}"] * 2, [f"a{number + 1}"], axis=0)(model)

    return spoil


def slow(kind: str, sides: list[int], kernel: list[int]) -> Callable[[onnx.ModelProto], None]:
    """Small to hold, and years to compute."""

    def spoil(model: onnx.ModelProto) -> None:
        for name, shape in (("x", sides), ("w", kernel)):
            model.graph.initializer.append(constant(f"{name}_sides", np.array(shape, np.int64)))
            node("ConstantOfShape", [f"{name}_sides"], [f"slow_{name}"])(model)
        extra = {"equation": "ij,jk->ik"} if kind == "Einsum" else {}
        extra |= {"auto_pad": "SAME_UPPER"} if kind == "Conv" else {}
        for number in range(3):
            node(kind, ["slow_x", "slow_w"], [f"slow{number}"], **extra)(model)

    return spoil


def spoken(model: onnx.ModelProto) -> None:
    node("Cast", ["logits"], ["said"], to=TensorProto.STRING)(model)


def measured(model: onnx.ModelProto) -> None:
    """How many pixels are not 0 is not known before it runs."""
    node("NonZero", ["image"], ["places"])(model)


def branching(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(constant("yes", np.array(True)))
    branch = helper.make_graph(
        [helper.make_node("Neg", ["logits"], ["negated"])], "b", [],
        [helper.make_tensor_value_info("negated", TensorProto.FLOAT, [1, 3])],
    )  # fmt: skip
    node("If", ["yes"], ["chosen"], then_branch=branch, else_branch=branch)(model)


def endless(model: onnx.ModelProto) -> None:
    node("Loop", ["", ""], ["never"])(model)


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("sizes", TensorProto.FLOAT, [1]))


def batches_of_eight(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 8


def other_size(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 224


def of_doubles(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def no_tensor(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def renamed_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "nothing"


def twice_made(model: onnx.ModelProto) -> None:
    node("Neg", ["logits"], ["scores"])(model)


def unfit(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].CopyFrom(constant("weights", np.zeros((5, 3), np.float32)))


def functions(model: onnx.ModelProto) -> None:
    model.functions.add(name="mine", domain="mine")


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def words(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(["a"], object), "words"))


def future(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 999


def without_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


HOSTILE: list[tuple[Callable[[onnx.ModelProto], None], str]] = [
    (external, "keeps the tensor 'weights' in another file"),
    (declared, "declares a constant 'huge' of 536,870,912 numbers"),
    (lying, "declares 3,000 numbers in 'weights' and holds 9"),
    (negative, "declares a constant 'weights' of -1 numbers"),
    (bomb, r"computes 'bomb' \(of ConstantOfShape\) of 1,099,511,627,776 numbers"),
    (slow_bomb, "numbers in all, the limit is"),
    (measured, r"'places' \(of NonZero\) in a size not known before it runs"),
    (doubled, "has sizes that cannot be computed in the memory there is"),
    (many_passed, r"may compute sizes from 2,097,1"),
    (many_axes(40), "has sizes that cannot be computed in the memory there is"),
    (many_axes(6), "gives 'a5' with 33 axes"),
    (slow("Conv", [1, 1, 2**13, 2**13], [1, 1, 2**13, 2**13]), r"13,510,798,882,111,\d+ mult.* in Conv"),
    (slow("ConvTranspose", [1, 1, 2**11, 2**11], [1, 1, 64, 64]), "lays out 17,179,869,184 numbers"),
    (slow("ConvTranspose", [1, 8, 2**11, 2**11], [8, 1, 512, 512]), "mult.* in ConvTranspose"),
    (slow("MatMul", [2**13, 2**14], [2**14, 2**13]), r"3,298,534,883,\d+ mult.* in MatMul"),
    (slow("Gemm", [2**13, 2**14], [2**14, 2**13]), r"3,298,534,883,\d+ mult.* in Gemm"),
    (slow("Einsum", [2**13, 2**14], [2**14, 2**13]), r"3,298,534,883,\d+ mult.* in Einsum"),
    (spoken, r"'said' \(of Cast\) in a type that is not plain numbers"),
    (branching, "uses If, which holds another graph"),
    (endless, "uses Loop, whose running time has no bound"),
    (second_input, "has 2 inputs"),
    (batches_of_eight, "takes 8 x any x any x 3, its manifest says 1 x 32 x 32 x 3"),
    (other_size, "takes any x 224 x any x 3"),
    (of_doubles, "takes double, its manifest says float32"),
    (no_tensor, "takes undefined"),
    (renamed_output, "no valid graph: Graph output 'nothing'"),
    (twice_made, "no valid graph: .*single static assignment"),
    (unfit, "does not fit together"),
    (functions, "defines the function 'mine'"),
    (sparse, "holds sparse constants"),
    (words, "of a type that is not plain numbers"),
    (future, "has the opset 999"),
    (without_opset, "no valid graph: .*opset_import"),
    (node("Gelu", ["logits"], ["g"], domain="com.microsoft"), "com.microsoft.Gelu, which is not standard"),
    (node("NotThere", ["logits"], ["g"]), "NotThere, which is not standard"),
]


@pytest.mark.parametrize(("spoil", "told"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_file_is_refused_in_one_line(spoil: Callable[[onnx.ModelProto], None], told: str) -> None:
    model = foreign.classifier()
    spoil(model)
    with pytest.raises(InvalidInput, match=told) as refused:
        opened(model, foreign.CLASSIFIER)
    assert "\n" not in refused.value.message and len(refused.value.message) < 330


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\xff" * 40, b"\x00" * 4096])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="the graph"):
        open_foreign(content, from_json(ModelImport, foreign.CLASSIFIER))


def test_a_truncated_file_is_refused_wherever_it_ends() -> None:
    whole = foreign.classifier().SerializeToString()
    for length in range(0, len(whole) - 1, 37):
        with pytest.raises(InvalidInput):
            open_foreign(whole[:length], from_json(ModelImport, foreign.CLASSIFIER))


def changed(stated: dict[str, Any], place: str, **values: Any) -> dict[str, Any]:
    other = copy.deepcopy(stated)
    part = other[place][0] if isinstance(other[place], list) else other[place]
    part.update(values)
    return other


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        (changed(foreign.SEGMENTER, "outputs", good=[0, 3]), "has 3 channels, counted from 0"),
        (changed(foreign.SEGMENTER, "outputs", good=[0], layout="NHWC"), "has 16 channels|no concept"),
        (changed(foreign.SEGMENTER, "input", name="y"), "takes 'x', its manifest says 'y'"),
        (changed(foreign.SEGMENTER, "input", layout="NHWC"), "takes 1 x 3 x 32 x 32"),
        (changed(foreign.SEGMENTER, "input", height=64), "takes 1 x 3 x 32 x 32"),
        (changed(foreign.SEGMENTER, "input", colour="grey"), "takes 1 x 3 x 32 x 32"),
        (changed(foreign.SEGMENTER, "input", dtype="float16"), "takes float, its manifest says float16"),
    ],
)
def test_a_manifest_that_does_not_go_with_the_file_is_refused(stated: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        output_spec(from_json(ModelImport, stated), opened(foreign.segmenter(), stated))


def test_a_channel_that_is_forgotten_would_let_defects_escape() -> None:
    stated = copy.deepcopy(foreign.SEGMENTER)
    del stated["concepts"][1]
    with pytest.raises(InvalidInput, match="channel 2 of output 'mask' is no concept and not good"):
        output_spec(from_json(ModelImport, stated), opened(foreign.segmenter(), stated))


def test_a_map_is_no_row_of_scores_and_scores_are_no_map() -> None:
    stated = copy.deepcopy(foreign.CLASSIFIER)
    stated["outputs"][0]["gives"] = "map"
    stated["concepts"] = [{"name": c["name"], "map": c["score"]} for c in stated["concepts"]]
    with pytest.raises(InvalidInput, match=r"counted from 0|maps are 1 x 3"):
        output_spec(from_json(ModelImport, stated), opened(foreign.classifier(), stated))
    stated = copy.deepcopy(foreign.SEGMENTER)
    stated["outputs"][0]["gives"] = "scores"
    stated["concepts"] = [{"name": c["name"], "score": c["map"]} for c in stated["concepts"]]
    with pytest.raises(InvalidInput, match="no row of scores; is it a map"):
        output_spec(from_json(ModelImport, stated), opened(foreign.segmenter(), stated))


def test_colour_is_not_made_grey_by_guessing() -> None:
    stated = changed(foreign.CLASSIFIER, "input", colour="grey", mean=[], std=[])
    model = foreign.model(
        [("GlobalMaxPool", ["image"], ["m"], {}), ("Flatten", ["m"], ["scores"], {})], {},
        ("image", TensorProto.FLOAT, ["n", 32, 32, 1]), {"scores": ["n", 32]},
    )  # fmt: skip
    stated["outputs"][0]["good"] = [0, *range(3, 32)]
    given = from_json(ModelImport, stated)
    found = opened(model, stated)
    with pytest.raises(InvalidInput, match="have colour and the model takes grey"):
        wrap(found, given, TAKEN, output_spec(given, found))
