"""Gates on a small plant, through packages, evaluation, recipes and rules as they are shipped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulators.gate_plant import (
    AUDIT,
    CONCEPTS,
    GatePlant,
    build,
    collapsed,
    learn,
    onnx_of,
    silent,
    some_parts,
)
from simulators.records import report

from andon.domain.datasets import DatasetSpec
from andon.domain.gates import (
    CaseSource,
    Gate,
    GateLimits,
    GateOutcome,
    GateRequest,
    Holdout,
    Purpose,
)
from andon.domain.images import ImageFilter
from andon.domain.jobs import JobKind
from andon.domain.models import Cuts
from andon.domain.recipes import HealthLimits
from andon.domain.runs import Run, RunState, TrainSettings
from andon.errors import Conflict, InvalidInput, NotFound, Refused
from andon.formats.pixels import image_digest
from andon.jobs.gate import run_gate
from andon.services.approvals import approve, is_approved
from andon.services.datasets import freeze_dataset
from andon.services.gate_cases import collect_parts
from andon.services.gates import (
    ask_gate,
    candidates,
    contest_of,
    find_gate,
    page_of_gates,
    usual_baseline,
    what_runs,
)
from andon.services.holdouts import hold_part, purposes_of
from andon.services.jobs import find_job
from andon.services.models import find_package
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe
from andon.services.stations import take_report
from andon.services.workspaces import new_id, now
from andon.store import holdouts as stored_holdouts
from andon.store import images as stored_images
from andon.store import runs as stored_runs
from andon.units import Digest
from andon.worker.kinds import do

PARTS = 400


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> GatePlant:
    made = build(tmp_path_factory.mktemp("gates"))
    made.run(some_parts(PARTS, seed=4))
    return made


@pytest.fixture(scope="module")
def honest(plant: GatePlant) -> str:
    """A better model: it has learned from all parts, the one that runs from 150 of them."""
    return plant.recipe("tiles", onnx_of(learn(plant.learned)))


def gate(plant: GatePlant, candidate: str, **changes: object) -> Gate:
    limits = GateLimits(latency_ratio=1000.0, memory_ratio=10.0)
    asked = GateRequest(candidate, "tiles@1", limits, reason="this machine may be busy")
    request = replace(asked, **changes)  # type: ignore[arg-type]
    return run_gate(plant.workspace, request, silent)


def failed(found: Gate) -> set[str]:
    return {check.name for check in found.outcome.checks if not check.passed}


def test_a_better_model_passes(plant: GatePlant, honest: str) -> None:
    found = gate(plant, honest)

    assert found.outcome.passed, failed(found)
    outcome = found.outcome
    assert outcome.escapes is not None
    assert outcome.escapes.better > outcome.escapes.worse
    assert outcome.escapes.net < outcome.escapes.upper < 0.05
    assert outcome.costs is not None
    assert outcome.costs[1] < outcome.costs[0]
    assert min(outcome.milliseconds) > 0
    assert min(outcome.memory) > 2**20
    assert find_gate(plant.workspace, found.id) == found
    assert page_of_gates(plant.workspace, None, 5, passed=True).rows[0] == found


def spoilt_by_noise(plant: GatePlant) -> str:
    """Two of five labels were turned round."""
    return plant.recipe("tiles", onnx_of(learn(plant.learned[:150], noise=0.4)))


def spoilt_order(plant: GatePlant) -> str:
    """Its outputs bear each other's names."""
    return plant.recipe("tiles", onnx_of(learn(plant.learned)), CONCEPTS[::-1])


def spoilt_by_int8(plant: GatePlant) -> str:
    """All weights were rounded to nothing."""
    return plant.recipe("tiles", collapsed(onnx_of(learn(plant.learned))))


@pytest.mark.parametrize(
    ("spoil", "reasons"),
    [
        (spoilt_by_noise, {"escapes", "good parts stopped"}),
        (spoilt_order, {"defects by their names"}),
        (spoilt_by_int8, {"good parts stopped", "escapes"}),
    ],
)
def test_a_spoiled_model_is_refused(
    plant: GatePlant, spoil: Callable[[GatePlant], str], reasons: set[str]
) -> None:
    found = gate(plant, spoil(plant))

    assert not found.outcome.passed
    assert failed(found) & reasons
    assert all(check.todo for check in found.outcome.checks if not check.passed)


def test_flips_come_with_pictures_new_escapes_first(plant: GatePlant) -> None:
    candidate = with_cuts(plant, Cuts(0.97, 0.98))
    outcome = gate(plant, candidate).outcome

    escapes = [case.new_escape for case in outcome.flips if case.source is not CaseSource.MUST_CATCH]
    assert escapes == sorted(escapes, reverse=True)
    assert any(escapes)
    assert all(case.images for case in outcome.flips)
    assert {case.part for case in outcome.flips if case.source is CaseSource.MUST_CATCH} == {
        f"serial=M-{number}" for number in range(8)
    }
    assert sum(sum(counts.values()) for counts in outcome.counts.values()) == 2 * outcome.parts


def with_cuts(plant: GatePlant, cuts: Cuts) -> str:
    """Another version of what runs: the same model, other cuts."""
    model = find_recipe(plant.workspace, "tiles@1").package
    made = make_recipe(plant.workspace, RecipeRequest("cuts", model, dict.fromkeys(CONCEPTS, cuts)))
    return f"cuts@{made['version']}"


def test_stored_findings_say_the_same_as_running_the_model(
    plant: GatePlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = with_cuts(plant, Cuts(0.2, 0.9))
    from_findings = gate(plant, candidate).outcome
    monkeypatch.setattr("andon.jobs.replay._again", lambda *_: None)
    by_the_model = gate(plant, candidate).outcome

    assert from_findings.counts == by_the_model.counts
    assert [(c.part, c.old, c.new) for c in from_findings.flips] == [
        (c.part, c.old, c.new) for c in by_the_model.flips
    ]
    assert from_findings.escapes == by_the_model.escapes


def test_records_of_a_recipe_that_looked_otherwise_do_not_stand_for_both(plant: GatePlant) -> None:
    """Both would refuse every picture as too dark; the station's recipe, of the same model, did not."""
    model = find_recipe(plant.workspace, "tiles@1").package
    refuses = RecipeRequest(
        "tiles", model, dict.fromkeys(CONCEPTS, Cuts(0.3, 0.9)), health=HealthLimits(0.9, 0.95)
    )
    other = replace(refuses, cuts=dict.fromkeys(CONCEPTS, Cuts(0.2, 0.8)))
    old, new = (f"tiles@{make_recipe(plant.workspace, one)['version']}" for one in (refuses, other))
    counts = gate(plant, new, baseline=old).outcome.counts[CaseSource.HISTORY]
    parts = sum(counts.values()) // 2
    assert counts == {"old NO-DECISION": parts, "new NO-DECISION": parts}


def test_what_nobody_judged_is_shown_and_not_counted(tmp_path: Path) -> None:
    plant = build(tmp_path)
    plant.run(some_parts(60, seed=6), answers=0.0)
    outcome = gate(plant, with_cuts(plant, Cuts(0.02, 0.03))).outcome

    assert outcome.unknown > 10
    assert any(case.truth is None and case.flipped for case in outcome.flips)
    assert outcome.escapes is not None
    assert outcome.escapes.parts == 120, "the golden set alone"
    assert "nobody has said" in " ".join(outcome.remarks)


def test_parts_the_candidate_has_learned_from_are_left_out(plant: GatePlant, honest: str) -> None:
    for pixels, _ in plant.learned[:6]:
        hold_part(plant.workspace, image_digest(pixels), Purpose.GOLDEN, "typical")
    outcome = gate(plant, honest).outcome
    assert "6 parts are left out, because the candidate has learned from them." in outcome.remarks


def test_must_catch_parts_are_asked_whatever_was_learned_and_whatever_is_gone(tmp_path: Path) -> None:
    plant = build(tmp_path)
    workspace = plant.workspace
    shown = [pixels for pixels, defect in plant.learned if defect]
    hold_part(workspace, image_digest(shown[0]), Purpose.MUST_CATCH, "the model knows it by heart")
    candidate = with_cuts(plant, Cuts(0.3, 0.9))
    known = gate(plant, candidate).outcome
    assert measured_of(known, "must-catch parts").startswith("0 of 9 pass")
    assert "1 must-catch parts are asked although" in " ".join(known.remarks)

    with workspace.database.write() as tx:
        key = "serial=taken-away"
        stored_holdouts.add(tx, [Holdout(key, Purpose.MUST_CATCH, True, "a complaint", "mara", now())])
        (image,) = stored_images.of_serials(tx, ["M-0"])
    workspace.blobs.path(image.blob).unlink()
    found = gate(plant, candidate)
    assert "must-catch parts" in failed(found)
    assert measured_of(found.outcome, "must-catch parts") == (
        "0 of 10 pass; 1 could not be judged: M-0; no picture is here of 1: taken-away"
    )
    assert "1 parts could not be judged at all" in " ".join(found.outcome.remarks)


def measured_of(outcome: GateOutcome, name: str) -> str:
    return next(check.measured for check in outcome.checks if check.name == name)


def test_parts_are_weighed_and_put_together(tmp_path: Path) -> None:
    plant = build(tmp_path)
    plant.run(some_parts(80, seed=6))
    good, defective = some_parts(2, seed=8)
    plant.hold([good], Purpose.GOLDEN, "twice")
    plant.hold([defective], Purpose.MUST_CATCH, "twice")
    package = find_package(plant.workspace, find_recipe(plant.workspace, "tiles@1").package)

    request = GateRequest("tiles@1", "tiles@2", history=15)
    found = collect_parts(plant.workspace, request, package, package)
    parts = {part.key: part for part in found.parts}
    twice = parts["serial=twice-0"]
    assert (twice.source, twice.weight, len(twice.pictures)) == (CaseSource.MUST_CATCH, 1.0, 2)
    assert twice.truth == (defective[1],)
    weights = {(part.source, part.weight) for part in found.parts if part.source is not CaseSource.GOLDEN}
    assert weights == {
        (CaseSource.MUST_CATCH, 1.0), (CaseSource.HISTORY, 1.0), (CaseSource.AUDIT, 1 / AUDIT),
    }  # fmt: skip
    assert sum(part.key.startswith("serial=L-") for part in found.parts) == 15
    assert found.more


def test_what_the_model_it_was_begun_with_has_learned_from_is_left_out_too(plant: GatePlant) -> None:
    """A fine-tune names a snapshot of its own."""
    workspace = plant.workspace
    first = find_package(workspace, find_recipe(workspace, "tiles@1").package)
    other, later = GatePlant(workspace, *later_snapshot(plant)), new_id()
    run = Run(later, other.snapshot, TrainSettings(start=first.digest), RunState.RUNNING, "mara", now())
    with workspace.database.write() as tx:
        stored_runs.start(tx, run)
    fine_tuned = other.package(onnx_of(learn(plant.learned[:40])), run=later)
    request = GateRequest("tiles@1", "tiles@2")

    def left_out(run_of: str | None) -> int:
        return collect_parts(workspace, request, replace(fine_tuned, run=run_of), first).learned

    digest = image_digest(plant.learned[0][0])
    if Purpose.GOLDEN not in held_for(plant, f"image={digest}"):
        hold_part(workspace, digest, Purpose.GOLDEN, "typical")
    assert left_out(later) > left_out(None) == 0


def later_snapshot(plant: GatePlant) -> tuple[Digest, list[tuple[np.ndarray, str | None]]]:
    """Of parts that nobody knew before."""
    parts = some_parts(8, seed=77)
    plant.add([(pixels, shown) for pixels, shown in parts], "later")
    spec = DatasetSpec("later", ImageFilter(source="later"))
    return freeze_dataset(plant.workspace, spec).snapshot.digest, parts


def held_for(plant: GatePlant, key: str) -> frozenset[Purpose]:
    with plant.workspace.database.read() as tx:
        return purposes_of(tx, key)


def test_a_candidate_without_a_baseline_is_asked_for_golden_and_must_catch_parts(plant: GatePlant) -> None:
    found = gate(plant, "tiles@1", baseline=None)
    assert {check.name for check in found.outcome.checks} == {
        "runs here", "must-catch parts", "golden set",
    }  # fmt: skip
    assert not found.outcome.passed
    assert found.outcome.milliseconds[0] == 0 < found.outcome.milliseconds[1]
    assert "nothing to compare it with" in " ".join(found.outcome.remarks)


def test_a_model_that_does_not_run_here_is_refused(plant: GatePlant, honest: str) -> None:
    made = find_recipe(plant.workspace, honest)
    graph = plant.workspace.packages / made.package / "model.onnx"
    content = graph.read_bytes()
    graph.write_bytes(content[:-7] + b"spoiled")
    try:
        found = gate(plant, honest)
    finally:
        graph.write_bytes(content)
    assert failed(found) == {"runs here"}


def test_what_cannot_be_compared_is_refused(plant: GatePlant) -> None:
    with pytest.raises(Conflict, match="compared with itself"):
        gate(plant, "tiles@1")
    with pytest.raises(NotFound):
        gate(plant, "nothing@1")


def test_limits_wider_than_usual_need_a_reason_that_is_shown(plant: GatePlant) -> None:
    candidate = with_cuts(plant, Cuts(0.25, 0.9))
    with pytest.raises(InvalidInput, match=r"need a reason: margin 1 instead of 0\.05"):
        gate(plant, candidate, limits=GateLimits(margin=1.0), reason=" ")
    strict = GateRequest(candidate, "tiles@1", GateLimits(margin=0.01, min_good=30))
    assert contest_of(plant.workspace, strict).request == strict
    wide = gate(plant, candidate, limits=GateLimits(min_defective=5), reason="a new product")
    (remark,) = [one for one in wide.outcome.remarks if "wider limits" in one]
    assert remark.endswith("(min defective 5 instead of 20), because: a new product")


def test_a_worker_does_it_once(plant: GatePlant) -> None:
    candidate = with_cuts(plant, Cuts(0.3, 0.9))
    job = ask_gate(plant.workspace, GateRequest(candidate, "tiles@1"))
    assert (job.kind, job.subject) == (JobKind.GATE, candidate)

    found = find_job(plant.workspace, job.id)
    first = do(plant.workspace, found, silent)
    assert first.startswith(("Passed: ", "Refused: "))
    assert do(plant.workspace, found, silent) == first
    assert find_gate(plant.workspace, job.id).request.candidate == candidate


def test_where_a_model_runs_the_next_is_approved_only_after_its_gate(tmp_path: Path) -> None:
    plant = build(tmp_path)
    workspace = plant.workspace
    first = find_recipe(workspace, "tiles@1")
    approve(workspace, first.package, "the first one: its evaluation is enough")
    assert what_runs(workspace) == candidates(workspace) == ()
    take_report(workspace, "ST-1", report("ST-1", recipe="tiles", recipe_version=1, package=first.package))
    better = plant.recipe("tiles", onnx_of(learn(plant.learned)))
    assert (what_runs(workspace), candidates(workspace)) == (("tiles@1",), (better,))
    assert usual_baseline(workspace, better) == "tiles@1"
    model = find_recipe(workspace, better).package

    with pytest.raises(Refused, match="no gate has compared"):
        approve(workspace, model, "it looks good")
    gate(plant, spoilt := plant.recipe("tiles", collapsed(onnx_of(learn(plant.learned)))))
    with pytest.raises(Refused, match=r"refused it .*good parts stopped"):
        approve(workspace, find_recipe(workspace, spoilt).package, "nobody can override this")
    assert gate(plant, better).outcome.passed
    approve(workspace, model, "the gate passed and its flips are harmless")
    assert is_approved(workspace, model)
    assert find_package(workspace, model).digest == model
