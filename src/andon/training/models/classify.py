"""Any timm encoder with one sigmoid per concept: an image may show several; clean is all of them low."""

from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import TrainSettings
from andon.training.batches import Batch
from andon.training.losses import cross_entropy
from andon.training.models.intake import Intake
from andon.training.models.outputs import Outputs
from andon.training.weights import encoder_classifier


class Classifier(nn.Module):
    """(N, H, W, C) unsigned integers -> :class:`Outputs` without maps."""

    def __init__(self, encoder: nn.Module, bit_depth: int) -> None:
        super().__init__()
        self.intake = Intake(bit_depth, standardise=False)
        self.encoder = encoder

    def forward(self, image: Tensor) -> Outputs:
        """See the class."""
        return Outputs(self.encoder(self.intake(image)), None)


def build(settings: TrainSettings, concepts: int, spec: InputSpec) -> Classifier:
    """A classifier with the encoder and the weights that ``settings`` name.

    Raises:
        InvalidInput: the encoder is unknown, or the weights do not fit it.
        NetworkError: weights were asked for by name and cannot be fetched.

    """
    return Classifier(encoder_classifier(settings, concepts), spec.bit_depth)


def loss(outputs: Outputs, batch: Batch) -> Tensor:
    """Cross-entropy over the scores."""
    return cross_entropy(outputs.scores, batch.labels, batch.label_weights)
