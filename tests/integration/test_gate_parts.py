"""Which parts a gate counts, and how many parts of the line each stands for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from simulators.gate_plant import STATION, GatePlant, build, learn, onnx_of, silent, some_parts
from simulators.records import record

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.datasets import DatasetSpec
from andon.domain.feedback import Answer, Chosen, SendReason
from andon.domain.gates import CaseSource, GateLimits, GateRequest, Holdout, Purpose, is_held
from andon.domain.images import Image, ImageFilter
from andon.domain.inspections import Inspection, Verdict
from andon.jobs.gate import run_gate
from andon.services.datasets import freeze_dataset
from andon.services.gate_cases import Collected, Part, collect_parts, judged_parts
from andon.services.models import find_package
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe
from andon.services.workspaces import new_id, now
from andon.store import annotations as stored_annotations
from andon.store import feedback as stored_feedback
from andon.store import holdouts as stored_holdouts
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.store import reviews as stored_reviews

REQUEST = GateRequest("tiles@1", "tiles@2")


@pytest.fixture
def plant(tmp_path: Path) -> GatePlant:
    made = build(tmp_path)
    made.run(some_parts(160, seed=6))
    return made


def collected(
    plant: GatePlant, limits: GateLimits | None = None, other: GatePlant | None = None
) -> Collected:
    package = find_package(plant.workspace, find_recipe(plant.workspace, "tiles@1").package)
    candidate = replace(package, manifest=replace(package.manifest, snapshot=(other or plant).snapshot))
    return collect_parts(
        plant.workspace, replace(REQUEST, limits=limits or GateLimits()), candidate, package
    )


def of_line(found: Collected) -> list[Part]:
    return [part for part in found.parts if part.source in (CaseSource.HISTORY, CaseSource.AUDIT)]


def stopped(plant: GatePlant) -> list[Inspection]:
    """Parts that were rejected and whose pictures are here."""
    with plant.workspace.database.read() as tx:
        found = stored_inspections.with_pictures(tx, {"tiles"}, None, 1000).rows
    return [one for one in found if one.decision.verdict is Verdict.REJECT]


def came(plant: GatePlant, those: Sequence[Inspection], reason: SendReason, probability: float) -> None:
    chosen = [Chosen(new_id(), one.id, reason, now(), probability) for one in those]
    with plant.workspace.database.write() as tx:
        stored_feedback.add(tx, chosen, "station")


def without_pictures(plant: GatePlant, first: int, number: int) -> None:
    """As many rejects of which only the record came, from sequence ``first`` on."""
    made = find_recipe(plant.workspace, "tiles@1")
    which = {"recipe": made.name, "recipe_version": made.version, "package": made.package}
    told = [record(STATION, n, Verdict.REJECT, **which) for n in range(first, first + number)]
    with plant.workspace.database.write() as tx:
        stored_inspections.add(tx, told, "station")


def weights(plant: GatePlant, those: Sequence[Inspection]) -> set[float]:
    keys = {one.part for one in those}
    return {part.weight for part in collected(plant).parts if part.key in keys}


def test_rejects_that_came_by_a_draw_stand_for_those_that_did_not_come(plant: GatePlant) -> None:
    rejects = stopped(plant)
    assert weights(plant, rejects) == {1.0}, "a station that sends all"
    half = len(rejects) // 2
    by_chance, near = rejects[:half], rejects[half:]
    came(plant, by_chance, SendReason.AUDIT, 0.25)
    came(plant, near, SendReason.CONFUSED, 1.0)
    assert weights(plant, by_chance) == {1.0}, "all came, one way or the other"

    without_pictures(plant, 1000, half)
    assert weights(plant, by_chance) == {2.0}
    assert weights(plant, near) == {1.0}
    assert collected(plant).by_scores == len(near)
    without_pictures(plant, 5000, 20 * half)
    assert weights(plant, by_chance) == {4.0}, "at most one over the probability of the draw"


def test_a_gate_over_parts_that_came_for_their_scores_asks_twice(plant: GatePlant) -> None:
    better = plant.recipe("tiles", onnx_of(learn(plant.learned)))
    limits = GateLimits(latency_ratio=1000.0, memory_ratio=10.0)
    asked = GateRequest(better, "tiles@1", limits, reason="this machine may be busy")
    before = run_gate(plant.workspace, asked, silent).outcome
    came(plant, stopped(plant), SendReason.CONFUSED, 1.0)
    after = run_gate(plant.workspace, asked, silent).outcome

    once = "escapes, each part once"
    assert once not in {check.name for check in before.checks}
    assert once in {check.name for check in after.checks}
    assert "every part counted once" in " ".join(after.remarks)


def test_once_the_hard_ones_were_learned_only_parts_that_are_always_kept_count(plant: GatePlant) -> None:
    before = of_line(collected(plant))
    assert not all(is_held(part.key) for part in before)

    label(plant, [one.image for part in before[:40] for one in part.pictures])
    spec = DatasetSpec("line", ImageFilter(source=f"station/{STATION}"))
    taught = GatePlant(plant.workspace, freeze_dataset(plant.workspace, spec).snapshot.digest, [])
    found = collected(plant, other=taught)
    assert found.left_easier
    assert found.learned > 0
    assert of_line(found)
    assert all(is_held(part.key) for part in of_line(found))
    assert found.kept_apart == len(of_line(found))

    strict = collected(plant, GateLimits(margin=0.001), taught)
    assert not strict.left_easier
    assert len(of_line(strict)) == strict.kept_apart + strict.easier > found.kept_apart


def test_parts_that_chose_the_cuts_say_nothing_of_them(plant: GatePlant) -> None:
    package = find_package(plant.workspace, find_recipe(plant.workspace, "tiles@1").package)
    strict = replace(REQUEST, limits=GateLimits(margin=0.001))
    found = collect_parts(plant.workspace, strict, package, package, line_chose=True)
    assert of_line(found)
    assert all(is_held(part.key) for part in of_line(found) if part.truth is not None)
    assert found.easier > found.kept_apart > 0

    first = find_recipe(plant.workspace, "tiles@1")
    asked = RecipeRequest("tiles", first.package, first.cuts, line_chose=True)
    make_recipe(plant.workspace, asked)
    by_hand = replace(asked, cuts={name: replace(c, reject=0.9) for name, c in first.cuts.items()})
    make_recipe(plant.workspace, replace(by_hand, line_chose=False))
    limits = GateLimits(latency_ratio=1000.0, memory_ratio=10.0)
    for version in ("tiles@2", "tiles@3"):
        request = GateRequest(version, "tiles@1", limits, reason="this machine may be busy")
        outcome = run_gate(plant.workspace, request, silent).outcome
        assert any("chose the candidate's cuts" in remark for remark in outcome.remarks), version


def test_parts_that_another_recipe_judged_are_another_product(plant: GatePlant) -> None:
    assert of_line(collected(plant))
    package = find_package(plant.workspace, find_recipe(plant.workspace, "tiles@1").package)
    pans = replace(REQUEST, candidate="pans@1", baseline="pans@2")
    assert of_line(collect_parts(plant.workspace, pans, package, package)) == []
    both = replace(REQUEST, candidate="pans@1", baseline="tiles@1")
    assert of_line(collect_parts(plant.workspace, both, package, package)) == of_line(collected(plant))
    assert judged_parts(plant.workspace, "pans", 1000) == ()


def test_who_answered_stands_for_those_who_were_asked_in_vain(tmp_path: Path) -> None:
    answered, silent_too = build(tmp_path / "one"), build(tmp_path / "two")
    answered.run(some_parts(160, seed=6))
    silent_too.run(some_parts(160, seed=6), answers=0.5)

    def weighed(plant: GatePlant) -> dict[CaseSource, float]:
        parts = judged_parts(plant.workspace, "tiles", 1000)
        sources = {part.source for part in parts}
        return {one: sum(p.weight for p in parts if p.source is one) for one in sources}

    assert len(judged_parts(silent_too.workspace, "tiles", 1000)) < 0.7 * len(
        judged_parts(answered.workspace, "tiles", 1000)
    )
    assert weighed(silent_too) == pytest.approx(weighed(answered))


def label(plant: GatePlant, images: Sequence[Image]) -> None:
    said = (WholeImage(), AnnotationState.ACCEPTED, "mara", now())
    with plant.workspace.database.write() as tx:
        added = [Annotation(new_id(), 1, image.digest, "bright", *said) for image in images]
        stored_annotations.add(tx, added)


def test_what_rests_on_one_word_is_told_until_somebody_looks_again(plant: GatePlant) -> None:
    with plant.workspace.database.read() as tx:
        shown = stored_inspections.with_pictures(tx, {"tiles"}, None, 1000).rows
        said = stored_reviews.latest(tx, [one.id for one in shown])
    missed = [one for one in shown if one.id in said and said[one.id].answer is Answer.MISSED]
    assert collected(plant).one_word == len(missed) > 0
    with plant.workspace.database.read() as tx:
        (image,) = stored_images.by_digests(tx, [missed[0].image or ""]).values()  # type: ignore[list-item]
    label(plant, [image])
    assert collected(plant).one_word == len(missed) - 1


def test_a_part_is_good_only_when_every_picture_of_it_is_known(plant: GatePlant) -> None:
    (first, _), (second, _) = some_parts(2, seed=91)
    with plant.workspace.database.write() as tx:
        images = [plant._image(pixels, "two") for pixels in (first, second)]
        stored_images.add(tx, images, "folder", "mara", now())
        plant._label(tx, images[:1], [None])
        held = Holdout("serial=two", Purpose.GOLDEN, True, "agreed", "mara", now())
        stored_holdouts.add(tx, [held])

    def truth() -> tuple[str, ...] | None:
        (part,) = [part for part in collected(plant).parts if part.key == "serial=two"]
        return part.truth

    assert truth() is None
    with plant.workspace.database.write() as tx:
        plant._label(tx, images[1:], [None])
    assert truth() == ()
