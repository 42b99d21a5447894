"""Beginning at a model that was trained before: what is taken over, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from simulators.drawings import drawn, drawn_parts

from andon.domain.datasets import Split
from andon.domain.models import InputSpec
from andon.domain.presets import fine_tuned, preset
from andon.domain.runs import Family, MetricPoint, TrainSettings
from andon.errors import InvalidInput
from andon.training import checkpoints
from andon.training.loop import train
from andon.training.models.families import FAMILIES
from andon.training.samples import Sample
from andon.training.starting import begun
from andon.training.trained import TrainedModel, network_of, predict

SPEC = InputSpec(64, 64, 1, 8)
BY_STEPS = [family for family, plan in FAMILIES.items() if plan.loss is not None]
"""A memory begins at no model."""


def silent(point: MetricPoint, steps: int, seconds_left: float) -> None:
    pass


def learned(
    folder: Path, settings: TrainSettings, concepts: tuple[str, ...], samples: list[Sample]
) -> TrainedModel:
    return train(samples, concepts, settings, folder, silent)


def both(train: int = 24) -> list[Sample]:
    """Dents, stains and clean parts; some of each stop the run."""
    stains = [drawn(500 + i, Split.TRAIN if i < 8 else Split.STOP, "stain") for i in range(10)]
    return [*drawn_parts(train), *stains]


def begin_with(folder: Path, model: TrainedModel) -> Path:
    folder.mkdir()
    (folder / checkpoints.START).write_bytes(model.checkpoint.read_bytes())
    return folder


@pytest.mark.parametrize("family", BY_STEPS)
def test_a_network_that_begins_at_a_model_says_what_the_model_says(family: Family, tmp_path: Path) -> None:
    settings = replace(preset(f"{family}-tiny"), steps=10)
    model = learned(tmp_path, settings, ("dent", "stain"), both())
    again = begun(settings, ("dent", "stain"), model.input, model.checkpoint)
    ours, theirs = again.state_dict(), network_of(model).state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize("family", BY_STEPS)
def test_a_new_kind_of_defect_adds_an_output_and_keeps_the_old_one_by_name(
    family: Family, tmp_path: Path
) -> None:
    settings = replace(preset(f"{family}-tiny"), steps=30)
    model = learned(tmp_path, settings, ("dent",), drawn_parts())
    wider = begun(settings, ("stain", "dent"), model.input, model.checkpoint).eval()
    images = torch.from_numpy(np.stack([drawn(900 + i, Split.TEST).read() for i in range(6)])[..., None])
    with torch.no_grad():
        before, _ = network_of(model)(images).probabilities()
        after, _ = wider(images).probabilities()
    assert after.shape == (6, 2)
    assert torch.allclose(after[:, 1], before[:, 0], atol=0.15)


def test_a_few_gentle_steps_teach_a_new_defect_and_forget_nothing(tmp_path: Path) -> None:
    model = learned(tmp_path / "1", preset("segment-tiny"), ("dent",), drawn_parts())
    asked = replace(fine_tuned(preset("segment-tiny"), "a" * 64), steps=40, learning_rate=2e-3)
    folder = begin_with(tmp_path / "2", model)
    second = learned(folder, asked, ("dent", "stain"), both())
    dents = [drawn(1000 + i, Split.TEST, "dent" if i % 2 else None) for i in range(12)]
    stains = [drawn(1100 + i, Split.TEST, "stain" if i % 2 else None) for i in range(12)]
    assert ordered(second, dents, 0) > 0.9
    assert ordered(second, stains, 1) > 0.9


def ordered(model: TrainedModel, samples: list[Sample], column: int) -> float:
    """Share of pairs in which the defective part scores higher."""
    found = [float(p.scores[column]) for p in predict(model, samples)]
    bad = [score for score, sample in zip(found, samples, strict=True) if sample.labels]
    good = [score for score, sample in zip(found, samples, strict=True) if not sample.labels]
    return sum(b > g for b in bad for g in good) / (len(bad) * len(good))


def test_a_fine_tune_gives_the_same_weights_again(tmp_path: Path) -> None:
    model = learned(tmp_path / "1", replace(preset("classify-tiny"), steps=10), ("dent",), drawn_parts())
    asked = replace(fine_tuned(preset("classify-tiny"), "a" * 64), steps=8)
    twice = [
        learned(begin_with(tmp_path / name, model), asked, ("dent",), drawn_parts()) for name in ("2", "3")
    ]
    first, second = (network_of(one).state_dict() for one in twice)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_model_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    model = learned(tmp_path, replace(preset("classify-tiny"), steps=2), ("dent",), drawn_parts())
    with pytest.raises(InvalidInput, match="start from is classify test_efficientnet for 8 bits"):
        begun(preset("segment-tiny"), ("dent",), SPEC, model.checkpoint)
    with pytest.raises(InvalidInput, match="and this run trains classify mobilenetv3_small_050"):
        other = replace(preset("classify-tiny"), encoder="mobilenetv3_small_050")
        begun(other, ("dent",), SPEC, model.checkpoint)
