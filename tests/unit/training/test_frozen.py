"""Which part of a pre-trained encoder stays as it is."""

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from simulators.drawings import drawn_parts

from andon.domain.presets import preset
from andon.training.frozen import freeze_early
from andon.training.loop import train
from andon.training.trained import network_of


@pytest.mark.parametrize(
    ("encoder", "last", "first"),
    [
        ("mobilenetv2_100", "blocks.1.1.bn3.bias", "blocks.2.0.conv_pw.weight"),
        ("resnet18", "layer1.1.bn2.bias", "layer2.0.conv1.weight"),
        ("convnext_atto", "stages_0.blocks.1.mlp.fc2.bias", "stages_1.downsample.0.weight"),
    ],
)
def test_layers_of_fine_maps_are_frozen_and_later_ones_are_not(encoder: str, last: str, first: str) -> None:
    network = timm.create_model(encoder, features_only=True)
    freeze_early(network)
    parameters = dict(network.named_parameters())
    order = list(parameters)
    assert not parameters[last].requires_grad
    assert parameters[first].requires_grad
    frozen = [not parameters[key].requires_grad for key in order]
    assert frozen == sorted(frozen, reverse=True)


def test_training_leaves_the_frozen_layers_and_the_norms_alone(tmp_path: Path) -> None:
    settings = preset("segment-tiny")
    state = timm.create_model(settings.encoder, pretrained=False).state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    settings = replace(settings, weights=str(tmp_path / "weights.safetensors"), steps=6)
    model = train(drawn_parts(stop=0), ("dent",), settings, tmp_path / "run", lambda *_: None)
    encoder = network_of(model).get_submodule("encoder").state_dict()
    assert torch.equal(encoder["conv_stem.weight"], state["conv_stem.weight"])
    assert torch.equal(encoder["bn1.running_mean"], state["bn1.running_mean"])
    late = [key for key in encoder if key.startswith("blocks.4") and key.endswith("conv_pw.weight")]
    assert late
    assert not any(torch.equal(encoder[key], state[key]) for key in late)
