"""A small real ONNX model with an answer one can compute by hand: how bright and how dark a pixel is."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

from andon.domain.models import Cuts, InputSpec, Manifest, OutputSpec
from andon.domain.recipes import Recipe
from andon.domain.runs import Family
from andon.runtime import graph
from andon.runtime.package import LoadedPackage, load_package, write_package
from andon.runtime.pixels import fit
from andon.runtime.scoring import golden_scores
from andon.units import Digest

CONCEPTS = ("bright", "dark")
INPUT = InputSpec(height=64, width=64, channels=1, bit_depth=8)
OUTPUT = OutputSpec(concepts=CONCEPTS, maps=True, map_stride=1)
SNAPSHOT = Digest("1" * 64)


def brightness_model(taken: InputSpec = INPUT, given: OutputSpec = OUTPUT) -> onnx.ModelProto:
    """Maps of (b - 1/2) * 2 and (1/2 - b) * 2 within 0 and 1, for brightness b; scores: their maxima.

    Features (3 of them, where they are stated): mean brightness and the scores.
    """
    kind = TensorProto.UINT8 if taken.bit_depth == 8 else TensorProto.UINT16
    full = np.float32(2**taken.bit_depth - 1)
    sides = (taken.height, taken.width)
    stride = given.map_stride
    small = [side // stride for side in sides]
    concepts = len(CONCEPTS)
    constants = {
        "full": np.array(full),
        "half": np.array(0.5, np.float32),
        "signs": np.array([2, -2], np.float32).reshape(1, 2, 1, 1),
        "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "channel": np.array([1], np.int64),
        "plane": np.array([2, 3], np.int64),
    }
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "channel"], ["grey"], keepdims=1),
        helper.make_node("Div", ["grey", "full"], ["unit"]),
        helper.make_node(
            "AveragePool", ["unit"], ["pooled"], kernel_shape=[stride] * 2, strides=[stride] * 2
        ),
        helper.make_node("Sub", ["pooled", "half"], ["centred"]),
        helper.make_node("Mul", ["centred", "signs"], ["signed"]),
        helper.make_node("Clip", ["signed", "zero", "one"], ["maps"]),
        helper.make_node("ReduceMax", ["maps", "plane"], ["scores"], keepdims=0),
    ]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", concepts])]
    if given.maps:
        outputs.append(helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["N", concepts, *small]))
    if given.features:
        nodes.append(helper.make_node("ReduceMean", ["unit", "plane"], ["brightness"], keepdims=0))
        nodes.append(helper.make_node("Concat", ["brightness", "scores"], ["features"], axis=1))
        outputs.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", given.features]))
    built = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", kind, ["N", *sides, taken.channels])],
        outputs,
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def blinded_model() -> onnx.ModelProto:
    """The same, but pixels brighter than 0.97 make it answer with NaN."""
    model = brightness_model()
    clip, maximum = model.graph.node[-2:]
    clip.output[0] = "clipped"
    del model.graph.node[-1]
    model.graph.node.extend(
        [
            helper.make_node("Sub", ["limit", "pooled"], ["room"]),
            helper.make_node("Sqrt", ["room"], ["root"]),
            helper.make_node("Mul", ["root", "tiny"], ["poison"]),
            helper.make_node("Add", ["clipped", "poison"], ["maps"]),
            maximum,
        ]
    )
    for name, value in (("limit", 0.97), ("tiny", 1e-9)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, np.float32), name))
    return model


def slow_model() -> onnx.ModelProto:
    """The same, after half a second or more in which nothing comes of a large product."""
    model = brightness_model()
    pool = next(node for node in model.graph.node if node.op_type == "AveragePool")
    place = list(model.graph.node).index(pool)
    pool.input[0] = "later"
    wasted = [
        helper.make_node("Tile", ["unit", "often"], ["large"]),
        helper.make_node("MatMul", ["large", "large"], ["product"]),
        helper.make_node("ReduceMax", ["product", "plane"], ["highest"], keepdims=1),
        helper.make_node("Clip", ["highest", "zero", "zero"], ["nothing"]),
        helper.make_node("Add", ["unit", "nothing"], ["later"]),
    ]
    for number, node in enumerate(wasted):
        model.graph.node.insert(place + number, node)
    often = np.array([1, 1, 64, 64], np.int64)
    model.graph.initializer.append(onnx.numpy_helper.from_array(often, "often"))
    return model


def brightness_graph(taken: InputSpec = INPUT, given: OutputSpec = OUTPUT) -> graph.CheckedGraph:
    return graph.check(brightness_model(taken, given).SerializeToString(), taken, given)


def grey(height: int = 64, width: int = 64) -> np.ndarray:
    """A part without anything on it: both scores are 0."""
    return np.full((height, width), 127, np.uint8)


def png(pixels: np.ndarray) -> bytes:
    done, content = cv2.imencode(".png", pixels)
    assert done
    return content.tobytes()


def golden_images(taken: InputSpec = INPUT) -> dict[str, np.ndarray]:
    spotted = grey(taken.height, taken.width)
    spotted[10:20, 10:30] = 240
    return {"clean.png": grey(taken.height, taken.width), "spot.png": spotted}


def manifest(taken: InputSpec = INPUT, given: OutputSpec = OUTPUT) -> Manifest:
    checked = brightness_graph(taken, given)
    images = [(name, fit(pixels, taken)) for name, pixels in golden_images(taken).items()]
    return Manifest(
        name="brightness",
        family=Family.SEGMENT,
        encoder="none",
        input=taken,
        output=given,
        snapshot=SNAPSHOT,
        settings_digest=Digest("2" * 64),
        seed=0,
        code_version="test",
        files={},
        golden=golden_scores(checked, images),
    )


def write_brightness(folder: Path, taken: InputSpec = INPUT, given: OutputSpec = OUTPUT) -> LoadedPackage:
    """A whole package on disk, loaded."""
    return write_model(folder, brightness_model(taken, given), manifest(taken, given))


def write_model(folder: Path, model: onnx.ModelProto, stated: Manifest) -> LoadedPackage:
    """A package of any model for which ``stated`` holds."""
    golden = {name: png(pixels) for name, pixels in golden_images(stated.input).items()}
    write_package(folder, stated, model.SerializeToString(), golden)
    return load_package(folder)


def recipe_for(package: LoadedPackage, cuts: Mapping[str, Cuts] | None = None, **changes: object) -> Recipe:
    both = cuts or dict.fromkeys(CONCEPTS, Cuts(0.4, 0.6))
    plain = Recipe(name="plain", version=1, part_type=None, package=package.digest, cuts=both)
    return replace(plain, **changes)  # type: ignore[arg-type]
