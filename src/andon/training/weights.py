"""Encoders and the weights they start from: by name (timm's download), from a file, or none."""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from andon.domain.runs import TrainSettings
from andon.errors import InvalidInput, NetworkError, NotFound
from andon.training.quiet import quiet

IMAGENET = "imagenet"
NONE = "none"

NAMED = 3
"""How many keys an error names."""


def encoder_features(settings: TrainSettings, load: bool) -> nn.Module:
    """An encoder that gives a list of feature maps, finest first, each (N, C, H / r, W / r).

    Raises:
        InvalidInput: unknown encoder, one without feature maps, or weights that do not fit.
        NetworkError: the download failed.

    """
    return _encoder(settings, {"features_only": True}, load)


def encoder_stages(settings: TrainSettings, load: bool, reductions: Sequence[int]) -> nn.Module:
    """As :func:`encoder_features`, with the maps of ``reductions`` alone, and no layer after the last.

    Of an encoder that has none of them all maps are given.
    """
    with torch.device("meta"):
        whole: Any = _encoder(replace(settings, weights=NONE), {"features_only": True}, load=False)
    found = whole.feature_info.reduction()
    stages = [place for place, reduction in enumerate(found) if reduction in reductions]
    form = {"out_indices": tuple(stages)} if stages else {}
    return _encoder(settings, {"features_only": True, **form}, load)


def encoder_classifier(settings: TrainSettings, concepts: int, load: bool) -> nn.Module:
    """An encoder with pooling and a linear layer: (N, 3, H, W) -> (N, concepts). Raises as its sister."""
    return _encoder(settings, {"num_classes": concepts}, load)


def _encoder(settings: TrainSettings, form: dict[str, Any], load: bool) -> nn.Module:
    if not timm.is_model(settings.encoder):
        raise InvalidInput(
            f"timm knows no encoder {settings.encoder!r}", "Its list is on timm's model pages."
        )
    load = load and settings.weights != NONE
    if load and settings.weights != IMAGENET:
        path = Path(settings.weights)
        _check_fit(settings.encoder, path)
        form = {**form, "pretrained_cfg_overlay": {"file": str(path)}}
    try:
        with quiet("timm.models._builder"):
            model: nn.Module = timm.create_model(settings.encoder, pretrained=load, **form)
    except OSError as cause:
        raise NetworkError(
            f"the ImageNet weights of {settings.encoder} could not be fetched",
            "Give a file with --weights FILE, or start without: --weights none.",
        ) from cause
    except (RuntimeError, AttributeError, TypeError) as cause:
        raise InvalidInput(f"the encoder {settings.encoder} cannot be used here: {cause}") from cause
    return model


def _check_fit(encoder: str, path: Path) -> None:
    """Every weight of the encoder, the classifier's aside, is in the file with its shape."""
    found = _read(path)
    with torch.device("meta"):
        wanted = timm.create_model(encoder, pretrained=False)
    about: dict[str, Any] = wanted.pretrained_cfg  # type: ignore[assignment]
    classifier = about.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    wrong = [
        f"{key} {'is missing' if key not in found else 'has the shape ' + str(tuple(found[key].shape))}"
        for key, tensor in wanted.state_dict().items()
        if not key.startswith(tuple(f"{head}." for head in heads))
        and (key not in found or found[key].shape != tensor.shape)
    ]
    if wrong:
        more = f", and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise InvalidInput(
            f"{path.name} does not fit {encoder}: {'; '.join(wrong[:NAMED])}{more}",
            "Give the weights of the encoder named by --encoder.",
        )


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise NotFound(f"there is no weights file {path}", "Use --weights FILE, imagenet or none.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as cause:
        raise InvalidInput(f"{path.name} is not a safetensors or pth state dict") from cause
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise InvalidInput(f"{path.name} holds no state dict of tensors")
    return dict(state)
