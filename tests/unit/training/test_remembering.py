"""The patch memory: what it holds, what it measures, and that it finds what clean images do not show."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from simulators.drawings import drawn

from andon.domain.datasets import Split
from andon.domain.models import ANOMALY
from andon.domain.presets import preset
from andon.errors import NotPossible
from andon.training import remembering
from andon.training.export import export
from andon.training.loop import train
from andon.training.models.patches import HALF, HIGHEST, STRIDE, PatchMemory
from andon.training.remembering import usual_distances
from andon.training.samples import Sample
from andon.training.trained import TrainedModel, network_of, predict

SETTINGS = preset("patches-tiny")
CLEAN = [drawn(i, Split.TRAIN, None) for i in range(8)]


def learnt(folder: Path, samples: list[Sample], seed: int = 0) -> TrainedModel:
    return train(samples, (ANOMALY,), replace(SETTINGS, seed=seed), folder, lambda *_: None)


def memory_of(model: TrainedModel) -> PatchMemory:
    network = network_of(model)
    assert isinstance(network, PatchMemory)
    return network


def images(samples: list[Sample]) -> torch.Tensor:
    return torch.from_numpy(np.stack([sample.read()[..., None] for sample in samples]))


def raw_distances(network: PatchMemory, image: torch.Tensor) -> torch.Tensor:
    """(N, h, w), by brute force in double precision, from the statement of the method."""
    with torch.inference_mode():
        stages = network.encoder(network.intake(image))
    size = (image.shape[1] // STRIDE, image.shape[2] // STRIDE)
    ones = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    found = []
    for stage in stages:
        wide = stage.double().flatten(0, 1)[:, None]
        count = F.conv2d(torch.ones_like(wide), ones, padding=1)
        smooth = (F.conv2d(wide, ones, padding=1) / count).view(stage.shape)
        found.append(F.interpolate(smooth, size=size, mode="bilinear", align_corners=False))
    features = torch.cat(found, dim=1).permute(0, 2, 3, 1)
    rows = (features - network.centre.double()) @ network.projection.double()
    memory = network.memory.double().T
    return (rows[..., None, :] - memory).norm(dim=-1).amin(dim=-1)


def test_every_clean_patch_lies_within_the_radius_that_the_run_states(tmp_path: Path) -> None:
    model = learnt(tmp_path, CLEAN)
    far = raw_distances(memory_of(model), images(CLEAN))
    assert float(far.max()) <= model.metrics["radius"] + 1e-4
    assert f"no patch further than {model.metrics['radius']:.3f}" in model.chosen_by


def test_a_bounded_memory_still_covers_every_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "ROWS", 40)
    monkeypatch.setattr(remembering, "CANDIDATES", 100)
    model = learnt(tmp_path, CLEAN)
    network = memory_of(model)
    assert network.memory.shape[1] == 40
    far = float(raw_distances(network, images(CLEAN)).max())
    assert far == pytest.approx(model.metrics["radius"], abs=1e-3)


def test_scores_and_maps_are_what_the_method_states(tmp_path: Path) -> None:
    model = learnt(tmp_path, CLEAN)
    network = memory_of(model)
    fresh = [drawn(100 + i, Split.TEST, "dent" if i % 2 else None) for i in range(6)]
    unusual = (raw_distances(network, images(fresh)) - network.usual) / network.spread
    values = F.avg_pool2d(unusual[:, None], 3, 1, padding=1, count_include_pad=False)[:, 0]
    highest = values.flatten(1).sort(dim=1, descending=True).values[:, :HIGHEST].mean(dim=1)

    def score(value: torch.Tensor) -> NDArray[np.float64]:
        above = (value - network.middle) / network.width - HALF
        found: NDArray[np.float64] = ((1 + above / (1 + above.abs())) / 2).numpy()
        return found

    found = predict(model, fresh)
    assert np.abs(np.stack([p.scores[0] for p in found]) - score(highest)).max() < 1e-3
    assert np.abs(np.stack([p.maps[0] for p in found if p.maps is not None]) - score(values)).max() < 1e-3


def test_a_projection_keeps_distances_and_stages_have_one_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "DIMENSIONS", 16)
    network = memory_of(learnt(tmp_path, CLEAN))
    image = images(CLEAN)
    with torch.inference_mode():
        stages = network.stages(image)
        features = network.joined(stages, image).flatten(0, 2)
    assert features.shape[1] > network.projection.shape[1] == 16
    parts = features.split([stage.shape[1] for stage in stages], dim=1)
    scaled = [part / part.var(dim=0).mean().sqrt() for part in parts]
    weighed = torch.cat(scaled, dim=1) / features.shape[1] ** 0.5
    projected = (features - network.centre) @ network.projection
    ratio = torch.pdist(projected) / torch.pdist(weighed)
    assert float(ratio.mean()) == pytest.approx(1, abs=0.1)
    assert float(ratio.std()) < 0.4


def test_usual_distances_take_away_what_the_border_does() -> None:
    random = torch.Generator().manual_seed(0)
    mean, deviation = torch.full((12, 16), 1.0), torch.full((12, 16), 0.1)
    mean[0], mean[-1], mean[:, 0], mean[:, -1] = 2.0, 2.0, 2.0, 2.0
    deviation[:, 0], deviation[:, -1], deviation[0], deviation[-1] = 0.4, 0.4, 0.4, 0.4
    usual, spread = usual_distances(mean + deviation * torch.randn(200, 12, 16, generator=random))
    fresh = mean + deviation * torch.randn(2000, 12, 16, generator=random)
    unusual = (fresh - usual) / spread
    inside = torch.zeros(12, 16, dtype=torch.bool)
    inside[2:-2, 2:-2] = True
    edge = torch.zeros_like(inside)
    edge[0] = edge[-1] = edge[:, 0] = edge[:, -1] = True
    for place in (inside, edge):
        assert abs(float(unusual[:, place].mean())) < 1.0
        assert 0.6 < float(unusual[:, place].std()) < 1.4


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    files = {}
    for name, samples, seed in (("1", CLEAN, 0), ("2", CLEAN[::-1], 0), ("3", CLEAN, 1)):
        export(learnt(tmp_path / name, samples, seed), tmp_path / f"{name}.onnx")
        files[name] = (tmp_path / f"{name}.onnx").read_bytes()
    assert files["1"] == files["2"] != files["3"]


def test_defects_among_the_images_are_not_remembered(tmp_path: Path) -> None:
    dents = [drawn(i, Split.TRAIN, "dent") for i in range(50, 55)]
    shown = [replace(s, labels=frozenset({ANOMALY}), masks={}, located=False) for s in dents]
    alone, among = learnt(tmp_path / "1", CLEAN), learnt(tmp_path / "2", CLEAN + shown)
    export(alone, tmp_path / "1.onnx")
    export(among, tmp_path / "2.onnx")
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()


def test_five_clean_images_are_enough_and_four_are_refused(tmp_path: Path) -> None:
    assert learnt(tmp_path / "5", CLEAN[:5]).metrics["radius"] >= 0
    with pytest.raises(NotPossible, match="holds 4 clean images, a patch memory needs 5"):
        learnt(tmp_path / "4", CLEAN[:4])


def test_images_of_one_part_and_equal_images_can_be_learnt(tmp_path: Path) -> None:
    one = [replace(sample, part="one") for sample in CLEAN]
    assert learnt(tmp_path / "part", one).steps == learnt(tmp_path / "parts", CLEAN).steps
    image = CLEAN[0].read()
    equal = [replace(sample, read=lambda: image) for sample in CLEAN]
    model = learnt(tmp_path / "equal", equal)
    clean, dent = predict(model, [equal[0], drawn(60, Split.TEST)])
    assert float(clean.scores[0]) < 0.5 < float(dent.scores[0])


@pytest.mark.parametrize("bits", [8, 16])
def test_colour_and_sixteen_bits_are_learnt_as_they_are(bits: int, tmp_path: Path) -> None:
    def coloured(sample: Sample) -> Sample:
        pixels = np.repeat(sample.read()[..., None], 3, axis=2)
        wide = pixels.astype(np.uint16) * 257 if bits == 16 else pixels
        return replace(sample, read=lambda: wide)

    model = learnt(tmp_path / "colour", [coloured(sample) for sample in CLEAN])
    grey = learnt(tmp_path / "grey", CLEAN)
    dent = drawn(60, Split.TEST)
    assert (model.input.channels, model.input.bit_depth) == (3, bits)
    score, wanted = predict(model, [coloured(dent)])[0].scores[0], predict(grey, [dent])[0].scores[0]
    assert float(score) == pytest.approx(float(wanted), abs=0.02)


def test_drawn_dents_are_told_from_clean_parts_without_trained_weights(tmp_path: Path) -> None:
    model = learnt(tmp_path, CLEAN)
    fresh = [drawn(1000 + i, Split.TEST, "dent" if i % 2 else None) for i in range(40)]
    found = [float(prediction.scores[0]) for prediction in predict(model, fresh)]
    dents, clean = found[1::2], found[::2]
    ordered = sum(dent > part for dent in dents for part in clean) / (len(dents) * len(clean))
    assert ordered > 0.95
