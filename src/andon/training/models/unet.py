"""The classic U-Net 8-16-32-64-128 with Dice loss, as NVIDIA trained it on DAGM 2007 ("TinyUNet").

Ronneberger et al. 2015, with batch normalisation and same-size convolutions.  It learns from masks alone;
the image-level score is the highest probability on the map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import TrainSettings
from andon.training.batches import Batch
from andon.training.losses import dice
from andon.training.models.intake import Intake
from andon.training.models.outputs import Outputs

WIDTHS = (8, 16, 32, 64, 128)
STRIDE = 1


class UNet(nn.Module):
    """(N, H, W, C) unsigned integers -> :class:`Outputs` with maps in full size."""

    def __init__(self, concepts: int, bit_depth: int) -> None:
        super().__init__()
        self.intake = Intake(bit_depth, standardise=True)
        incoming = (3, *WIDTHS[:-1])
        self.down = nn.ModuleList(_double(a, b) for a, b in zip(incoming, WIDTHS, strict=True))
        pairs = list(zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(deep, flat, 2, stride=2) for deep, flat in pairs)
        self.up = nn.ModuleList(_double(2 * flat, flat) for _, flat in pairs)
        self.maps = nn.Conv2d(WIDTHS[0], concepts, 1)

    def forward(self, image: Tensor) -> Outputs:
        """See the class."""
        value = self.intake(image)
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            value = block(F.max_pool2d(value, 2) if level else value)
            kept.append(value)
        for grow, up, beside in zip(self.grow, self.up, kept[-2::-1], strict=True):
            value = up(torch.cat([grow(value), beside], dim=1))
        maps = self.maps(value)
        deepest = kept[-1]
        features = torch.cat([deepest.mean(dim=(2, 3)), deepest.amax(dim=(2, 3))], dim=1)
        return Outputs(maps.amax(dim=(2, 3)), maps, features=features)


def build(settings: TrainSettings, concepts: int, spec: InputSpec, load: bool) -> UNet:
    """A U-Net for ``concepts``; it always starts from random weights."""
    del settings, load
    return UNet(concepts, spec.bit_depth)


def loss(outputs: Outputs, batch: Batch) -> Tensor:
    """Dice over the maps; images whose defects have no place do not count."""
    assert outputs.maps is not None
    return dice(outputs.maps, batch.masks, batch.mask_weights)


def _double(incoming: int, outgoing: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source in (incoming, outgoing):
        layers += [
            nn.Conv2d(source, outgoing, 3, padding=1, bias=False),
            nn.BatchNorm2d(outgoing),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)
