"""Training runs from start to end, on parts drawn on the spot."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from simulators import killed_training
from simulators.drawings import drawn, drawn_parts

from andon.domain.datasets import Split
from andon.domain.presets import preset
from andon.domain.runs import Family, MetricPoint, TrainSettings
from andon.errors import Conflict, InvalidInput, TrainingDiverged
from andon.training import checkpoints
from andon.training.export import export
from andon.training.loop import train
from andon.training.models.families import FAMILIES
from andon.training.samples import Sample
from andon.training.trained import TrainedModel, load, predict

ROOT = Path(__file__).parents[3]


def silent(point: MetricPoint, steps: int, seconds_left: float) -> None:
    pass


def trained(folder: Path, settings: TrainSettings, samples: list[Sample] | None = None) -> TrainedModel:
    return train(drawn_parts() if samples is None else samples, ("dent",), settings, folder, silent)


def weights(model: TrainedModel) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoints.read(model.checkpoint)["weights"]
    return found


def same(first: TrainedModel, second: TrainedModel) -> bool:
    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("family", list(Family))
def test_every_family_learns_to_tell_dents_from_clean_parts(family: Family, tmp_path: Path) -> None:
    model = trained(tmp_path, preset(f"{family}-tiny"))
    fresh = [drawn(1000 + i, Split.TEST, "dent" if i % 2 else None) for i in range(20)]
    predictions = predict(model, fresh)
    dents = [float(p.scores[0]) for p, s in zip(predictions, fresh, strict=True) if s.labels]
    clean = [float(p.scores[0]) for p, s in zip(predictions, fresh, strict=True) if not s.labels]
    ordered = sum(dent > part for dent in dents for part in clean) / (len(dents) * len(clean))
    assert ordered > 0.9
    if FAMILIES[family].stride is not None:
        inside = [
            p.maps[0] for p, s in zip(predictions, fresh, strict=True) if s.labels and p.maps is not None
        ]
        assert sum(float(m.max()) > 0.5 for m in inside) > 7


def test_progress_is_told_with_the_steps_and_the_time_left(tmp_path: Path) -> None:
    told: list[tuple[int, int, float]] = []

    def listen(point: MetricPoint, steps: int, seconds_left: float) -> None:
        told.append((point.step, steps, seconds_left))

    settings = replace(preset("classify-tiny"), steps=20)
    model = train(drawn_parts(), ("dent",), settings, tmp_path, listen)
    assert [step for step, _, _ in told] == list(range(1, 21))
    assert told[-1] == (20, 20, 0.0)
    assert all(left > 0 for _, _, left in told[:-1])
    assert {"loss", "stop_ap"} <= model.history[-1].values.keys()


def test_the_same_seed_gives_the_same_weights_and_the_same_file(tmp_path: Path) -> None:
    settings = replace(preset("segment-tiny"), steps=12)
    first, second = (
        trained(tmp_path / "1", settings),
        trained(tmp_path / "2", settings, drawn_parts()[::-1]),
    )
    other = trained(tmp_path / "3", replace(settings, seed=1))
    assert same(first, second)
    assert not same(first, other)
    export(first, tmp_path / "1.onnx")
    export(second, tmp_path / "2.onnx")
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()


@pytest.mark.parametrize("step", [7, 15])
def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_happened(step: int, tmp_path: Path) -> None:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    command = [sys.executable, killed_training.__file__, str(tmp_path / "killed"), str(step)]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / checkpoints.MODEL).exists()

    points: list[int] = []
    resumed = train(
        drawn_parts(),
        ("dent",),
        killed_training.SETTINGS,
        tmp_path / "killed",
        lambda p, n, s: points.append(p.step),
    )
    undisturbed = trained(tmp_path / "undisturbed", killed_training.SETTINGS)
    assert 1 < points[0] <= step
    assert same(resumed, undisturbed)
    assert [p.step for p in resumed.history] == [p.step for p in undisturbed.history]


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    settings = replace(preset("classify-tiny"), steps=10)
    first = trained(tmp_path, settings)
    told: list[int] = []
    again = train(drawn_parts(), ("dent",), settings, tmp_path, lambda p, n, s: told.append(p.step))
    assert not told
    assert same(first, again)


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    settings = replace(preset("classify-tiny"), steps=10)
    trained(tmp_path, settings)
    with pytest.raises(Conflict, match="other settings"):
        trained(tmp_path, replace(settings, seed=5))


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    settings = replace(preset("classify-tiny"), steps=10)
    trained(tmp_path, settings)
    state = tmp_path / checkpoints.STATE
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(InvalidInput, match=r"state\.pt"):
        trained(tmp_path, settings)


def test_minutes_become_steps_once(tmp_path: Path) -> None:
    settings = replace(preset("classify-tiny"), steps=None, minutes=0.05)
    model = trained(tmp_path, settings)
    assert model.steps >= 10
    assert trained(tmp_path, settings).steps == model.steps
    assert same(model, trained(tmp_path / "by-steps", replace(settings, steps=model.steps)))


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged, match="step"):
        trained(tmp_path, replace(preset("segment-tiny"), learning_rate=1e30))
    assert (tmp_path / checkpoints.STATE).exists()
    assert not (tmp_path / checkpoints.MODEL).exists()


def test_without_a_stop_group_the_last_weights_are_taken(tmp_path: Path) -> None:
    model = trained(tmp_path, replace(preset("classify-tiny"), steps=10), drawn_parts(stop=0))
    assert model.best_step == 10
    assert "last step" in model.chosen_by


def test_fewer_images_than_a_batch_are_drawn_more_than_once(tmp_path: Path) -> None:
    model = trained(tmp_path, replace(preset("segment-tiny"), steps=10), drawn_parts(train=2, stop=0))
    assert model.steps == 10


def test_labels_without_a_place_teach_the_score(tmp_path: Path) -> None:
    unplaced = [replace(s, masks={}, located=False) for s in drawn_parts()]
    model = trained(tmp_path, replace(preset("segment-tiny"), steps=80), unplaced)
    assert model.metrics["ap"] > 0.9
    assert "iou" not in model.metrics


def test_masks_alone_are_enough_without_clean_parts(tmp_path: Path) -> None:
    defects = [s for s in drawn_parts() if s.labels]
    model = trained(tmp_path, replace(preset("unet-tiny"), steps=30), defects)
    assert model.metrics["iou"] > 0.2


def test_a_model_is_read_back_as_it_was(tmp_path: Path) -> None:
    model = trained(tmp_path, replace(preset("segment-tiny"), steps=10))
    assert load(model.checkpoint) == model
