"""Linear probing: a pre-trained classifier begins with the head that fits its encoder as it is.

Under a random head the first steps of fine-tuning spoil what the encoder knows (Kumar et al., "Fine-tuning
can distort pretrained features and underperform out-of-distribution", ICLR 2022).  With few images and few
minutes that is most of the result.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from andon.errors import InvalidInput
from andon.training.batches import Batches
from andon.training.models.intake import Intake

DRAWN = 16
"""Batches, augmented as in training, that the head is fitted to."""

FIRST = 2**31
"""Number of the first of them; no run has so many steps."""

STRENGTH = 0.1
"""Inverse of the penalty on the head's weights, for features of unit variance."""

Values = NDArray[np.float64]


def probe(intake: Intake, encoder: nn.Module, batches: Batches) -> None:
    """Fit the head of a timm ``encoder``, concept by concept; nothing else of it changes.

    A concept that the batches show always or never keeps the head it has, as do encoders whose head is not
    one linear layer.

    Raises:
        InvalidInput: the encoder gives values that are not finite.

    """
    head: Any = encoder.get_classifier()  # type: ignore[operator]
    if not isinstance(head, nn.Linear):
        return
    features, labels, known = _drawn(intake, encoder, batches)
    if not np.isfinite(features).all():
        raise InvalidInput(
            "the encoder gives values that are not finite for these images",
            "Its weights are damaged, or are another encoder's: start from other ones (--weights).",
        )
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    scaled = (features - middle) / spread
    for concept in range(head.out_features):
        rows = known[:, concept] > 0
        wanted = labels[rows, concept]
        if len(np.unique(wanted)) < 2:
            continue
        fitted = LogisticRegression(C=STRENGTH, max_iter=1000).fit(scaled[rows], wanted)
        weights = fitted.coef_[0] / spread
        with torch.no_grad():
            head.weight[concept] = torch.from_numpy(weights)
            head.bias[concept] = float(fitted.intercept_[0] - weights @ middle)


def _drawn(intake: Intake, encoder: Any, batches: Batches) -> tuple[Values, Values, Values]:
    """What goes into the head (N, F) for the images of some batches, with labels and weights (N, K)."""
    found: list[tuple[Values, ...]] = []
    encoder.eval()
    with torch.no_grad():
        for batch in (batches[FIRST + number] for number in range(DRAWN)):
            pooled = encoder.forward_head(encoder.forward_features(intake(batch.image)), pre_logits=True)
            tensors = (pooled, batch.labels, batch.label_weights)
            found.append(tuple(tensor.double().numpy() for tensor in tensors))
    features, labels, known = (np.concatenate(column) for column in zip(*found, strict=True))
    return features, labels, known
