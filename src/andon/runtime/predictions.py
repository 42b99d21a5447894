"""What a graph says about an image, checked before anybody believes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.domain.models import InputSpec, OutputSpec
from andon.errors import Refused

Floats = NDArray[np.float32]

ROUNDING = 1e-3
"""How far outside [0, 1] arithmetic may take a probability."""


class ModelFailed(Refused):
    """The engine stopped, or gave numbers that are no probabilities (NaN, infinite, wrong shape)."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the graph says about one image.

    Attributes:
        scores: (K,) float32 in [0, 1], concepts in manifest order.
        maps: (K, h, w) float32 in [0, 1], or None; may share memory with the engine until its next run.
        features: (F,) float32, where they were asked for and the graph gives them; memory likewise.
    """

    scores: Floats
    maps: Floats | None
    features: Floats | None = None


def believed(outputs: Sequence[Floats], taken: InputSpec, given: OutputSpec) -> Prediction:
    """Turn an engine's outputs for one image into a prediction.

    Args:
        outputs: scores (1, K), when stated maps (1, K, h, w), and, when asked for, features (1, F).
        taken: what the graph takes; with the stride it says how large maps are.
        given: what the graph gives.

    Raises:
        ModelFailed: a shape is not the stated one, or a value is not finite or no probability.
    """
    concepts = len(given.concepts)
    scores = _probabilities("scores", outputs[0], (1, concepts))
    features = _features(outputs[-1], given) if len(outputs) > 1 + given.maps else None
    if not given.maps:
        return Prediction(scores, None, features)
    sides = (taken.height // given.map_stride, taken.width // given.map_stride)
    return Prediction(scores, _probabilities("maps", outputs[1], (1, concepts, *sides)), features)


def _probabilities(name: str, values: Floats, shape: tuple[int, ...]) -> Floats:
    if values.shape != shape:
        raise ModelFailed(f"the model gave {name} of shape {values.shape}, stated was {shape}")
    # NaN passes through min and max and makes the comparison false.
    if not (values.min() >= -ROUNDING and values.max() <= 1 + ROUNDING):
        raise ModelFailed(
            f"the model gave {name} that are no probabilities (NaN, infinite or out of range)"
        )
    one: Floats = values[0]
    return one


def _features(values: Floats, given: OutputSpec) -> Floats:
    if values.shape != (1, given.features):
        raise ModelFailed(f"the model gave features of shape {values.shape}, stated was {given.features}")
    if not np.isfinite(values).all():
        raise ModelFailed("the model gave features that are not finite")
    one: Floats = values[0]
    return one
