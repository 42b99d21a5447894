"""What the stop group is measured by."""

from dataclasses import replace

import torch
from simulators.drawings import SIZE, drawn, drawn_parts
from torch import Tensor, nn

from andon.domain.datasets import Split
from andon.domain.models import OutputSpec
from andon.domain.runs import Miss, TrainSettings
from andon.training.evaluators import MISSES, evaluate, worst_of
from andon.training.models.outputs import Outputs
from andon.training.pool import Pool
from andon.training.samples import Sample

OUTPUT = OutputSpec(("dent",), maps=True)
TWO = {"clean": frozenset[str](), "dented": frozenset({"dent"})}


class Bright(nn.Module):
    """Finds what is brighter than 150: on drawn parts, exactly the dents."""

    def forward(self, image: Tensor) -> Outputs:
        maps = (image.permute(0, 3, 1, 2).float() - 150) / 5
        return Outputs(maps.mean(dim=(2, 3)), maps)


def measured(samples: list[Sample]) -> dict[str, float]:
    pool = Pool(samples, TrainSettings(height=SIZE, width=SIZE))
    return dict(evaluate(Bright(), pool, range(len(samples)), OUTPUT).metrics)


def test_a_network_that_is_right_gets_full_marks() -> None:
    found = measured(drawn_parts(20, 0))
    assert found["ap"] > 0.999
    assert found["iou"] > 0.95


def test_what_is_not_defined_is_left_out() -> None:
    assert measured([drawn(i, Split.STOP, None) for i in range(3)]) == {}
    assert measured([drawn(i) for i in range(3)]).keys() == {"iou"}
    unplaced = [replace(s, masks={}, located=False) for s in drawn_parts(6, 0)]
    assert measured(unplaced).keys() == {"ap"}


def test_a_concept_is_certain_only_when_a_defect_is() -> None:
    none, some = torch.full((1, 1), -20.0), torch.full((1, 1), 20.0)
    which = torch.tensor([[20.0, -20.0]])
    assert Outputs(which, any_scores=none).probabilities()[0].max() < 1e-6
    scores, maps = Outputs(which, any_scores=some).probabilities()
    assert scores[0, 0] > 0.999
    assert scores[0, 1] < 0.001
    assert maps is None


def test_the_worst_images_are_told_with_score_and_truth() -> None:
    clean, dented = (replace(drawn(0), name=name, labels=labels) for name, labels in TWO.items())
    scores = [[0.9, 0.1], [0.2, 0.3]]
    assert worst_of([clean, dented], scores, ("dent", "scratch")) == (
        Miss("clean", "dent", 0.9, False),
        Miss("dented", "dent", 0.2, True),
    )
    many = [replace(clean, name=str(number)) for number in range(20)]
    worst = worst_of(many, [[number / 20] for number in range(20)], ("dent",))
    assert [miss.image for miss in worst] == [str(number) for number in range(19, 19 - MISSES, -1)]
