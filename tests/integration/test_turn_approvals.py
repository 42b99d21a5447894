"""Turns whose gate does not count any more: another version of the recipe has come to run since."""

from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from simulators.records import package, recipe, report
from simulators.told_stations import NEW, add_gate
from typer.testing import CliRunner

from andon.cli.main import app
from andon.domain.datasets import DatasetSpec
from andon.domain.gates import Gate, GateLimits
from andon.domain.jobs import JobState
from andon.domain.loops import LoopPlan, Turn, TurnStep
from andon.domain.models import Costs, Package
from andon.domain.presets import preset
from andon.domain.promises import Promise, PromiseWish
from andon.errors import Refused
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.jobs.turn import do_turn
from andon.services.approvals import approvals_of, approve, withdraw
from andon.services.jobs import claim_job, settle
from andon.services.loops import find_turn, go_on, job_of_turn, note, save_plan, start_turn, turn_needs
from andon.services.scores import EVALUATION
from andon.services.stations import take_report
from andon.services.turn_approvals import standing
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import gates, models, recipes

PLAN = LoopPlan(
    "brackets", DatasetSpec("brackets"), preset("segment-tiny"), Costs(100.0, 5.0, 1.0, 0.01), approves=True
)
THIRD = package("third")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A version of the recipe for each of three models; ST-1 runs the first, other stations tiles."""
    made, _ = create_workspace(tmp_path / "ws", "mara")
    with made.database.write() as tx:
        for model in (package(), NEW, THIRD):
            models.add(tx, model, "mara", now())
            models.add_attestation(tx, model.digest, EVALUATION, {}, ("mara", now()))
            recipes.add_version(tx, recipe(model))
        tiles = package("tiles")
        models.add(tx, tiles, "mara", now())
        recipes.add_version(tx, replace(recipe(tiles), name="tiles"))
    for station in ("ST-2", "ST-3"):
        runs(made, tiles, 1, station=station, name="tiles")
    runs(made, package(), 1)
    yield made
    made.database.close()


def runs(
    workspace: Workspace, model: Package, version: int, station: str = "ST-1", name: str = "brackets"
) -> None:
    said = report(station, recipe=name, recipe_version=version, package=model.digest)
    take_report(workspace, station, replace(said, at=now(), alarms=()))


def gated(workspace: Workspace, against: str, passed: bool = True, version: int = 3) -> Gate:
    """A gate of the third version, within the limits of the plan."""
    with workspace.database.write() as tx:
        return add_gate(tx, recipes.get(tx, "brackets", version), passed, against)


def turned(workspace: Workspace, version: int = 3) -> Turn:
    """A turn whose worker has come as far as the gate against what ran then; another version runs now."""
    turn = start_turn(workspace, "brackets", "50 new labels")
    steps = (
        (TurnStep.FROZEN, "f" * 64, ""),
        (TurnStep.TRAINED, THIRD.digest, ""),
        (TurnStep.EVALUATED, THIRD.digest, ""),
        (TurnStep.RECIPE, f"brackets@{version}", ""),
        (TurnStep.GATED, gated(workspace, "@1", version=version).id, "passed 12 checks on 100 parts"),
    )
    found = note(workspace, turn, *steps)
    runs(workspace, NEW, 2)
    work(workspace, turn)
    return find_turn(workspace, found.id)


def work(workspace: Workspace, turn: Turn) -> None:
    """A worker does what can be done of a turn."""
    claimed = claim_job(workspace, "worker-1")
    assert claimed is not None and claimed.job.subject == turn.id
    do_turn(workspace, turn.id, lambda done, total, text: None)
    assert settle(workspace, claimed.claim, JobState.FINISHED, "It waits.")


def told(workspace: Workspace, turn: Turn) -> str:
    """What the turn's page says."""
    with TestClient(create_app(Settings(workspace.folder)), base_url="http://127.0.0.1:8400") as hub:
        return unescape(hub.get(f"/turns/{turn.id}").text)


@pytest.mark.parametrize("approves", [True, False], ids=["by the plan", "by a person"])
def test_a_turn_says_which_gate_is_missing_since_another_version_runs(
    workspace: Workspace, approves: bool
) -> None:
    save_plan(workspace, replace(PLAN, approves=approves))
    turn = turned(workspace)
    assert turn.waits
    with pytest.raises(Refused) as refusal:
        approve(workspace, THIRD.digest, "its flips are harmless")
    why, todo = refusal.value.message, refusal.value.todo
    assert "brackets@2 runs, and no gate has compared" in why
    assert "`andon gates run brackets@3 --baseline brackets@2`" in todo
    (need,) = turn_needs(workspace)
    assert why in need.what and todo in need.todo and "approve its model" not in need.todo
    ran = CliRunner().invoke(app, ["-w", str(workspace.folder), "loop", "run", "brackets", "--once"])
    assert f"It waits: {why}. {todo}" in ran.stderr
    page = told(workspace, turn)
    assert why in page and todo in page and "Approve the model" not in page
    assert "/gates?candidate=brackets%403&baseline=brackets%402#compare" in page


def test_a_plan_that_approves_goes_on_once_the_newer_gate_has_passed(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    turn = turned(workspace)
    assert go_on(workspace) == (), "it stands before a gate"
    gated(workspace, "@2", passed=False)
    assert go_on(workspace) == () and "its gate against brackets@2 refused it" in told(workspace, turn)
    newer = gated(workspace, "@2")
    assert "a worker goes on with the turn in a minute" in told(workspace, turn)
    assert [one.id for one in go_on(workspace)] == [turn.id]
    assert turn_needs(workspace) == ()
    work(workspace, turn)
    (approval,) = approvals_of(workspace, THIRD.digest)
    assert approval.reason.startswith(f"gate {newer.id[:13]} passed, and plan 'brackets'")
    assert find_turn(workspace, turn.id).subject(TurnStep.APPROVED) == THIRD.digest


def test_a_person_approves_once_the_newer_gate_has_passed(workspace: Workspace) -> None:
    save_plan(workspace, replace(PLAN, approves=False))
    turn = turned(workspace)
    gated(workspace, "@2")
    assert go_on(workspace) == ()
    (need,) = turn_needs(workspace)
    assert "approve its model" in need.todo and "Approve the model" in told(workspace, turn)
    approve(workspace, THIRD.digest, "its flips are harmless")
    job = job_of_turn(workspace, turn)
    assert job is not None and job.state is JobState.QUEUED


def test_a_gate_with_wider_limits_than_the_plans_is_for_a_person_to_look_at(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    turn = turned(workspace)
    made = gated(workspace, "@2")
    wide = replace(made.request, limits=GateLimits(margin=0.5), reason="a hurry")
    with workspace.database.write() as tx:
        gates.add(tx, replace(made, id=new_id(), request=wide))
    assert standing(workspace, turn).refused is None and go_on(workspace) == ()
    assert "Approve the model" in told(workspace, turn)


@pytest.mark.parametrize(("costs", "goes_on"), [((100.0, 101.0), False), ((100.0, 100.0), True)])
def test_what_is_dearer_than_what_runs_is_for_a_person_to_look_at(
    workspace: Workspace, costs: tuple[float, float], goes_on: bool
) -> None:
    """A person's gate allows it, the plan does not."""
    save_plan(workspace, PLAN)
    turn = turned(workspace)
    made = gated(workspace, "@2")
    with workspace.database.write() as tx:
        gates.add(tx, replace(made, id=new_id(), outcome=replace(made.outcome, costs=costs)))
    assert standing(workspace, turn).refused is None
    assert bool(standing(workspace, turn).gate) == goes_on


def test_a_newer_gate_does_not_overrule_the_person_who_withdrew(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    runs(workspace, THIRD, 3)
    approve(workspace, THIRD.digest, "its flips are harmless")
    withdraw(workspace, THIRD.digest, "it passes scratches on the edge")
    turn = turned(workspace)
    gated(workspace, "@2")
    assert turn.waits and go_on(workspace) == ()
    assert "Approve the model" in told(workspace, turn)


PROMISE = Promise(PromiseWish(0.4, 0.9), 9, 9, 0, 0.2, "onnxruntime/f32")


def promised(workspace: Workspace, kept: bool) -> int:
    """What runs promises an escape rate; gives the third model's version that does, too, or does not."""
    with workspace.database.write() as tx:
        ran = recipes.add_version(tx, replace(recipe(package()), promise=PROMISE))
        own = recipes.add_version(tx, replace(recipe(THIRD), promise=PROMISE if kept else None))
    runs(workspace, package(), ran.version)
    return own.version


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
def test_a_plan_does_not_approve_by_itself_what_lost_its_promise(workspace: Workspace, kept: bool) -> None:
    """Its gate has passed, so that a person can approve it."""
    save_plan(workspace, replace(PLAN, stations=(("ST-1",),)))
    version = promised(workspace, kept)
    turn = turned(workspace, version)
    assert turn.waits
    gate = gated(workspace, "@2", version=version)
    stands = standing(workspace, turn)
    assert (stands.refused, stands.gate) == (None, gate if kept else None)
    assert [one.id for one in go_on(workspace)] == ([turn.id] if kept else [])
    assert ("Approve the model" in told(workspace, turn)) is not kept
    if kept:
        return
    do_turn(workspace, turn.id, lambda done, total, text: None)
    assert approvals_of(workspace, THIRD.digest) == ()
    approve(workspace, THIRD.digest, "its promise is not needed here")
    job = job_of_turn(workspace, turn)
    assert job is not None and job.state is JobState.QUEUED


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
def test_a_plan_does_not_release_what_lost_its_promise_though_its_model_was_approved(
    workspace: Workspace, kept: bool
) -> None:
    runs(workspace, THIRD, 3)
    approve(workspace, THIRD.digest, "its flips are harmless")
    save_plan(workspace, replace(PLAN, stations=(("ST-1",),)))
    turn = turned(workspace, promised(workspace, kept))
    said = "nobody has looked at the promise that ends with it; release it by hand"
    assert any(said in event.detail for event in turn.events) is not kept, [e.detail for e in turn.events]
