"""The peer of ``magnetic_tile``: a segmentation-models-pytorch U-Net, configured once and left alone.

256 x 256, flips and light brightness and contrast changes, Dice + BCE, AdamW 1e-3, batch 16, every image
once an epoch, the weights of the last step.
"""

import time
from collections.abc import Sequence

import cv2
import numpy as np
import segmentation_models_pytorch as smp
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from andon.training.samples import Sample

SIZE = 256
BATCH = 16
RATE = 1e-3
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def train(
    learnt: Sequence[Sample], concept: str, weights: str, seconds: float, seed: int, threads: int
) -> tuple[nn.Module, int]:
    """Train for ``seconds`` of CPU time, reading included; gives the model and the number of steps."""
    started = time.process_time()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = smp.Unet("tu-mobilenetv2_100", encoder_weights=None, in_channels=3, classes=1)
    load(model, weights)
    dice, entropy = smp.losses.DiceLoss("binary"), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    placed = [one for one in learnt if one.has_map]
    images = [cv2.resize(one.read(), (SIZE, SIZE), interpolation=cv2.INTER_AREA) for one in placed]
    masks = [small_mask(one, concept) for one in placed]
    model.train()
    steps, order = 0, []
    while time.process_time() - started < seconds:
        if len(order) < BATCH:
            order = list(rng.permutation(len(placed)))
        chosen, order = order[:BATCH], order[BATCH:]
        pairs = [augmented(images[i], masks[i], rng) for i in chosen]
        logits = model(torch.stack([normalised(image) for image, _ in pairs]))
        target = torch.from_numpy(np.stack([mask for _, mask in pairs]))[:, None].float()
        loss = dice(logits, target) + entropy(logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    return model.eval(), steps


def load(model: nn.Module, weights: str) -> None:
    """The same file goes into the encoder that goes into ours."""
    features = timm.create_model(
        "mobilenetv2_100", features_only=True, pretrained=True, pretrained_cfg_overlay={"file": weights}
    )
    missing, unexpected = model.encoder.model.load_state_dict(features.state_dict(), strict=False)
    if missing or unexpected:
        raise RuntimeError(f"the peer's encoder does not take the weights: {missing[:3]} {unexpected[:3]}")


def augmented(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    for axis in (0, 1):
        if rng.random() < 0.5:
            image, mask = np.flip(image, axis), np.flip(mask, axis)
    contrast, light = 1 + rng.uniform(-0.2, 0.2), 255 * rng.uniform(-0.1, 0.1)
    changed = np.clip((image.astype(np.float32) - 128) * contrast + 128 + light, 0, 255)
    return changed.astype(np.uint8), np.ascontiguousarray(mask)


def normalised(image: NDArray[np.uint8]) -> Tensor:
    value = torch.from_numpy(np.ascontiguousarray(image)).float().div(255).expand(3, SIZE, SIZE)
    return (value - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def small_mask(one: Sample, concept: str) -> NDArray[np.uint8]:
    if concept not in one.masks:
        return np.zeros((SIZE, SIZE), np.uint8)
    return cv2.resize(one.masks[concept]().astype(np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)


def probability(model: nn.Module, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Map (256, 256) of one grey image (H, W)."""
    small = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        found: Tensor = torch.sigmoid(model(normalised(small)[None]))[0, 0]
    return found.numpy()
