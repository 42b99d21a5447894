"""The head that a pre-trained classifier begins with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from simulators.drawings import drawn, drawn_parts

from andon.domain.presets import preset
from andon.domain.runs import TrainSettings
from andon.errors import InvalidInput
from andon.training.batches import Batches
from andon.training.loop import train
from andon.training.models.classify import Classifier, begin, build
from andon.training.pool import Pool
from andon.training.samples import Sample
from andon.training.trained import network_of

HEAD = "encoder.classifier.weight"


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    chosen = preset("classify-tiny")
    torch.manual_seed(2)
    save_file(timm.create_model(chosen.encoder).state_dict(), tmp_path / "weights.safetensors")
    return replace(chosen, weights=str(tmp_path / "weights.safetensors"))


def lit(number: int) -> Sample:
    """Every second part is far brighter, which even an encoder that learned nothing can see."""
    part = drawn(number, concept=None)
    if number % 2 == 0:
        return part
    image = (part.read() // 2 + 120).astype(np.uint8)
    return replace(part, read=lambda: image, labels=frozenset({"dent"}))


def begun(
    settings: TrainSettings, samples: list[Sample], concepts: tuple[str, ...] = ("dent",)
) -> tuple[Classifier, dict[str, torch.Tensor]]:
    """A classifier after its beginning, and the weights it had before."""
    pool = Pool(samples, settings)
    network = build(settings, len(concepts), pool.fill(), True)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    begin(network, Batches(pool, len(samples), concepts, settings))
    return network, before


def test_parts_are_told_apart_before_the_first_step(settings: TrainSettings) -> None:
    network, before = begun(settings, [lit(number) for number in range(24)])
    fresh = [lit(number) for number in range(100, 120)]
    with torch.no_grad():
        pixels = [torch.from_numpy(sample.read())[None, ..., None] for sample in fresh]
        scores = [float(network.eval()(image).scores) for image in pixels]
    assert max(scores[::2]) < 0.5 < min(scores[1::2])
    changed = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {HEAD, "encoder.classifier.bias"}


def test_a_concept_that_is_never_shown_keeps_its_head(settings: TrainSettings) -> None:
    network, before = begun(settings, [lit(number) for number in range(8)], ("dent", "scratch"))
    kept = [
        torch.equal(row, was)
        for row, was in zip(network.encoder.classifier.weight, before[HEAD], strict=True)
    ]
    assert kept == [False, True]


def test_weights_that_are_no_numbers_are_refused(settings: TrainSettings) -> None:
    state = load_file(settings.weights)
    state["conv_stem.weight"][0] = float("nan")
    save_file(state, settings.weights)
    with pytest.raises(InvalidInput, match="not finite"):
        begun(settings, [lit(number) for number in range(8)])


def test_a_run_begins_with_it_only_where_weights_are_given(settings: TrainSettings, tmp_path: Path) -> None:
    """One step at a rate of nothing: what the head is then, it was before."""
    still = replace(settings, steps=1, learning_rate=1e-8)
    heads = {}
    for name, chosen in {"given": still, "none": replace(still, weights="none")}.items():
        model = train(drawn_parts(stop=0), ("dent",), chosen, tmp_path / name, lambda *_: None)
        heads[name] = network_of(model).get_parameter(HEAD)
    fitted = begun(settings, drawn_parts(stop=0))[0].get_parameter(HEAD)
    assert torch.allclose(heads["given"], fitted, rtol=0.01, atol=0.1)
    assert not torch.allclose(heads["none"], fitted, rtol=0.5, atol=1.0)
