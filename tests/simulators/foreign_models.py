"""Models as other programs export them, small enough to compute by hand, and parts with coloured spots.

A part is grey with noise; a defective one has a red or a blue spot.  All models look at how far the
brightest pixel of the red and of the blue channel is above ``QUIET``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from simulators.graphs import png

from andon.domain.datasets import DatasetSpec
from andon.domain.images import ImageFilter
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.datasets import freeze_dataset
from andon.services.workspaces import Workspace, create_workspace, now

SIDE = 32
QUIET = 150.0
PARTS = 120
MEAN, STD = (104.0, 117.0, 124.0), (57.0, 58.0, 59.0)
"""Of channels in the order blue, green, red."""

Node = tuple[str, Sequence[str], Sequence[str], Mapping[str, Any]]


@dataclass(frozen=True)
class ColourPlant:
    """A workspace with the frozen data set ``beads`` and the folder its parts came from."""

    workspace: Workspace
    parts: Path


def build(root: Path) -> ColourPlant:
    """Draw, import and freeze."""
    workspace, _ = create_workspace(root / "ws", "mara")
    draw(root / "parts", PARTS, seed=1)
    request = ImportRequest(root / "parts", "beads", workspace.who, now(), add_concepts=True)
    import_images(workspace.database, workspace.blobs, request, lambda done, total: None)
    freeze_dataset(workspace, DatasetSpec("beads", ImageFilter(source="beads")))
    return ColourPlant(workspace, root / "parts")


def draw(folder: Path, count: int, seed: int) -> None:
    """Half of them good, the others red and blue in turn; cv2 writes blue first."""
    random = np.random.default_rng(seed)
    for number in range(count):
        pixels = 100 + random.integers(-30, 31, (SIDE, SIDE, 3))
        kind = ("good", "red", "good", "blue")[number % 4]
        if kind != "good":
            top, left = random.integers(0, SIDE - 8, 2)
            channel = 2 if kind == "red" else 0
            pixels[top : top + 6, left : left + 6, channel] += int(random.integers(60, 100))
        path = folder / kind / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(pixels.clip(0, 255).astype(np.uint8)))


def model(
    nodes: Sequence[Node],
    constants: Mapping[str, Any],
    taken: tuple[str, int, Sequence[Any]],
    given: Mapping[str, Sequence[Any]],
    opset: int = 17,
) -> onnx.ModelProto:
    """A graph of float32 outputs; ``taken`` is name, type and shape."""
    return helper.make_model(
        helper.make_graph(
            [helper.make_node(kind, list(ins), list(outs), **extra) for kind, ins, outs, extra in nodes],
            "elsewhere",
            [helper.make_tensor_value_info(*taken)],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, sides)
                for name, sides in given.items()
            ],
            [
                numpy_helper.from_array(
                    np.asarray(value, np.int64 if np.asarray(value).dtype.kind == "i" else np.float32), name
                )
                for name, value in constants.items()
            ],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=9,
    )


def classifier(opset: int = 17) -> onnx.ModelProto:
    """NHWC, blue first, (0..255 - mean) / std; a softmax of good, red and blue. Its names are ours."""
    quiet = [(QUIET - mean) / std for mean, std in zip(MEAN, STD, strict=True)]
    weights = np.array([[0, 0, 9.0], [0, 0, 0], [0, 9.0, 0]])
    offset = np.array([0, -9 * quiet[2], -9 * quiet[0]])
    nodes: list[Node] = [
        ("Transpose", ["image"], ["maps"], {"perm": [0, 3, 1, 2]}),
        ("GlobalMaxPool", ["maps"], ["pooled"], {}),
        ("Flatten", ["pooled"], ["before/Cast0"], {}),
        ("Gemm", ["before/Cast0", "weights", "offset"], ["logits"], {}),
        ("Softmax", ["logits"], ["scores"], {"axis": 1}),
    ]
    taken = ("image", TensorProto.FLOAT, ["batch", "height", "width", 3])
    return model(
        nodes,
        {"weights": weights, "offset": offset},
        taken,
        {"scores": ["b", 3], "logits": ["b", 3]},
        opset,
    )


CLASSIFIER: dict[str, Any] = {
    "name": "beads from the lab",
    "learned_from": "4,000 pictures of lots 1 to 40",
    "input": {
        "height": SIDE,
        "width": SIDE,
        "colour": "bgr",
        "layout": "NHWC",
        "dtype": "float32",
        "mean": list(MEAN),
        "std": list(STD),
    },
    "outputs": [{"name": "scores", "gives": "scores", "values": "probabilities", "good": [0]}],
    "concepts": [
        {"name": "red", "score": {"output": "scores", "channel": 1}},
        {"name": "blue", "score": {"output": "scores", "channel": 2}},
    ],
}


def segmenter() -> onnx.ModelProto:
    """NCHW, red first, 0..1; logits of background, red and blue for each 2 x 2 pixels."""
    kernel = np.array([[0, 0, 0], [60.0, 0, 0], [0, 0, 60.0]]).reshape(3, 3, 1, 1)
    offset = np.array([0, -60 * QUIET / 255, -60 * QUIET / 255])
    nodes: list[Node] = [
        ("AveragePool", ["x"], ["small"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Conv", ["small", "kernel", "offset"], ["mask"], {}),
    ]
    taken = ("x", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    return model(nodes, {"kernel": kernel, "offset": offset}, taken, {"mask": [1, 3, SIDE // 2, SIDE // 2]})


SEGMENTER: dict[str, Any] = {
    "name": "bead masks",
    "learned_from": "masks of lots 1 to 40",
    "input": {"height": SIDE, "width": SIDE, "colour": "rgb", "layout": "NCHW", "scale": 1 / 255},
    "outputs": [{"name": "mask", "gives": "map", "values": "softmax", "good": [0]}],
    "concepts": [
        {"name": "red", "map": {"output": "mask", "channel": 1}},
        {"name": "blue", "map": {"output": "mask", "channel": 2}},
    ],
}


def anomaly() -> onnx.ModelProto:
    """Takes pixels as they are; how far the brightest channel is above 100: a map and its maximum."""
    nodes: list[Node] = [
        ("Cast", ["pixels"], ["numbers"], {"to": TensorProto.FLOAT}),
        ("ReduceMax", ["numbers"], ["highest"], {"axes": [3], "keepdims": 0}),
        ("Sub", ["highest", "middle"], ["anomaly_map"], {}),
        ("ReduceMax", ["anomaly_map"], ["anomaly_score"], {"axes": [1, 2], "keepdims": 0}),
    ]
    taken = ("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    given = {"anomaly_map": ["n", SIDE, SIDE], "anomaly_score": ["n"]}
    return model(nodes, {"middle": 100.0}, taken, given)


ANOMALY: dict[str, Any] = {
    "name": "anything odd",
    "learned_from": "clean pictures of lots 1 to 40",
    "input": {"height": SIDE, "width": SIDE, "colour": "rgb", "layout": "NHWC", "dtype": "uint8"},
    "outputs": [
        {"name": "anomaly_map", "gives": "map", "values": "range", "low": 0, "high": 120},
        {"name": "anomaly_score", "gives": "scores", "values": "range", "low": 0, "high": 120},
    ],
    "concepts": [
        {"name": "red", "score": {"output": "anomaly_score"}, "map": {"output": "anomaly_map"}},
    ],
}
