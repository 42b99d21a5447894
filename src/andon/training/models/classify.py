"""Any timm encoder with one sigmoid per concept: an image may show several; clean is all of them low."""

from typing import Any, Self

from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import TrainSettings
from andon.training.batches import Batch, Batches
from andon.training.frozen import freeze_early, hold_norms
from andon.training.losses import cross_entropy
from andon.training.models.intake import Intake
from andon.training.models.outputs import Outputs
from andon.training.probing import probe
from andon.training.weights import NONE, encoder_classifier


class Classifier(nn.Module):
    """(N, H, W, C) unsigned integers -> :class:`Outputs` without maps.

    Features are what the encoder's pooling gives to its last layer, and are left out in training.
    """

    def __init__(self, encoder: nn.Module, bit_depth: int, pretrained: bool) -> None:
        super().__init__()
        self.pretrained = pretrained
        self.intake = Intake(bit_depth, standardise=False)
        self.encoder = encoder

    def forward(self, image: Tensor) -> Outputs:
        """See the class."""
        value = self.intake(image)
        if self.training:
            return Outputs(self.encoder(value))
        encoder: Any = self.encoder
        deep = encoder.forward_features(value)
        pooled = encoder.forward_head(deep, pre_logits=True).flatten(1)
        return Outputs(encoder.forward_head(deep), features=pooled)

    def train(self, mode: bool = True) -> Self:
        """As ever, but the norms of a pre-trained encoder are held."""
        super().train(mode)
        if self.pretrained:
            hold_norms(self.encoder)
        return self


def build(settings: TrainSettings, concepts: int, spec: InputSpec, load: bool) -> Classifier:
    """A classifier with the encoder and the weights that ``settings`` name.

    Raises:
        InvalidInput: the encoder is unknown, or the weights do not fit it.
        NetworkError: weights were asked for by name and cannot be fetched.

    """
    encoder = encoder_classifier(settings, concepts, load)
    pretrained = settings.weights != NONE
    if pretrained:
        freeze_early(encoder)
    return Classifier(encoder, spec.bit_depth, pretrained)


def begin(network: nn.Module, batches: Batches) -> None:
    """Fit the head of a pre-trained encoder before anything is trained."""
    assert isinstance(network, Classifier)
    if network.pretrained:
        probe(network.intake, network.encoder, batches)


def loss(outputs: Outputs, batch: Batch) -> Tensor:
    """Cross-entropy over the scores."""
    return cross_entropy(outputs.scores, batch.labels, batch.label_weights)
