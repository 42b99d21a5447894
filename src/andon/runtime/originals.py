"""What a model from elsewhere says of a picture: its file in ONNX Runtime, everything else in NumPy.

This is the reference that a wrapped graph is compared with, and shares no code with ``wrapping``.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from andon.domain.model_imports import (
    Colour,
    Expected,
    ForeignInput,
    ForeignOutput,
    Gives,
    InputType,
    Layout,
    ModelImport,
    Values,
)
from andon.domain.models import InputSpec
from andon.errors import ParityFailed, Refused
from andon.runtime.engines.onnxruntime import Opened
from andon.runtime.foreign import ForeignGraph
from andon.runtime.parity import Reference
from andon.runtime.pixels import Pixels, fit
from andon.runtime.predictions import ROUNDING, Floats

Numbers = NDArray[np.float64]


class Original:
    """The file as it came, opened once.

    Args:
        foreign: checked.
        stated: its manifest.
        taken: what pictures of the data set are.
        threads: of the engine.

    Raises:
        ModelFailed: ONNX Runtime cannot open or run it.
    """

    def __init__(self, foreign: ForeignGraph, stated: ModelImport, taken: InputSpec, threads: int) -> None:
        self._foreign = foreign
        self._stated = stated
        self._taken = taken
        self._opened = Opened(foreign.content, threads)

    def outputs(self, pixels: Pixels, names: Sequence[str]) -> dict[str, Numbers]:
        """The outputs called ``names`` for one decoded picture, as the graph gives them."""
        batch = batch_of(fit(pixels, self._taken), self._stated.input)
        found = self._opened.run(names, {self._foreign.input: batch})
        return {name: np.asarray(values, np.float64) for name, values in zip(names, found, strict=True)}

    def reference(self, name: str, pixels: Pixels) -> Reference:
        """What the wrapped graph should give for the picture called ``name``.

        Raises:
            Refused: an output is NaN or infinite, or no probability where it is said to be one.
        """
        stated = self._stated
        raw = self.outputs(pixels, [output.name for output in stated.outputs])
        found = {output.name: _probabilities(output, raw[output.name], name) for output in stated.outputs}
        return Reference(name, pixels, _scores(stated, found), _maps(stated, found))

    def check(self, expected: Expected, pixels: Pixels) -> None:
        """Compare with what the model gave where it was trained.

        Raises:
            ParityFailed: it gives something else here: the manifest, the resize or the file is another.
        """
        found = self.outputs(pixels, [expected.output])[expected.output].ravel()
        wanted = np.array(expected.values)
        named = f"output {expected.output[:40]!r} on {expected.image[:80]}"
        if found.shape != wanted.shape:
            raise ParityFailed(f"{named} has {found.size} numbers here, {wanted.size} are expected")
        gap = np.abs(found - wanted)
        allowed = expected.tolerance * max(1.0, float(np.abs(wanted).max()))
        if not gap.max() <= allowed:
            worst = int(np.argmax(gap))
            raise ParityFailed(
                f"{named} differs from what is expected by {gap[worst]:.4g} (allowed {allowed:.4g}): "
                f"number {worst} is {found[worst]:.6g} here, {wanted[worst]:.6g} was expected",
                "Check colour, scale, mean, std and layout in the manifest, and how images are resized.",
            )


def batch_of(pixels: Pixels, stated: ForeignInput) -> NDArray[np.generic]:
    """One picture of network size, (H, W, C) in RGB order or grey, as the model wants it."""
    channels = stated.colour.channels
    planes = [pixels[:, :, min(number, pixels.shape[2] - 1)] for number in range(channels)]
    if stated.colour is Colour.BGR:
        planes.reverse()
    if stated.dtype is InputType.UINT8:
        ready = [np.asarray(plane, np.uint8) for plane in planes]
    else:
        means, divisors = stated.mean or (0.0,) * channels, stated.std or (1.0,) * channels
        kind = np.float16 if stated.dtype is InputType.FLOAT16 else np.float32
        ready = [
            ((plane.astype(np.float64) * stated.scale - mean) / divisor).astype(kind)
            for plane, mean, divisor in zip(planes, means, divisors, strict=True)
        ]
    axis = 0 if stated.layout is Layout.NCHW else 2
    return np.ascontiguousarray(np.stack(ready, axis=axis)[np.newaxis])


def _probabilities(output: ForeignOutput, raw: Numbers, image: str) -> Numbers:
    """(C,) or (C, h, w) in [0, 1]."""
    named = f"output {output.name[:40]!r} of the model on {image[:80]}"
    if not np.isfinite(raw).all():
        raise Refused(f"{named} is not finite (NaN or infinite)", "Repair the model where it was trained.")
    values = _canonical(output, raw)
    match output.values:
        case Values.PROBABILITIES:
            worst = float(values.flat[np.argmax(np.abs(values - 0.5))])
            if not -ROUNDING <= worst <= 1 + ROUNDING:
                raise Refused(
                    f"{named} gives {worst:.4g}, which is no probability",
                    "Say in the manifest what the values are: sigmoid, softmax or range.",
                )
            return values
        case Values.SIGMOID:
            return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))
        case Values.SOFTMAX:
            powers = np.exp(values - values.max(axis=0, keepdims=True))
            return np.asarray(powers / powers.sum(axis=0, keepdims=True))
        case Values.RANGE:
            return np.interp(values, [output.low or 0.0, output.high or 0.0], [0.0, 1.0])


def _canonical(output: ForeignOutput, raw: Numbers) -> Numbers:
    if output.gives is Gives.SCORES:
        return raw.ravel()
    if raw.ndim < 4:
        return raw.reshape(1, *raw.shape[-2:])
    return np.moveaxis(raw[0], 2, 0) if output.layout is Layout.NHWC else raw[0]


def _scores(stated: ModelImport, found: Mapping[str, Numbers]) -> Floats:
    scores = []
    for concept in stated.concepts:
        if concept.score is not None:
            scores.append(found[concept.score.output][concept.score.channel])
        elif concept.map is not None:
            scores.append(found[concept.map.output][concept.map.channel].max())
    return np.array(scores, np.float32)


def _maps(stated: ModelImport, found: Mapping[str, Numbers]) -> Floats | None:
    places = [concept.map for concept in stated.concepts if concept.map is not None]
    if not places:
        return None
    nowhere = np.zeros(found[places[0].output].shape[1:])
    maps = [nowhere if c.map is None else found[c.map.output][c.map.channel] for c in stated.concepts]
    return np.stack(maps).astype(np.float32)
