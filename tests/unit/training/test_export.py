"""The exported file: one graph, standard operators, the same answers as the network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from simulators.drawings import SIZE, drawn, drawn_parts

from andon.domain.datasets import Split
from andon.domain.presets import preset
from andon.domain.runs import Family
from andon.training.export import export
from andon.training.loop import train
from andon.training.samples import Sample
from andon.training.trained import TrainedModel, predict

TOLERANCE = 1e-4


def trained(family: Family, folder: Path, samples: list[Sample], concepts: tuple[str, ...]) -> TrainedModel:
    settings = replace(preset(f"{family}-tiny"), steps=10)
    return train(samples, concepts, settings, folder, lambda *_: None)


@pytest.mark.parametrize("family", list(Family))
def test_the_file_says_what_the_network_says(family: Family, tmp_path: Path) -> None:
    concepts = ("dent",) if family is Family.PATCHES else ("dent", "stain")
    stains = [drawn(i, Split.TRAIN, name) for i in range(50, 58) for name in concepts[1:]]
    samples = drawn_parts(stop=4) + stains
    model = trained(family, tmp_path, samples, concepts)
    taken, given = export(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 5):
        images = np.stack([sample.read()[..., None] for sample in samples[:count]])
        outputs = session.run(None, {"image": images})
        expected = predict(model, samples[:count])
        assert outputs[0].shape == (count, len(concepts))
        assert np.abs(outputs[0] - np.stack([p.scores for p in expected])).max() < TOLERANCE
        if given.maps:
            side = SIZE // given.map_stride
            assert outputs[1].shape == (count, len(concepts), side, side)
            maps = np.stack([p.maps for p in expected if p.maps is not None])
            assert np.abs(outputs[1] - maps).max() < TOLERANCE
        features = np.stack([p.features for p in expected if p.features is not None])
        assert outputs[-1].shape == (count, given.features) == features.shape
        assert np.abs(outputs[-1] - features).max() < TOLERANCE * max(1.0, np.abs(features).max())
        assert count == 1 or features.std(axis=0).max() > 0
    assert (taken.height, taken.width, taken.channels, taken.bit_depth) == (SIZE, SIZE, 1, 8)
    assert taken.source_sizes == ((SIZE, SIZE),)


def test_the_file_is_bare_and_whole(tmp_path: Path) -> None:
    model = trained(Family.SEGMENT, tmp_path, drawn_parts(), ("dent",))
    export(model, tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    assert {opset.domain for opset in graph.opset_import} <= {"", "ai.onnx"}
    assert not any(tensor.external_data for tensor in graph.graph.initializer)
    assert not graph.metadata_props
    assert not any(node.doc_string or node.metadata_props for node in graph.graph.node)
    assert str(Path.cwd()).encode() not in (tmp_path / "model.onnx").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.pt", "state.pt"]


@pytest.mark.parametrize(("channels", "kind"), [(3, np.uint8), (1, np.uint16), (3, np.uint16)])
def test_colour_and_sixteen_bits_go_in_as_they_are(channels: int, kind: type, tmp_path: Path) -> None:
    def changed(sample: Sample) -> Sample:
        grey = sample.read().astype(kind) * (257 if kind is np.uint16 else 1)
        pixels = np.repeat(grey[..., None], channels, axis=2) if channels == 3 else grey
        return replace(sample, read=lambda: pixels)

    samples = [changed(sample) for sample in drawn_parts()]
    model = trained(Family.CLASSIFY, tmp_path, samples, ("dent",))
    taken, _ = export(model, tmp_path / "model.onnx")
    assert (taken.channels, taken.bit_depth) == (channels, 8 * np.dtype(kind).itemsize)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    image = samples[0].read().reshape(1, SIZE, SIZE, channels)
    scores = session.run(None, {"image": image})[0]
    assert np.abs(scores[0] - predict(model, samples[:1])[0].scores).max() < TOLERANCE
