"""A trained model: where its weights are and what it takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from andon.domain.models import InputSpec, OutputSpec, Resize
from andon.domain.runs import Augmentation, Family, MetricPoint, TrainSettings
from andon.training import checkpoints
from andon.training.evaluators import CHUNK, answer
from andon.training.models.families import FAMILIES
from andon.training.pool import picture_of
from andon.training.samples import Sample


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Result of a run.

    Attributes:
        checkpoint: file with the chosen weights.
        steps: optimiser steps of the run; with them the same settings give the same weights.
        best_step: after which step the chosen weights stood.
        chosen_by: what chose them, in words, e.g. ``"mean of ap and iou on the stop group"``.
        history: what was measured along the way.

    """

    checkpoint: Path
    settings: TrainSettings
    concepts: tuple[str, ...]
    input: InputSpec
    output: OutputSpec
    steps: int
    best_step: int
    chosen_by: str
    metrics: Mapping[str, float]
    history: tuple[MetricPoint, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Probabilities of one image from the trained network itself.

    Attributes:
        scores: (K,) float32.
        maps: (K, H / stride, W / stride) float32, None for families without maps.
        features: (F,) float32.

    """

    scores: NDArray[np.float32]
    maps: NDArray[np.float32] | None
    features: NDArray[np.float32] | None = None


def keep(trained: TrainedModel, weights: Mapping[str, torch.Tensor]) -> None:
    """Write the model with its weights to ``trained.checkpoint``."""
    facts = asdict(replace(trained, checkpoint=Path()))
    facts["checkpoint"] = ""
    facts["settings"]["family"] = str(trained.settings.family)
    facts["input"]["resize"] = str(trained.input.resize)
    checkpoints.write(trained.checkpoint, {"facts": facts, "weights": dict(weights)})


def load(checkpoint: Path) -> TrainedModel:
    """The model a run left behind.

    Raises:
        NotFound, InvalidInput: as :func:`checkpoints.read`.

    """
    facts = checkpoints.read(checkpoint)["facts"]
    given = facts["settings"]
    settings = TrainSettings(
        **{
            **given,
            "family": Family(given["family"]),
            "augmentation": Augmentation(**given["augmentation"]),
        }
    )
    taken = facts["input"]
    return TrainedModel(
        **{
            **facts,
            "checkpoint": checkpoint,
            "settings": settings,
            "input": InputSpec(**{**taken, "resize": Resize(taken["resize"])}),
            "output": OutputSpec(**facts["output"]),
            "history": tuple(MetricPoint(**point) for point in facts["history"]),
        }
    )


def network_of(trained: TrainedModel) -> nn.Module:
    """The trained network, ready to infer."""
    weights = checkpoints.read(trained.checkpoint)["weights"]
    plan = FAMILIES[trained.settings.family]
    network = plan.build(trained.settings, len(trained.concepts), trained.input, False)
    network.load_state_dict(weights)
    return network.eval()


def predict(trained: TrainedModel, samples: Sequence[Sample]) -> tuple[Prediction, ...]:
    """What the trained network itself says of ``samples``: the reference of a parity certificate.

    Raises:
        InvalidInput: an image does not have the form the model takes.

    """
    network = network_of(trained)
    found: list[Prediction] = []
    for start in range(0, len(samples), CHUNK):
        chunk = samples[start : start + CHUNK]
        images = [picture_of(s, s.read(), trained.input).image for s in chunk]
        outputs = answer(network, np.stack(images))
        scores, maps = outputs.probabilities()
        columns = [[None] * len(chunk) if c is None else list(c.numpy()) for c in (maps, outputs.features)]
        found += [Prediction(scores[i].numpy(), columns[0][i], columns[1][i]) for i in range(len(chunk))]
    return tuple(found)
