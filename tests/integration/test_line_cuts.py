"""Cuts from what people judged on the line, where it shows other parts than the calibration group does."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulators.gate_plant import CONCEPTS, COSTS, GatePlant, build, learn, onnx_of, some_parts

from andon.analysis.cuts import expected_cost, verdicts
from andon.analysis.parts import fold
from andon.domain.gates import is_held
from andon.domain.inspections import Verdict
from andon.domain.models import Cuts, Package
from andon.formats.pixels import decode
from andon.runtime.execution import REFERENCE
from andon.runtime.package import load_package
from andon.runtime.scoring import score_images
from andon.services.evaluations import suggested_cuts
from andon.services.gate_cases import Part, judged_parts
from andon.services.line_cuts import SLACK, cheapest_on_line
from andon.services.models import find_package
from andon.services.recipes import find_recipe

FAINT = (24, 44)
"""Defects of the line are fainter than those that were collected."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatePlant]:
    made = build(tmp_path_factory.mktemp("plant"))
    made.run(some_parts(400, seed=7, strengths=FAINT))
    yield made
    made.workspace.database.close()


def candidate(plant: GatePlant) -> Package:
    name = plant.recipe("next", onnx_of(learn(plant.learned)))
    return find_package(plant.workspace, find_recipe(plant.workspace, name).package)


def cost_on_fresh_parts(plant: GatePlant, package: Package, cuts: dict[str, Cuts]) -> float:
    parts = some_parts(600, seed=8, strengths=FAINT)
    graph = load_package(plant.workspace.packages / package.digest).graph
    images = [(f"{number:03}", pixels) for number, (pixels, _) in enumerate(parts)]
    scores = [one.prediction.scores for one in score_images(graph, images, REFERENCE)]
    truth = [[shown == concept for concept in CONCEPTS] for _, shown in parts]
    table = fold([name for name, _ in images], CONCEPTS, np.stack(scores), truth)
    return expected_cost(verdicts(table, cuts), table.defective, COSTS)


def test_cuts_from_the_line_cost_less_there(plant: GatePlant) -> None:
    package = candidate(plant)
    found = cheapest_on_line(plant.workspace, package, COSTS)
    assert found is not None
    usual = dict(suggested_cuts(plant.workspace, package))
    theirs = cost_on_fresh_parts(plant, package, dict(found.cuts))
    assert theirs < 0.9 * cost_on_fresh_parts(plant, package, usual)


def test_no_more_escape_than_the_line_let_whatever_an_escape_costs(tmp_path: Path) -> None:
    plant = build(tmp_path)
    plant.run(some_parts(400, seed=9))
    package = candidate(plant)
    graph = load_package(plant.workspace.packages / package.digest).graph
    parts = [p for p in judged_parts(plant.workspace, 1000) if p.truth and not p.one_word]
    images = [
        (p.key, decode(plant.workspace.blobs.get(one.image.blob))) for p in parts for one in p.pictures
    ]
    scores = {one.name: one.prediction.scores for one in score_images(graph, images, REFERENCE)}

    def escaping(cuts: Mapping[str, Cuts]) -> float:
        lowest = np.array([cuts[concept].review for concept in CONCEPTS])
        return sum(part.weight for part in parts if (scores[part.key] < lowest).all())

    def passed(part: Part) -> bool:
        return part.pictures[0].inspection.decision.verdict is Verdict.PASS  # type: ignore[union-attr]

    let = sum(part.weight for part in parts if passed(part))
    slack = SLACK * sum(part.weight for part in parts)
    cheap = replace(COSTS, escape=12.0, review=4.0)
    found = cheapest_on_line(plant.workspace, package, cheap)
    assert found is not None
    assert found.is_safe
    assert escaping(found.cuts) <= let + slack
    careless = cheapest_on_line(plant.workspace, package, replace(cheap, escape=0.01))
    assert careless is not None
    assert not careless.is_safe
    assert "more of them escape" in careless.words
    plant.workspace.database.close()


def test_no_part_that_gates_keep_is_asked(plant: GatePlant) -> None:
    parts = judged_parts(plant.workspace, 1000)
    assert parts
    assert not any(is_held(part.key) for part in parts)
    keys = {part.key for part in parts}
    assert not any(key.startswith(("serial=G-", "serial=M-")) for key in keys)
    found = cheapest_on_line(plant.workspace, candidate(plant), COSTS)
    assert found is not None
    assert found.defective == sum(bool(part.truth) and not part.one_word for part in parts)
    assert found.good == sum(part.truth == () for part in parts)


def test_too_few_parts_choose_nothing(tmp_path: Path) -> None:
    few = build(tmp_path)
    few.run(some_parts(60, seed=7, strengths=FAINT))
    assert cheapest_on_line(few.workspace, candidate(few), COSTS) is None
    few.workspace.database.close()
