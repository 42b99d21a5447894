"""The list of families: to add one is to write its file and to name it here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import Family, TrainSettings
from andon.training.batches import Batch, Batches
from andon.training.models import classify, patches, segment, unet
from andon.training.models.outputs import Outputs


@dataclass(frozen=True, slots=True)
class Plan:
    """How a family is built and judged.

    Attributes:
        build: settings, number of concepts, what goes in, and whether to load the weights that are named
            (not when those of a checkpoint follow).
        loss: of the outputs on a batch, a scalar; None for the family that learns without steps, see
            :mod:`andon.training.remembering`.
        begin: what is done to a fresh network before the first step, given batches; None for nothing.
        stride: input pixels per map pixel; None for families without maps.
        dense: whether it is made of dense convolutions, which gain from bfloat16; depthwise ones lose.

    """

    build: Callable[[TrainSettings, int, InputSpec, bool], nn.Module]
    loss: Callable[[Outputs, Batch], Tensor] | None
    stride: int | None
    dense: bool = False
    begin: Callable[[nn.Module, Batches], None] | None = None


FAMILIES: Mapping[Family, Plan] = {
    Family.UNET: Plan(unet.build, unet.loss, unet.STRIDE, dense=True),
    Family.SEGMENT: Plan(segment.build, segment.loss, segment.STRIDE),
    Family.CLASSIFY: Plan(classify.build, classify.loss, None, begin=classify.begin),
    Family.PATCHES: Plan(patches.build, None, patches.STRIDE),
}
