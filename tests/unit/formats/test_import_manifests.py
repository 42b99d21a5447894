"""Manifests of models from elsewhere: what is right is read, and every mistake is one clear line."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from simulators.foreign_models import ANOMALY, CLASSIFIER, SEGMENTER

from andon.domain.model_imports import Colour, Layout, ModelImport, Values
from andon.errors import AndonError, InvalidInput, LimitExceeded, NotFound
from andon.formats.import_manifests import MAX_BYTES, read_import_manifest

TOML = """
name = "bead masks"
learned_from = "masks of lots 1 to 40"
level = 0.4

[input]
height = 32
width = 48
colour = "bgr"
layout = "NHWC"
scale = 0.00392156862745098
mean = [0.4, 0.5, 0.6]
std = [0.2, 0.2, 0.2]

[[outputs]]
name = "mask"
gives = "map"
values = "softmax"
good = [0]

[[concepts]]
name = "red"
map = { output = "mask", channel = 1 }

[[expected]]
image = "good/000.png"
output = "mask"
values = [1, -2.5]
"""


def test_toml_is_read_as_it_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(TOML)
    found = read_import_manifest(path)
    assert (found.input.height, found.input.width) == (32, 48)
    assert (found.input.colour, found.input.layout) == (Colour.BGR, Layout.NHWC)
    assert found.outputs[0].values is Values.SOFTMAX and found.channels_of("mask") == (0, 1)
    assert found.level == 0.4 and found.expected[0].values == (1.0, -2.5)


@pytest.mark.parametrize("stated", [CLASSIFIER, SEGMENTER, ANOMALY], ids=["scores", "map", "range"])
def test_json_says_the_same(stated: dict[str, Any], tmp_path: Path) -> None:
    assert read(stated, tmp_path).name == stated["name"]


def read(stated: dict[str, Any], folder: Path) -> ModelImport:
    path = folder / "m.json"
    path.write_text(json.dumps(stated))
    return read_import_manifest(path)


def put(*way: Any) -> Callable[[dict[str, Any]], None]:
    """Set the value at the end of the way of keys."""

    def change(stated: dict[str, Any]) -> None:
        *steps, last, value = way
        place: Any = stated
        for step in steps:
            place = place[step]
        place[last] = value

    return change


def drop(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda stated: stated.pop(key)


MISTAKES: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (put("name", ""), "name must be 1 to 100 printable"),
    (put("name", "two\nlines"), "name must be"),
    (drop("learned_from"), r"learned_from: this field is missing"),
    (put("learned_from", "  "), "learned_from must be"),
    (put("learned_from", "x" * 501), "learned_from must be"),
    (put("surprise", 1), "surprise: this field is not known"),
    (put("level", 1), "level is 1"),
    (put("input", "height", 0), "height is 0"),
    (put("input", "width", 100_000), "width is 100000"),
    (put("input", "height", 32.5), "input.height: expected a whole number"),
    (put("input", "colour", "cmyk"), "input.colour: 'cmyk' is none of rgb, bgr, grey"),
    (put("input", "layout", "HWC"), "input.layout: 'HWC' is none of NCHW, NHWC"),
    (put("input", "dtype", "int8"), "input.dtype: 'int8' is none of"),
    (put("input", "bit_depth", 12), "bit_depth is 12"),
    (put("input", "scale", 0), "scale is 0"),
    (put("input", "mean", [1.0]), "mean has 1 numbers; bgr has 3 channels"),
    (put("input", "std", [1.0, 0.0, 1.0]), "std holds a number that is 0"),
    (put("input", "mean", "imagenet"), "input.mean: expected a list"),
    (put("input", "dtype", "uint8"), "leave scale, mean and std out"),
    (put("input", "crop", 224), "input.crop: this field is not known"),
    (put("outputs", []), "0 outputs are described"),
    (put("outputs", 0, "gives", "boxes"), r"outputs\[0\].gives: 'boxes' is none of scores, map"),
    (put("outputs", 0, "values", "logits"), r"outputs\[0\].values: 'logits' is none of"),
    (put("outputs", 0, "values", "range"), "needs low and high"),
    (put("outputs", 0, "low", 1.0), "belong to values = 'range' alone"),
    (put("outputs", 0, "good", [1]), "channel 1 of output 'scores' is used 2 times"),
    (put("outputs", 0, "name", "probs"), "output 'scores' is not among the outputs"),
    (put("outputs", [CLASSIFIER["outputs"][0]] * 2), "output 'scores' is described 2 times"),
    (put("concepts", []), "0 concepts are described"),
    (put("concepts", 0, "name", "blue"), "concept 'blue' is described 2 times"),
    (put("concepts", 0, "score", None), "concept 'red' is read from nothing"),
    (put("concepts", 0, "score", "channel", 2), "channel 2 of output 'scores' is used 2 times"),
    (put("concepts", 0, "score", "channel", -1), "channel is -1"),
    (put("concepts", 0, "map", {"output": "scores"}), "reads a map from output 'scores', which gives"),
    (put("expected", [{"image": "a", "output": "scores", "values": []}]), "values holds 0 numbers"),
    (put("expected", [{"image": "a", "output": "b", "values": [1], "tolerance": 1}]), "tolerance is 1"),
]


@pytest.mark.parametrize(("change", "told"), MISTAKES, ids=[told for _, told in MISTAKES])
def test_every_mistake_is_one_clear_line(
    change: Callable[[dict[str, Any]], None], told: str, tmp_path: Path
) -> None:
    stated = copy.deepcopy(CLASSIFIER)
    change(stated)
    with pytest.raises(InvalidInput, match=rf"^m\.json: .*{told}") as refused:
        read(stated, tmp_path)
    assert "\n" not in refused.value.message and len(refused.value.message) < 250


def test_a_softmax_without_anything_good_is_refused(tmp_path: Path) -> None:
    stated = copy.deepcopy(SEGMENTER)
    stated["outputs"][0]["good"] = []
    with pytest.raises(InvalidInput, match="names no good channel"):
        read(stated, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "error", "told"),
    [
        ("m.yaml", b"{}", InvalidInput, "no manifest by its name"),
        ("m.json", b"{", InvalidInput, "cannot be parsed"),
        ("m.json", b"\xff\xfe", InvalidInput, "cannot be parsed"),
        ("m.json", b"[" * 100_000, InvalidInput, "cannot be parsed"),
        ("m.json", b'{"name": "a", "name": "b"}', InvalidInput, "'name' is there twice"),
        ("m.json", b"[]", InvalidInput, "expected an object"),
        ("m.toml", b"name = 'a'\nname = 'b'", InvalidInput, "cannot be parsed"),
        ("m.toml", TOML.replace("0.4\n", "nan\n").encode(), InvalidInput, "level: nan is not a finite"),
        ("m.json", b" " * (MAX_BYTES + 1), LimitExceeded, "more than"),
    ],
)
def test_what_is_no_manifest_is_refused(
    name: str, content: bytes, error: type[AndonError], told: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=told):
        read_import_manifest(tmp_path / name)


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        read_import_manifest(tmp_path / "m.toml")


def test_very_many_keys_are_read_once(tmp_path: Path) -> None:
    """As many as fit the limit; looking for each among all others would take until tomorrow."""
    path = tmp_path / "many.json"
    path.write_text(json.dumps(dict.fromkeys(map(str, range(100_000)))))
    with pytest.raises(InvalidInput, match="field"):
        read_import_manifest(path)
