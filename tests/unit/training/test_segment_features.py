"""What the fast family tells of an image beyond its verdict."""

import numpy as np
import torch
from torch import nn

from andon.domain.models import InputSpec
from andon.domain.runs import TrainSettings
from andon.training.models.segment import Segmenter, build
from andon.training.weights import NONE

SIDE = 64


class Spent(nn.Module):
    """An encoder whose deepest level says the same of every image."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, value: torch.Tensor) -> list[torch.Tensor]:
        """All levels, the last one without anything in it."""
        *finer, deepest = self.encoder(value)
        return [*finer, torch.zeros_like(deepest)]


def test_images_are_told_apart_though_the_deepest_level_is_spent() -> None:
    network = segmenter()
    network.encoder = Spent(network.encoder)
    flat, spotted = features(network, drawn(0)), features(network, drawn(1))
    assert flat.shape == (sum(2 * conv.in_channels for conv in network.lateral),)
    assert float((flat - spotted).abs().max()) > 1e-3


def test_training_does_not_pay_for_features() -> None:
    network = segmenter().train()
    assert network(drawn(0)).features is None


def segmenter() -> Segmenter:
    torch.manual_seed(0)
    settings = TrainSettings(encoder="mobilenetv3_small_050", weights=NONE, height=SIDE, width=SIDE)
    return build(settings, 1, InputSpec(SIDE, SIDE, 1, 8), load=False).eval()


def features(network: Segmenter, image: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        found = network(image).features
    assert found is not None
    return found[0]


def drawn(spots: int) -> torch.Tensor:
    pixels = np.full((2, SIDE, SIDE, 1), 120, np.uint8)
    pixels[:, 20:30, 20:30] = 120 + 100 * spots
    return torch.from_numpy(pixels)
