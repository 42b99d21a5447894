"""What of a pre-trained encoder stays as it is: in short runs unlearning outweighs learning."""

from typing import Any

from torch import nn

EARLY = 4
"""Layers up to this reduction (edges, spots) keep their weights; they are also the dearest to train."""


def freeze_early(encoder: nn.Module) -> None:
    """Keep the weights of all layers up to the last one whose output is reduced at most ``EARLY`` times.

    ``encoder`` is a timm network, ``features_only`` or whole; one that starts coarser keeps nothing.
    """
    about: Any = getattr(encoder, "feature_info", [])
    rows = getattr(about, "info", about)
    early = [row["module"] for row in rows if row["reduction"] <= EARLY]
    parameters = list(encoder.named_parameters())
    last = max(
        (i for i, (key, _) in enumerate(parameters) for name in early if _belongs(key, name)), default=-1
    )
    for _, parameter in parameters[: last + 1]:
        parameter.requires_grad_(False)


def hold_norms(encoder: nn.Module) -> None:
    """Batch norms normalise with what they know instead of with the batch; to call after ``train()``."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _belongs(key: str, name: str) -> bool:
    """Whether a parameter is of a module; timm flattens ``stages.0`` to ``stages_0`` in some encoders."""
    return key.startswith((f"{name}.", f"{name.replace('.', '_')}."))
