"""The wrapped graph says what its file says, on every engine; a spoiled wrapper is found out."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from simulators import foreign_models as foreign

from andon.domain.model_imports import Expected, ModelImport
from andon.domain.models import InputSpec, Parity, Precision
from andon.domain.serial import from_json
from andon.errors import ParityFailed, Refused
from andon.runtime import wrapping
from andon.runtime.execution import Executor, available
from andon.runtime.foreign import open_foreign
from andon.runtime.graph import CheckedGraph
from andon.runtime.originals import Original
from andon.runtime.parity import compare
from andon.runtime.pixels import Pixels
from andon.runtime.predictions import ModelFailed
from andon.runtime.wrapping import output_spec, wrap

COLOUR = InputSpec(foreign.SIDE, foreign.SIDE, 3, 8)
GREY = InputSpec(foreign.SIDE, foreign.SIDE, 1, 8)


def wrapped(
    model: onnx.ModelProto, stated: dict[str, Any], taken: InputSpec = COLOUR
) -> tuple[CheckedGraph, Original]:
    given = from_json(ModelImport, stated)
    found = open_foreign(model.SerializeToString(), given)
    graph = wrap(found, given, taken, output_spec(given, found))
    return graph, Original(found, given, taken, 1)


def parts(taken: InputSpec = COLOUR) -> list[tuple[str, Pixels]]:
    """Spots of many strengths in each channel, RGB order."""
    random = np.random.default_rng(3)
    made = []
    for number in range(12):
        pixels = 90 + random.integers(-30, 31, (foreign.SIDE, foreign.SIDE, taken.channels))
        pixels[4:9, 20:28, number % taken.channels] += 8 * number
        made.append((f"{number}.png", pixels.clip(0, 255).astype(np.uint8)))
    return made


def parity(graph: CheckedGraph, original: Original, taken: InputSpec = COLOUR) -> tuple[Parity, ...]:
    return compare(graph, [original.reference(name, pixels) for name, pixels in parts(taken)])


def gently(stated: dict[str, Any]) -> dict[str, Any]:
    """The same manifest for logits that do not saturate."""
    other = copy.deepcopy(stated)
    other["outputs"][0].update(name="logits", values="softmax")
    for concept in other["concepts"]:
        concept["score"]["output"] = "logits"
    return other


LOGITS = gently(foreign.CLASSIFIER)
MODELS: list[tuple[str, Callable[[], onnx.ModelProto], dict[str, Any]]] = [
    ("softmax", foreign.classifier, LOGITS),
    ("probabilities", foreign.classifier, foreign.CLASSIFIER),
    ("old opset", lambda: foreign.classifier(11), LOGITS),
    ("map", foreign.segmenter, foreign.SEGMENTER),
    ("range", foreign.anomaly, foreign.ANOMALY),
]


@pytest.mark.parametrize(("model", "stated"), [m[1:] for m in MODELS], ids=[m[0] for m in MODELS])
def test_the_wrapped_graph_scores_like_its_file_on_every_engine(
    model: Callable[[], onnx.ModelProto], stated: dict[str, Any]
) -> None:
    graph, original = wrapped(model(), stated)
    found = parity(graph, original)
    assert [one.variant for one in found] == list(available())
    for one in found:
        exact = one.variant.precision is Precision.F32
        assert one.passed and one.largest_map_gap <= (1e-3 if exact else 0.1), one
    scores = np.stack([original.reference(name, pixels).scores for name, pixels in parts()])
    assert scores.max() > 0.5 > scores.min(), "the pictures tell the models apart"


def test_what_the_classifier_says_is_what_one_computes_by_hand() -> None:
    graph, _ = wrapped(foreign.classifier(), foreign.CLASSIFIER)
    pixels = np.full((foreign.SIDE, foreign.SIDE, 3), 100, np.uint8)
    pixels[3, 3] = (160, 100, 152)
    logits = np.array(
        [0, 9 * (160 - foreign.QUIET) / foreign.STD[2], 9 * (152 - foreign.QUIET) / foreign.STD[0]]
    )
    shares = np.exp(logits) / np.exp(logits).sum()
    for variant in available():
        scores = Executor(graph, variant, 1).run(pixels).scores
        assert scores == pytest.approx(shares[1:], abs=0.02)
        assert scores[0] > scores[1], "red first, as the manifest lists them"


def test_a_concept_without_a_place_has_an_empty_map() -> None:
    stated = copy.deepcopy(foreign.ANOMALY)
    stated["concepts"] = [
        {"name": "red", "score": {"output": "anomaly_score"}},
        {"name": "blue", "map": {"output": "anomaly_map"}},
    ]
    graph, original = wrapped(foreign.anomaly(), stated)
    assert all(one.passed and one.largest_map_gap <= 1e-3 for one in parity(graph, original))
    found = Executor(graph, available()[0], 1).run(parts()[9][1])
    assert found.maps is not None and found.maps[0].max() == 0 < found.maps[1].max()
    assert found.scores[0] == pytest.approx(found.scores[1])


def test_grey_pictures_fill_all_three_channels() -> None:
    graph, original = wrapped(foreign.classifier(), LOGITS, GREY)
    assert all(one.passed for one in parity(graph, original, GREY))


def test_half_precision_and_channels_last_maps_are_taken() -> None:
    nodes: list[foreign.Node] = [
        ("Transpose", ["x"], ["last"], {"perm": [0, 2, 3, 1]}),
        ("Cast", ["last"], ["out"], {"to": TensorProto.FLOAT}),
    ]
    model = foreign.model(nodes, {}, ("x", TensorProto.FLOAT16, [1, 3, 32, 32]), {"out": [1, 32, 32, 3]})
    stated = copy.deepcopy(foreign.SEGMENTER)
    stated["input"].update(dtype="float16", colour="bgr")
    stated["outputs"][0].update(name="out", values="sigmoid", layout="NHWC", good=[1])
    for concept, channel in zip(stated["concepts"], (2, 0), strict=True):
        concept["map"] = {"output": "out", "channel": channel}
    graph, original = wrapped(model, stated)
    assert all(one.passed and one.largest_map_gap <= 0.03 for one in parity(graph, original))


def test_rows_stay_rows_where_pictures_are_not_square() -> None:
    nodes: list[foreign.Node] = [("MaxPool", ["x"], ["y"], {"kernel_shape": [4, 4], "strides": [4, 4]})]
    model = foreign.model(
        nodes, {}, ("x", TensorProto.FLOAT, ["n", 3, "h", "w"]), {"y": ["n", 3, "r", "c"]}
    )
    stated = copy.deepcopy(foreign.SEGMENTER)
    stated["input"].update(height=16, width=48, colour="bgr")
    stated["outputs"][0].update(name="y", values="probabilities", good=[1])
    for concept, channel in zip(stated["concepts"], (2, 0), strict=True):
        concept["map"] = {"output": "y", "channel": channel}
    graph, original = wrapped(model, stated, InputSpec(16, 48, 3, 8))
    assert graph.output.map_stride == 4
    pixels = np.zeros((16, 48, 3), np.uint8)
    pixels[2, 45, 0] = 255
    for variant in available():
        found = Executor(graph, variant, 1).run(pixels)
        assert found.maps is not None and found.maps.shape == (2, 4, 12)
        assert np.argwhere(found.maps > 0.5).tolist() == [[0, 0, 11]] and found.scores[1] == 0
    assert original.reference("a.png", pixels).maps is not None


@pytest.mark.parametrize(
    ("name", "spoiled"),
    [
        ("_scaled", lambda nodes, name, stated: name),
        ("_squeezed", lambda nodes, output, raw: nodes.add("Sigmoid", [raw])),
        ("_channel", lambda nodes, found, source: nodes.add(
            "Gather", [found[source.output], nodes.constant([3 - source.channel], np.int64)], axis=1)),
    ],
    ids=["no mean", "another squeeze", "another channel"],
)  # fmt: skip
def test_a_wrapper_that_leaves_something_out_fails_parity(
    name: str, spoiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapping, name, spoiled)
    graph, original = wrapped(foreign.classifier(), LOGITS)
    assert not parity(graph, original)[0].passed


def test_swapped_colours_fail_parity(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = wrapping._fed
    as_rgb = copy.deepcopy(LOGITS)
    as_rgb["input"]["colour"] = "rgb"
    rgb = from_json(ModelImport, as_rgb).input
    monkeypatch.setattr(wrapping, "_fed", lambda nodes, stated, taken: fed(nodes, rgb, taken))
    graph, original = wrapped(foreign.classifier(), LOGITS)
    worst = parity(graph, original)[0]
    assert not worst.passed and worst.flips and worst.worst.endswith(".png")


def test_a_mirrored_map_shows_in_maps_though_in_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    squeezed = wrapping._squeezed
    monkeypatch.setattr(
        wrapping,
        "_squeezed",
        lambda nodes, output, raw: nodes.add(
            "Transpose", [squeezed(nodes, output, raw)], perm=[0, 1, 3, 2]
        ),
    )
    graph, original = wrapped(foreign.segmenter(), foreign.SEGMENTER)
    mirrored = parity(graph, original)[0]
    assert mirrored.passed and mirrored.largest_map_gap > 0.5


def poisoned(values: str) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Where a pixel of red is above 250 the map is NaN there, which a maximum may pass over."""
    nodes: list[foreign.Node] = [
        ("Sub", ["limit", "x"], ["room"], {}),
        ("Sqrt", ["room"], ["mask"], {}),
    ]
    model = foreign.model(
        nodes, {"limit": 250.0}, ("x", TensorProto.FLOAT, [1, 3, 32, 32]), {"mask": [1, 3, 32, 32]}
    )
    stated = copy.deepcopy(foreign.SEGMENTER)
    stated["input"]["scale"] = 1.0
    stated["outputs"][0].update(values=values, good=[1])
    for concept, channel in zip(stated["concepts"], (0, 2), strict=True):
        concept["map"]["channel"] = channel
    if values == "range":
        stated["outputs"][0].update(low=0, high=20)
    return model, stated


@pytest.mark.parametrize("values", ["sigmoid", "softmax", "range"])
def test_nan_is_never_a_score(values: str) -> None:
    graph, original = wrapped(*poisoned(values))
    pixels = np.full((32, 32, 3), 90, np.uint8)
    assert compare(graph, [original.reference("fine.png", pixels)])[0].passed
    pixels[7, 9, 0] = 255
    with pytest.raises(Refused, match=r"on odd.png is not finite"):
        original.reference("odd.png", pixels)
    for variant in available():
        with pytest.raises(ModelFailed, match="no probabilities"):
            Executor(graph, variant, 1).run(pixels)


def test_logits_called_probabilities_are_refused() -> None:
    stated = copy.deepcopy(foreign.SEGMENTER)
    stated["outputs"][0]["values"] = "probabilities"
    _, original = wrapped(foreign.segmenter(), stated)
    with pytest.raises(Refused, match="which is no probability"):
        original.reference("a.png", parts()[0][1])


def test_what_the_model_gave_elsewhere_finds_a_wrong_manifest() -> None:
    name, pixels = parts()[9]
    _, original = wrapped(foreign.classifier(), LOGITS)
    raw = tuple(original.outputs(pixels, ["logits"])["logits"].ravel())
    original.check(Expected(name, "logits", raw), pixels)
    for key, value in (
        ("mean", [0.0, 0.0, 0.0]),
        ("colour", "rgb"),
        ("std", [1.0, 1.0, 1.0]),
        ("scale", 0.5),
    ):
        stated = copy.deepcopy(LOGITS)
        stated["input"][key] = value
        _, wrong = wrapped(foreign.classifier(), stated)
        with pytest.raises(ParityFailed, match=f"'logits' on {name} differs from what is expected by"):
            wrong.check(Expected(name, "logits", raw), pixels)
    with pytest.raises(ParityFailed, match="has 3 numbers here, 2 are expected"):
        original.check(Expected(name, "logits", raw[:2]), pixels)
