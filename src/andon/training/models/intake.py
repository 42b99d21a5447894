"""The first layer of every network: from pixels as they are stored to what the encoder was trained on."""

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SMALLEST_CONTRAST = 1e-2


class Intake(nn.Module):
    """(N, H, W, C) unsigned integers -> (N, 3, H, W) float32, grey repeated over the three channels.

    With ``standardise`` every image is brought to mean 0 and deviation 1, which takes exposure and
    gain of the camera away; without, ImageNet's mean and deviation are taken, as encoders expect.
    """

    def __init__(self, bit_depth: int, standardise: bool) -> None:
        super().__init__()
        self.full = float(2**bit_depth - 1)
        self.standardise = standardise
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        value = image.to(torch.float32).permute(0, 3, 1, 2) / self.full
        if value.shape[1] == 1:
            value = value.repeat(1, 3, 1, 1)
        if not self.standardise:
            return (value - self.get_buffer("mean")) / self.get_buffer("std")
        middle = value.mean(dim=(1, 2, 3), keepdim=True)
        spread = (value - middle).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return (value - middle) / (spread + SMALLEST_CONTRAST)
