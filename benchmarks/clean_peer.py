"""The peer of ``clean``: PatchCore of anomalib, configured once by its documentation and left alone.

256 x 256, ImageNet mean and deviation, a tenth of the patches as coreset, 9 neighbours; of the same encoder
the stages at reductions 8 and 16, which are `layer2` and `layer3` of its default.
"""

from collections.abc import Sequence

import numpy as np
import timm
import torch
from anomalib.models.image.patchcore.torch_model import PatchcoreModel
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import Resize

SIZE = (256, 256)
STAGES = ("blocks.2", "blocks.4")
RATIO = 0.1
NEIGHBOURS = 9
BATCH = 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def learn(images: Sequence[NDArray[np.uint8]], weights: str, seed: int) -> PatchcoreModel:
    """A memory of clean images (H, W, 1 or 3)."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = PatchcoreModel(STAGES, "mobilenetv2_100", pre_trained=False, num_neighbors=NEIGHBOURS)
    encoder = timm.create_model(
        "mobilenetv2_100",
        features_only=True,
        pretrained=True,
        pretrained_cfg_overlay={"file": weights},
        out_indices=(2, 3),
    )
    model.feature_extractor.feature_extractor.load_state_dict(encoder.state_dict())
    model.train()
    model.feature_extractor.eval()
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            model(torch.stack([prepared(image) for image in images[start : start + BATCH]]))
        model.subsample_embedding(RATIO)
    return model.eval()


def score(model: PatchcoreModel, image: NDArray[np.uint8]) -> float:
    """Of one image; higher is stranger."""
    with torch.inference_mode():
        return float(model(prepared(image)[None]).pred_score)


def prepared(image: NDArray[np.uint8]) -> Tensor:
    value = (
        torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float().div(255).expand(3, -1, -1)
    )
    value = Resize(SIZE, antialias=True)(value)
    return (value - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
