"""The state of a run: everything that decides how it goes on, and nothing else."""

import copy
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from andon.domain.runs import MetricPoint
from andon.errors import Conflict
from andon.training import checkpoints

WEIGHT_DECAY = 0.01


@dataclass(slots=True)
class State:
    """What changes during a run.

    Attributes:
        average: the network with the moving average of the weights: it is measured and shipped.
        step: optimiser steps done.
        steps: optimiser steps of the whole run; 0 until that is settled.
        seconds: wall time of the run so far, over all its starts.
        losses: since the last report.
        best_weights: of ``average`` when the stop group liked it most.

    """

    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    history: list[MetricPoint] = field(default_factory=list)
    best_step: int = 0
    best_value: float = -math.inf
    best_metrics: dict[str, float] = field(default_factory=dict)
    best_weights: dict[str, Tensor] = field(default_factory=dict)


def fresh(network: nn.Module) -> State:
    """The state before the first step. Biases and norms are not decayed (Goyal et al. 2017)."""
    network.to(memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    kept = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": kept, "weight_decay": 0.0}]
    return State(network, copy.deepcopy(network).eval(), torch.optim.AdamW(groups))


def save(state: State, folder: Path, key: str) -> None:
    """Write the whole state; ``key`` names the run.

    Raises:
        DiskFull: no space is left; the state saved before is kept.

    """
    content: dict[str, Any] = {
        "key": key,
        "network": state.network.state_dict(),
        "average": state.average.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "history": [
            {"step": p.step, "seconds": p.seconds, "values": dict(p.values)} for p in state.history
        ],
    }
    content |= {name: getattr(state, name) for name in _PLAIN}
    checkpoints.write(folder / checkpoints.STATE, content)


def restore(state: State, folder: Path, key: str) -> State:
    """Bring ``state`` to where the run in ``folder`` stopped.

    Raises:
        Conflict: the folder holds another run.
        InvalidInput: its state is damaged.

    """
    content = checkpoints.read(folder / checkpoints.STATE)
    if content["key"] != key:
        raise Conflict(
            f"{folder} holds a run with other settings or another data set",
            "Give each run a folder of its own.",
        )
    state.network.load_state_dict(content["network"])
    state.average.load_state_dict(content["average"])
    state.optimizer.load_state_dict(content["optimizer"])
    torch.set_rng_state(content["random"])
    state.history = [MetricPoint(**point) for point in content["history"]]
    for name in _PLAIN:
        setattr(state, name, content[name])
    return state


_PLAIN = ("step", "steps", "seconds", "losses", "best_step", "best_value", "best_metrics", "best_weights")
