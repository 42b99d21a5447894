"""Weights to start from: a file that fits, and clear words for those that do not."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from andon.domain.presets import preset
from andon.errors import InvalidInput, NetworkError, NotFound
from andon.training.weights import encoder_classifier, encoder_features

TINY = preset("segment-tiny")
SHARED = Path(os.environ.get("ANDON_SHARED", Path(__file__).parents[4] / "shared"))


def given(path: Path) -> dict[str, torch.Tensor]:
    """A state dict of the tiny encoder, every value 0.25, written to ``path``."""
    state = {
        key: torch.full_like(value, 0.25)
        for key, value in timm.create_model(TINY.encoder).state_dict().items()
    }
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state}, path)
    return state


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_file_fills_the_encoder_and_leaves_the_classifier(name: str, tmp_path: Path) -> None:
    given(tmp_path / name)
    settings = replace(TINY, weights=str(tmp_path / name))
    features = dict(encoder_features(settings, True).named_parameters())
    assert all(bool((value == 0.25).all()) for value in features.values())
    whole = dict(encoder_classifier(settings, 3, True).named_parameters())
    assert whole["classifier.weight"].shape[0] == 3
    assert not bool((whole["classifier.weight"] == 0.25).any())
    assert bool((whole["conv_stem.weight"] == 0.25).all())


def test_weights_that_a_checkpoint_replaces_are_not_read() -> None:
    encoder_features(replace(TINY, weights="gone.safetensors"), False)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(NotFound, match=r"gone\.safetensors"):
        encoder_features(replace(TINY, weights="gone.safetensors"), True)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_file_that_holds_no_weights_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"not weights at all")
    with pytest.raises(InvalidInput, match=name):
        encoder_features(replace(TINY, weights=str(tmp_path / name)), True)


def test_keys_that_do_not_fit_are_named(tmp_path: Path) -> None:
    state = given(tmp_path / "w.safetensors")
    state.pop("conv_stem.weight")
    state["bn1.bias"] = torch.zeros(7)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InvalidInput, match=r"conv_stem\.weight is missing; bn1\.bias has the shape \(7,\)"):
        encoder_features(replace(TINY, weights=str(tmp_path / "w.safetensors")), True)


def test_an_unknown_encoder_is_named() -> None:
    with pytest.raises(InvalidInput, match="no encoder 'resnet1800'"):
        encoder_features(replace(TINY, encoder="resnet1800"), True)


def test_without_a_network_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NetworkError) as failure:
        encoder_features(replace(TINY, weights="imagenet"), True)
    assert "--weights FILE" in failure.value.todo


@pytest.mark.skipif(not (SHARED / "weights").is_dir(), reason="needs the shared weights file")
def test_the_shared_imagenet_weights_fit() -> None:
    file = str(SHARED / "weights" / "mobilenetv2_100.safetensors")
    settings = replace(preset("segment"), weights=file)
    assert encoder_features(settings, True).feature_info.reduction() == [2, 4, 8, 16, 32]  # type: ignore[union-attr,operator]
    with pytest.raises(InvalidInput, match="does not fit resnet18"):
        encoder_features(replace(settings, encoder="resnet18"), True)
