"""Beginning at a model that was trained before: its weights, and its outputs by the names of concepts."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from andon.domain.models import InputSpec
from andon.domain.runs import Family, TrainSettings
from andon.errors import InvalidInput
from andon.training import checkpoints
from andon.training.models.families import FAMILIES
from andon.training.trained import TrainedModel, load

RARE = -2.0
"""Bias of an output that is new: a concept nobody has shown to the network is at first thought unlikely."""

Weights = Mapping[str, Tensor]


def begun(
    settings: TrainSettings, concepts: tuple[str, ...], spec: InputSpec, checkpoint: Path
) -> nn.Module:
    """A network for ``concepts`` with the weights of the model in ``checkpoint``.

    What does not belong to a single concept is taken as it is.  Of what does, the rows of concepts that
    both know are taken by name, and those of new concepts begin as in a fresh network, but unlikely.

    Raises:
        InvalidInput: the model is of another family, encoder or bit depth, or the file is damaged.
        NotFound: there is no such file.
    """
    model = load(checkpoint)
    _refuse_other_kind(model, settings, spec)
    network = FAMILIES[settings.family].build(settings, len(concepts), spec, False)
    own, old = network.state_dict(), checkpoints.read(checkpoint)["weights"]
    by_concept = _by_concept(settings, len(concepts), spec)
    taken = {
        key: _rows(own[key], old.get(key), (model.concepts, concepts))
        if key in by_concept
        else old.get(key, own[key])
        for key in own
    }
    _refuse_other_shapes(own, taken)
    network.load_state_dict(taken)
    return network


def _refuse_other_kind(model: TrainedModel, settings: TrainSettings, spec: InputSpec) -> None:
    theirs, ours = (
        (asked.family, "" if asked.family is Family.UNET else asked.encoder, taken.bit_depth)
        for asked, taken in ((model.settings, model.input), (settings, spec))
    )
    if theirs != ours:
        words = [
            f"{family} {encoder} for {bits} bits".replace("  ", " ")
            for family, encoder, bits in (theirs, ours)
        ]
        raise InvalidInput(
            f"the model to start from is {words[0]}, and this run trains {words[1]}",
            "Start from a model of the same kind, or train anew.",
        )


def _refuse_other_shapes(own: Weights, taken: Weights) -> None:
    for key, value in own.items():
        if taken[key].shape != value.shape:
            raise InvalidInput(
                f"weights {key} of the model to start from have the shape {tuple(taken[key].shape)}, "
                f"not {tuple(value.shape)}",
                "Start from a model that this version of Andon trained, or train anew.",
            )


def _by_concept(settings: TrainSettings, concepts: int, spec: InputSpec) -> frozenset[str]:
    """Weights with a row for each concept: those whose shape changes with the number of concepts."""
    build = FAMILIES[settings.family].build
    with torch.random.fork_rng(devices=[]):
        own = build(settings, concepts, spec, False).state_dict()
        wider = build(settings, concepts + 1, spec, False).state_dict()
    return frozenset(key for key, value in own.items() if wider[key].shape != value.shape)


def _rows(fresh: Tensor, old: Tensor | None, names: tuple[tuple[str, ...], tuple[str, ...]]) -> Tensor:
    """``fresh`` with the rows of ``old`` for the concepts that both lists (old, new) name."""
    before, after = names
    if old is None:
        # A model of one concept has no output that says which one it is; it always is that one.
        rows = torch.zeros_like(fresh)
        if fresh.ndim == 1:
            rows[[place for place, name in enumerate(after) if name in before]] = -RARE
        return rows
    rows = fresh.clone()
    for place, name in enumerate(after):
        if name in before:
            rows[place] = old[before.index(name)]
        elif fresh.ndim == 1:
            rows[place] = RARE
    return rows
