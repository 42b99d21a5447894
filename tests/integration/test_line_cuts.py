"""Cuts from what people judged on the line, where it shows other parts than the calibration group does."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulators.gate_plant import CONCEPTS, COSTS, GatePlant, build, learn, onnx_of, silent, some_parts

from andon.analysis.cuts import expected_cost, verdicts
from andon.analysis.parts import fold
from andon.domain.gates import is_held
from andon.domain.inspections import Verdict
from andon.domain.models import Costs, Cuts, Package
from andon.domain.recipes import HealthLimits
from andon.formats.pixels import decode
from andon.runtime.execution import REFERENCE
from andon.runtime.package import load_package
from andon.runtime.scoring import score_images
from andon.services.evaluations import suggested_cuts
from andon.services.gate_cases import Part, judged_parts
from andon.services.line_cuts import (
    SLACK,
    LineCuts,
    _Allowed,
    _Asked,
    _for_all_labelled,
    _passed,
    cheapest_on_line,
)
from andon.services.models import find_package
from andon.services.recipes import RecipeRequest, find_recipe

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


def chosen(plant: GatePlant, package: Package, costs: Costs = COSTS, **more: Any) -> LineCuts | None:
    """For the next version of what the line judged with; the model has learned from none of it."""
    request = RecipeRequest("tiles", package.digest, cuts={}, **more)
    return cheapest_on_line(plant.workspace, request, costs, silent)


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
    found = chosen(plant, package)
    assert found is not None
    usual = dict(suggested_cuts(plant.workspace, package))
    theirs = cost_on_fresh_parts(plant, package, dict(found.cuts))
    assert theirs < 0.9 * cost_on_fresh_parts(plant, package, usual)


def test_no_more_escape_than_the_line_let_whatever_an_escape_costs(tmp_path: Path) -> None:
    plant = build(tmp_path)
    plant.run(some_parts(400, seed=9))
    package = candidate(plant)
    graph = load_package(plant.workspace.packages / package.digest).graph
    parts = [p for p in judged_parts(plant.workspace, "tiles", 1000) if p.truth and not p.one_word]
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
    slack = max(SLACK * sum(part.weight for part in parts), 1.0)
    cheap = replace(COSTS, escape=12.0, review=4.0)
    found = chosen(plant, package, cheap)
    assert found is not None
    assert found.is_safe
    assert escaping(found.cuts) <= let + slack
    careless = chosen(plant, package, replace(cheap, escape=0.01))
    assert careless is not None
    assert not careless.is_safe
    assert "more of them escape" in careless.words
    plant.workspace.database.close()


def test_no_part_that_gates_keep_is_asked(plant: GatePlant) -> None:
    parts = judged_parts(plant.workspace, "tiles", 1000)
    assert parts
    assert not any(is_held(part.key) for part in parts)
    keys = {part.key for part in parts}
    assert not any(key.startswith(("serial=G-", "serial=M-")) for key in keys)
    found = chosen(plant, candidate(plant))
    assert found is not None
    assert found.defective == sum(bool(part.truth) and not part.one_word for part in parts)
    assert found.good == sum(part.truth == () for part in parts)


def test_another_recipes_parts_choose_nothing(plant: GatePlant) -> None:
    package = candidate(plant)
    request = RecipeRequest("pans", package.digest, cuts={})
    assert cheapest_on_line(plant.workspace, request, COSTS, silent) is None


def test_what_the_recipe_does_not_look_at_chooses_nothing(plant: GatePlant) -> None:
    """A picture that is too dark for the recipe says nothing of the model's cuts."""
    package, seen = candidate(plant), chosen(plant, candidate(plant))
    assert seen is not None
    assert chosen(plant, package, health=HealthLimits(dark=0.9)) is None
    asked = []
    cheapest_on_line(
        plant.workspace, RecipeRequest("tiles", package.digest, {}), COSTS,
        lambda done, total, _: asked.append((done, total)),
    )  # fmt: skip
    assert asked[-1] == (seen.defective + seen.good,) * 2, "somebody who waits sees how far it is"


def test_one_escape_that_stands_for_many_buys_no_other_and_one_wrong_word_is_granted() -> None:
    table = fold([f"{n:02}" for n in range(60)], ["bright"], np.linspace(0, 1, 60)[:, None], [[True]] * 60)
    heavy, let = np.ones(60), np.zeros(60, bool)
    heavy[0], let[0] = 300.0, True
    allowed = _Allowed.of(table.defective, heavy, let)
    for escape, holds in ((2, True), (3, False), (28, False)):
        lowest = float(table.scores[escape, 0])
        assert allowed.holds(table, {"bright": Cuts(lowest, lowest)}) == holds, escape
    nothing = _Allowed.of(table.defective, np.ones(60), np.zeros(60, bool))
    for escape, holds in ((1, True), (2, False)):
        lowest = float(table.scores[escape, 0])
        assert nothing.holds(table, {"bright": Cuts(lowest, lowest)}) == holds, escape


def test_labelled_parts_of_a_kind_stand_for_all_of_it(plant: GatePlant) -> None:
    parts = [part for part in judged_parts(plant.workspace, "tiles", 1000) if part.truth]
    passed = [part for part in parts if _passed(part)]
    stopped = [part for part in parts if not _passed(part)]
    assert len(passed) > 2 < len(stopped)
    calibrates = {passed[0].key, *(part.key for part in stopped[:2])}

    def sums(asked: list[_Asked]) -> tuple[float, float]:
        return tuple(sum(a.weight for a in asked if a.passed is one) for one in (True, False))  # type: ignore

    everything = sum(part.weight for part in passed), sum(part.weight for part in stopped)
    assert sums(_for_all_labelled(parts, calibrates)) == pytest.approx(everything)
    without = sums(_for_all_labelled(parts, {part.key for part in stopped[:2]}))
    assert without == pytest.approx((0.0, sum(everything))), "they stand for the truth, if not for the kind"
    assert _for_all_labelled(parts, set()) == []


def test_too_few_parts_choose_nothing(tmp_path: Path) -> None:
    few = build(tmp_path)
    few.run(some_parts(60, seed=7, strengths=FAINT))
    assert chosen(few, candidate(few)) is None
    few.workspace.database.close()
