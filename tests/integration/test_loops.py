"""Plans and turns as rows: versions, one open turn a plan, jobs for workers, approvals and going on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from simulators.records import package, recipe, report
from simulators.told_stations import NEW, add_gate

from andon.blobs.locks import alone
from andon.domain.datasets import DatasetSpec
from andon.domain.jobs import JobKind, JobState
from andon.domain.loops import Ending, LoopPlan, Trigger, Turn, TurnEvent, TurnStep
from andon.domain.models import Costs
from andon.domain.presets import preset
from andon.domain.signals import SignalKind
from andon.errors import Conflict, InvalidInput, NotFound
from andon.services.approvals import approve
from andon.services.jobs import ago, claim_job, settle
from andon.services.loops import (
    find_plan,
    go_on,
    job_of_turn,
    lock_of,
    note,
    retry_turn,
    save_plan,
    start_turn,
    stop_turn,
    turn_needs,
    turn_page,
    versions_of_plan,
)
from andon.services.needs import needs
from andon.services.stations import take_report
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import loops as stored_loops
from andon.store import models, recipes

COSTS = Costs(100.0, 5.0, 1.0, 0.01)
PLAN = LoopPlan(
    "brackets",
    DatasetSpec("brackets"),
    preset("segment-tiny"),
    COSTS,
    stations=(("ST-1",),),
    triggers=(Trigger(SignalKind.NEW_LABELS, 50.0), Trigger(SignalKind.SCHEDULE, 168.0)),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    with made.database.write() as tx:
        models.add(tx, package(), "mara", now())
        recipes.add_version(tx, recipe(package()))
        models.add_attestation(tx, package().digest, "evaluation", {}, ("mara", now()))
    take_report(made, "ST-1", replace(report("ST-1"), alarms=()))
    yield made
    made.database.close()


def gated(workspace: Workspace) -> Turn:
    """A turn whose worker has come as far as the gate."""
    turn = start_turn(workspace, "brackets", "50 new labels")
    claimed = claim_job(workspace, "worker-1")
    assert claimed is not None and claimed.job.subject == turn.id
    steps = (
        (TurnStep.FROZEN, "f" * 64, ""),
        (TurnStep.TRAINED, package().digest, ""),
        (TurnStep.EVALUATED, package().digest, ""),
        (TurnStep.RECIPE, "brackets@1", ""),
        (TurnStep.GATED, "gate-1", "passed"),
    )
    found = note(workspace, turn, *steps)
    assert settle(workspace, claimed.claim, JobState.FINISHED, "It waits.")
    return found


def test_plans_are_versions_and_come_back_as_they_were_saved(workspace: Workspace) -> None:
    first = save_plan(workspace, PLAN)
    second = save_plan(workspace, replace(first, approves=True))
    assert (first.version, second.version, second.author) == (1, 2, "mara")
    assert find_plan(workspace, "brackets") == second
    assert find_plan(workspace, "brackets", 1) == first
    assert versions_of_plan(workspace, "brackets") == (second, first)
    with pytest.raises(NotFound, match="no loop plan 'tiles'"):
        find_plan(workspace, "tiles")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "a@b"}, "not usable"),
        ({"stations": (("ST-1",), ("ST-1",))}, "named twice"),
        ({"stations": ((),)}, "wave is empty"),
        ({"fine_tune": -1}, "not possible"),
        ({"fine_tune": 10, "train": preset("patches")}, "takes no steps"),
        ({"train": replace(PLAN.train, height=65)}, "65x64"),
        ({"triggers": PLAN.triggers * 2}, "two limits"),
    ],
)
def test_plans_that_cannot_be_are_refused(
    workspace: Workspace, change: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        save_plan(workspace, replace(PLAN, **change))


def test_a_turn_begins_with_what_runs_and_asks_a_worker(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    turn = start_turn(workspace, "brackets", "50 new labels")
    assert (turn.cause, turn.subject(TurnStep.STARTED)) == ("50 new labels", "brackets@1")
    job = job_of_turn(workspace, turn)
    assert job is not None
    assert (job.kind, job.state, dict(job.request)) == (JobKind.TURN, JobState.QUEUED, {"turn": turn.id})
    assert turn_page(workspace, None, 10).rows == (turn,)


def test_a_plan_has_one_open_turn(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    turn = start_turn(workspace, "brackets", "50 new labels")
    with pytest.raises(Conflict, match="has not ended"):
        start_turn(workspace, "brackets", "again")
    ended = stop_turn(workspace, turn.id[:18], "not now")
    assert ended.subject(TurnStep.ENDED) == Ending.STOPPED
    job = job_of_turn(workspace, turn)
    assert job is not None and job.state is JobState.CANCELLED
    with pytest.raises(Conflict, match="was ended meanwhile"):
        note(workspace, turn, (TurnStep.FROZEN, "f" * 64, ""))
    assert start_turn(workspace, "brackets", "again").id != turn.id


def test_a_turn_waits_for_its_approval_and_only_then_is_a_worker_asked_again(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    turn = gated(workspace)
    assert turn.waits and go_on(workspace) == ()
    (need,) = turn_needs(workspace)
    assert (need.link, need.wrong) == (f"/turns/{turn.id}", False)
    before = job_of_turn(workspace, turn)
    approve(workspace, package().digest, "its worst cases are harmless")
    again = job_of_turn(workspace, turn)
    assert before is not None and again is not None
    assert (again.state, again.id == before.id) == (JobState.QUEUED, False)
    assert turn_needs(workspace) == ()
    assert go_on(workspace) == (), "a worker is asked once"


def test_a_turn_whose_job_failed_stands_still_until_somebody_lets_it_go_on(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    turn = start_turn(workspace, "brackets", "50 new labels")
    claimed = claim_job(workspace, "worker-1")
    assert claimed is not None
    settle(workspace, claimed.claim, JobState.FAILED, "the disk is full")
    (need,) = turn_needs(workspace)
    assert need.wrong and "stands still" in need.what
    assert retry_turn(workspace, turn.id).state is JobState.QUEUED
    assert turn_needs(workspace) == ()


def test_a_turn_that_came_to_nothing_is_told_until_the_next_one(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    turn = start_turn(workspace, "brackets", "50 new labels")
    note(workspace, turn, (TurnStep.ENDED, Ending.REFUSED, "a must-catch part is missed"))
    (need,) = turn_needs(workspace)
    assert "a must-catch part is missed" in need.what
    start_turn(workspace, "brackets", "again")
    assert turn_needs(workspace) == ()


def left(workspace: Workspace, *steps: tuple[TurnStep, str], hours: float = 1.0) -> Turn:
    """A turn without a job, as a command line begins it, whose steps were made so long ago."""
    plan, at = save_plan(workspace, PLAN), ago(3600.0 * hours)
    turn = Turn(new_id(), plan.name, plan.version, "asked for by hand", "mara", at)
    with workspace.database.write() as tx:
        stored_loops.start_turn(tx, turn)
        for step, subject in ((TurnStep.STARTED, "brackets@1"), *steps):
            stored_loops.add_event(tx, TurnEvent(turn.id, step, subject, "", "mara", at))
        return stored_loops.turn(tx, turn.id)


GATED = ((TurnStep.TRAINED, package().digest), (TurnStep.RECIPE, "brackets@1"), (TurnStep.GATED, "gate-1"))


def test_a_turn_that_a_command_line_left_is_told_and_a_worker_goes_on_with_it(workspace: Workspace) -> None:
    turn = left(workspace)
    (need,) = turn_needs(workspace)
    assert need.wrong and need.what == "brackets: a turn stands still after the step started"
    assert [one.id for one in go_on(workspace)] == [turn.id]
    job = job_of_turn(workspace, turn)
    assert job is not None and job.state is JobState.QUEUED
    assert (go_on(workspace), turn_needs(workspace)) == ((), ()), "a worker is asked once"


def test_a_turn_that_a_command_line_works_on_is_left_to_it(workspace: Workspace) -> None:
    turn = left(workspace)
    with alone(lock_of(workspace, turn), "the turn"):
        assert (go_on(workspace), turn_needs(workspace)) == ((), ())
        with pytest.raises(Conflict, match="under way"):
            retry_turn(workspace, turn.id)
    assert retry_turn(workspace, turn.id).subject == turn.id


def test_a_turn_that_has_just_begun_is_not_taken_from_its_command_line(workspace: Workspace) -> None:
    left(workspace, hours=0.0)
    assert (go_on(workspace), turn_needs(workspace)) == ((), ())


def test_a_turn_that_a_command_line_left_before_its_approval_goes_on_with_it(workspace: Workspace) -> None:
    turn = left(workspace, *GATED, hours=0.0)
    (need,) = turn_needs(workspace)
    assert "waits for an approval" in need.what and go_on(workspace) == ()
    approve(workspace, package().digest, "its worst cases are harmless")
    job = job_of_turn(workspace, turn)
    assert job is not None and job.state is JobState.QUEUED


def test_a_turn_that_a_command_line_left_behind_a_release_goes_on_after_it(workspace: Workspace) -> None:
    turn = left(workspace, *GATED, (TurnStep.APPROVED, package().digest))
    (need,) = turn_needs(workspace)
    assert "can go on after the step approved" in need.what
    assert [one.id for one in go_on(workspace)] == [turn.id]


def add_newer(workspace: Workspace) -> None:
    """Beside what runs, which is approved, a model that was evaluated, and a recipe version for it."""
    approve(workspace, package().digest, "agreed")
    with workspace.database.write() as tx:
        models.add(tx, NEW, "mara", now())
        recipes.add_version(tx, recipe(NEW))
        models.add_attestation(tx, NEW.digest, "evaluation", {}, ("mara", now()))


def about_the_model(workspace: Workspace) -> list[str]:
    """What Overview says of the turn, its recipe or its model, each by the page it leads to."""
    links = ("/turns/", "/models/", "/releases/")
    return [need.link for need in needs(workspace) if need.link.startswith(links)]


def test_what_a_turn_waits_for_is_said_once(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    add_newer(workspace)
    assert about_the_model(workspace) == [f"/models/{NEW.digest}"], "evaluated, and nobody decided"
    with workspace.database.write() as tx:
        made = add_gate(tx, recipes.get(tx, "brackets", 2))
    assert [need.what for need in needs(workspace) if need.link == f"/models/{NEW.digest}"] == [
        "brackets@2 passed its gate and waits for an approval"
    ]
    turn = start_turn(workspace, "brackets", "50 new labels")
    trained = ((TurnStep.TRAINED, NEW.digest, ""), (TurnStep.EVALUATED, NEW.digest, ""))
    note(workspace, turn, *trained)
    assert about_the_model(workspace) == [], "the turn goes on with it"
    note(workspace, turn, (TurnStep.RECIPE, "brackets@2", ""), (TurnStep.GATED, made.id, "passed"))
    assert about_the_model(workspace) == [f"/turns/{turn.id}"]
    note(workspace, turn, (TurnStep.APPROVED, NEW.digest, ""))
    assert about_the_model(workspace) == [], "the turn releases it"
    note(workspace, turn, (TurnStep.ENDED, Ending.FAILED, "the disk is full"))
    assert about_the_model(workspace) == [f"/models/{NEW.digest}", f"/turns/{turn.id}"]


def test_a_model_that_a_turn_says_was_refused_waits_for_nobody(workspace: Workspace) -> None:
    save_plan(workspace, PLAN)
    add_newer(workspace)
    turn = start_turn(workspace, "brackets", "50 new labels")
    note(
        workspace, turn, (TurnStep.TRAINED, NEW.digest, ""), (TurnStep.ENDED, Ending.REFUSED, "missed one")
    )
    assert about_the_model(workspace) == [f"/turns/{turn.id}"]
