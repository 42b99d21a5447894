"""Whole turns of the loop: to a release, to a person who approves, to a gate that refuses, and kill -9."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from journeys.conftest import SIDE, Plant, andon, must
from simulators.records import report

from andon.domain.approvals import ApprovalDecision
from andon.domain.datasets import DatasetSpec, Split
from andon.domain.gates import Purpose
from andon.domain.images import ImageFilter
from andon.domain.jobs import JobState
from andon.domain.loops import Ending, LoopPlan, Turn, TurnStep
from andon.domain.models import Costs
from andon.domain.parts import part_key
from andon.domain.releases import Release
from andon.domain.runs import Run
from andon.domain.stations import StationReport
from andon.errors import Conflict, NotPossible
from andon.jobs.turn import do_turn
from andon.services.approvals import approvals_of, approve, withdraw
from andon.services.datasets import load_snapshot
from andon.services.holdouts import hold_part
from andon.services.jobs import claim_job, settle
from andon.services.loops import (
    find_turn,
    go_on,
    release_of,
    save_plan,
    start_turn,
    stop_turn,
    turn_needs,
)
from andon.services.recipes import find_recipe, versions_of
from andon.services.releases import stop
from andon.services.selections import list_selections, make_selection
from andon.services.stations import take_report
from andon.services.workspaces import Workspace, now, open_workspace
from andon.store import gates as stored_gates
from andon.store import images as stored_images
from andon.store import loops as stored_loops
from andon.store import releases as stored_releases
from andon.store import runs as stored_runs

TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])}
STRICTER = Costs(escape=900.0, overkill=2.0, review=1.0, defect_rate=0.02)
"""Other costs than the model was evaluated with: other cuts, and so another version of the recipe."""

ALL = list(TurnStep)


def silent(done: int, total: int | None, text: str) -> None:
    pass


@pytest.fixture(scope="session")
def approved(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plant's workspace with an approved model that runs on ST-1, and golden parts for gates."""
    root = tmp_path_factory.mktemp("approved")
    shutil.copytree(plant.folder, root / "ws")
    golden = ("--count", "24", "--seed", "8", "--start", "5000", "--size", SIDE, "--defect-rate", "0.5")
    must(andon("simulate", root / "golden", *golden))
    must(andon("-w", root / "ws", "images", "import", root / "golden", "--source", "golden"))
    made = open_workspace(root / "ws", "mara")
    with made.database.read() as tx:
        images = stored_images.page(tx, ImageFilter(source="golden"), None, 100).rows
    for part in sorted({part_key(image) for image in images}):
        hold_part(made, part, Purpose.GOLDEN, "a boundary case")
    approve(made, find_recipe(made, "brackets@1").package, "it is the first one")
    take_report(made, "ST-1", running(made, 1))
    made.database.close()
    return root / "ws"


@pytest.fixture
def workspace(approved: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(approved, tmp_path / "ws")
    made = open_workspace(tmp_path / "ws", "mara")
    yield made
    made.database.close()


def running(workspace: Workspace, version: int) -> StationReport:
    model = find_recipe(workspace, f"brackets@{version}").package
    said = report("ST-1", recipe="brackets", recipe_version=version, package=model)
    return replace(said, at=now(), started_at=now())


def planned(workspace: Workspace, **changes: object) -> LoopPlan:
    """Trained as the plant's model was: the training is found finished, and nothing takes long."""
    spec = DatasetSpec("brackets", ImageFilter(source="parts"))
    made = LoopPlan("brackets", spec, all_runs(workspace)[-1].settings, STRICTER, stations=(("ST-1",),))
    # Sixteen steps make a model that knows nothing: what is tried here is the way, not the limits.
    few = replace(made.gate, min_defective=3, min_good=3, latency_ratio=50.0, memory_ratio=50.0)
    lenient = replace(few, margin=1.0, overkill_margin=1.0, review_margin=1.0, cost_ratio=50.0)
    return save_plan(workspace, replace(made, gate=lenient, **changes))


def all_runs(workspace: Workspace) -> tuple[Run, ...]:
    with workspace.database.read() as tx:
        return stored_runs.page(tx, None, 100).rows


def all_releases(workspace: Workspace) -> tuple[Release, ...]:
    with workspace.database.read() as tx:
        return stored_releases.page(tx, None, 100).rows


def turned(workspace: Workspace, **changes: object) -> Turn:
    planned(workspace, **changes)
    turn = start_turn(workspace, "brackets", "asked for by hand", by_worker=False)
    return do_turn(workspace, turn.id, silent)


def steps(turn: Turn) -> list[TurnStep]:
    return [event.step for event in turn.events]


def test_where_the_plan_allows_it_a_turn_goes_all_the_way_to_the_stations(workspace: Workspace) -> None:
    turn = turned(workspace, approves=True)
    assert (steps(turn), turn.subject(TurnStep.ENDED)) == (ALL, Ending.RELEASED), turn.events[-1].detail
    assert turn.subject(TurnStep.STARTED) == "brackets@1"
    assert turn.subject(TurnStep.RECIPE) == "brackets@2"
    assert len(all_runs(workspace)) == 1, "what was trained already is not trained again"
    sent = release_of(workspace, "brackets@2")
    assert sent is not None
    assert (sent.id, sent.stations) == (turn.subject(TurnStep.RELEASED), ("ST-1",))
    assert (sent.gate, sent.author) == (turn.subject(TurnStep.GATED), "mara")


def test_otherwise_it_waits_for_a_person_and_goes_on_after(workspace: Workspace) -> None:
    package = find_recipe(workspace, "brackets@1").package
    planned(workspace)
    turn = start_turn(workspace, "brackets", "asked for by hand", by_worker=False)
    withdraw(workspace, package, "to see whether the turn waits")
    waiting = do_turn(workspace, turn.id, silent)
    assert waiting.waits and not waiting.ended
    assert any("waits for an approval" in need.what for need in turn_needs(workspace))
    assert do_turn(workspace, turn.id, silent).events == waiting.events, "looking again changes nothing"
    assert all_releases(workspace) == ()
    with pytest.raises(Conflict, match="has not ended"):
        start_turn(workspace, "brackets", "once more")
    approve(replace(workspace, who="ada"), package, "the flips are harmless")
    ended = do_turn(workspace, turn.id, silent)
    assert ended.subject(TurnStep.ENDED) == Ending.RELEASED
    decided = ended.of(TurnStep.APPROVED)
    assert decided is not None and decided.detail == "by ada: the flips are harmless"
    assert turn_needs(workspace) == ()


def test_a_plan_does_not_approve_what_a_person_withdrew(workspace: Workspace) -> None:
    package = find_recipe(workspace, "brackets@1").package
    planned(workspace, approves=True)
    turn = start_turn(workspace, "brackets", "asked for by hand", by_worker=False)
    withdraw(workspace, package, "it passes scratches on the edge")
    waiting = do_turn(workspace, turn.id, silent)
    assert waiting.waits and not waiting.ended
    assert approvals_of(workspace, package)[-1].decision is ApprovalDecision.WITHDRAWN
    assert all_releases(workspace) == ()
    approve(replace(workspace, who="ada"), package, "only on the old light")
    assert do_turn(workspace, turn.id, silent).subject(TurnStep.ENDED) == Ending.RELEASED


def test_a_turn_that_died_after_its_selection_was_made_does_not_make_another(
    workspace: Workspace, plant: Plant, tmp_path: Path
) -> None:
    shutil.copytree(plant.fresh, tmp_path / "fresh")
    names = [str(path.relative_to(tmp_path / "fresh")) for path in (tmp_path / "fresh").rglob("*.png")]
    (tmp_path / "fresh" / "manifest.csv").write_text("\n".join(["path", *names]))
    must(andon("-w", workspace.folder, "images", "import", tmp_path / "fresh", "--source", "fresh"))
    plan = planned(workspace, approves=True)
    turn = start_turn(workspace, "brackets", "asked for by hand", by_worker=False)
    made = make_selection(workspace, plan.selection, key=turn.id)
    ended = do_turn(workspace, turn.id, silent)
    assert ended.subject(TurnStep.SELECTED) == made.id, ended.events[-1].detail
    assert len(list_selections(workspace, None, 10).rows) == 1


def test_new_cuts_of_a_model_that_is_approved_already_are_not_released_unseen(workspace: Workspace) -> None:
    ended = turned(workspace)
    assert (ended.subject(TurnStep.ENDED), all_releases(workspace)) == (Ending.MADE, ())
    released = ended.of(TurnStep.RELEASED)
    assert released is not None and "release it by hand" in released.detail


def test_a_gate_that_refuses_ends_the_turn_with_the_reason_and_releases_nothing(
    workspace: Workspace,
) -> None:
    before = approvals_of(workspace, find_recipe(workspace, "brackets@1").package)
    plan = planned(workspace, approves=True)
    save_plan(workspace, replace(plan, gate=replace(plan.gate, min_defective=5000)))
    turn = start_turn(workspace, "brackets", "asked for by hand", by_worker=False)
    ended = do_turn(workspace, turn.id, silent)
    assert steps(ended)[-2:] == [TurnStep.GATED, TurnStep.ENDED]
    assert ended.subject(TurnStep.ENDED) == Ending.REFUSED
    gated = ended.of(TurnStep.GATED)
    assert gated is not None and gated.detail.startswith("refused: defective parts")
    assert "allowed: at least 5000" in ended.events[-1].detail
    assert all_releases(workspace) == ()
    assert approvals_of(workspace, find_recipe(workspace, "brackets@1").package) == before
    assert any("refused by the gate" in need.what for need in turn_needs(workspace))


def test_the_same_data_and_costs_give_the_same_and_the_turn_says_so(workspace: Workspace) -> None:
    turned(workspace, approves=True)
    take_report(workspace, "ST-1", running(workspace, 2))
    again = start_turn(workspace, "brackets", "once more", by_worker=False)
    ended = do_turn(workspace, again.id, silent)
    assert ended.subject(TurnStep.ENDED) == Ending.SAME
    assert len(versions_of(workspace, "brackets")) == 2


def test_a_turn_killed_at_any_step_goes_on_and_makes_everything_once(workspace: Workspace) -> None:
    planned(workspace, approves=True)
    turn = start_turn(workspace, "brackets", "asked for by hand", by_worker=False)
    died = 0
    for reports in (2, 30, 52):
        command = [
            sys.executable,
            "-m",
            "simulators.killed_turn",
            str(workspace.folder),
            turn.id,
            str(reports),
        ]
        died += subprocess.run(command, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    assert died >= 2
    ended = do_turn(workspace, turn.id, silent)
    assert (steps(ended), ended.subject(TurnStep.ENDED)) == (ALL, Ending.RELEASED)
    assert len(versions_of(workspace, "brackets")) == 2
    with workspace.database.read() as tx:
        assert len(stored_gates.page(tx, None, 10).rows) == 1
    assert len(all_releases(workspace)) == 1 and len(all_runs(workspace)) == 1


def test_a_turn_that_was_ended_by_hand_goes_no_further(workspace: Workspace) -> None:
    planned(workspace)
    turn = start_turn(workspace, "brackets", "asked for by hand", by_worker=False)
    stop_turn(workspace, turn.id, "not today")
    assert steps(do_turn(workspace, turn.id, silent)) == [TurnStep.STARTED, TurnStep.ENDED]
    with pytest.raises(Conflict, match="has ended already"):
        stop_turn(workspace, turn.id, "nor tomorrow")
    assert find_turn(workspace, turn.id).subject(TurnStep.ENDED) == Ending.STOPPED


def test_a_fine_tune_begins_at_what_runs_on_parts_that_stay_where_they_were(workspace: Workspace) -> None:
    baseline = find_recipe(workspace, "brackets@1").package
    turn = turned(workspace, fine_tune=3, dataset=DatasetSpec("brackets"), stations=(), approves=True)
    trained = turn.of(TurnStep.TRAINED)
    assert trained is not None and trained.detail.startswith(f"fine-tuned from model {baseline[:12]}")
    run = all_runs(workspace)[0]
    assert (run.steps, run.settings.start) == (3, baseline)
    assert run.settings.learning_rate < all_runs(workspace)[-1].settings.learning_rate
    before = {i.part: i.split for i in load_snapshot(workspace, all_runs(workspace)[-1].snapshot).items}
    now_is = {i.part: i.split for i in load_snapshot(workspace, run.snapshot).items}
    assert before.items() <= now_is.items()
    assert Split.TRAIN in before.values()
    assert turn.subject(TurnStep.ENDED) in {Ending.MADE, Ending.REFUSED}


def test_a_fine_tune_is_not_measured_on_what_it_knows(workspace: Workspace) -> None:
    model = find_recipe(workspace, "brackets@1").package
    here = ("-w", workspace.folder)
    must(andon(*here, "datasets", "freeze", "dealt-anew", "--source", "parts", "--seed", "9"))
    asked = andon(*here, "train", "dealt-anew", "--start", model[:12], "--steps", "2")
    assert isinstance(asked.error, NotPossible)
    assert "has learned from" in asked.error.message and "--like" in asked.error.todo


def test_a_turn_waits_until_its_stations_are_out_of_an_earlier_release(workspace: Workspace) -> None:
    first = turned(workspace, approves=True)
    assert first.subject(TurnStep.ENDED) == Ending.RELEASED
    again = start_turn(workspace, "brackets", "once more")
    claimed = claim_job(workspace, "worker-1")
    assert claimed is not None
    waiting = do_turn(workspace, again.id, silent)
    settle(workspace, claimed.claim, JobState.FINISHED, "It waits.")
    assert waiting.is_queued and go_on(workspace) == ()
    stop(workspace, first.subject(TurnStep.RELEASED), "the other one is better")
    assert [turn.id for turn in go_on(workspace)] == [again.id]
    assert do_turn(workspace, again.id, silent).subject(TurnStep.ENDED) == Ending.RELEASED


def test_the_command_line_waits_behind_an_earlier_release_and_goes_on_after(workspace: Workspace) -> None:
    first = turned(workspace, approves=True)
    assert first.subject(TurnStep.ENDED) == Ending.RELEASED
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(andon, "-w", workspace.folder, "loop", "run", "brackets", "--once", "--json")
        until(lambda: any(turn.is_queued for turn in open_ones(workspace)), 240)
        assert not run.done(), "it waits"
        stop(workspace, first.subject(TurnStep.RELEASED), "the other one is better")
        (ended,) = must(run.result(240)).json()
    assert ended["state"] == Ending.RELEASED


def open_ones(workspace: Workspace) -> tuple[Turn, ...]:
    with workspace.database.read() as tx:
        return stored_loops.open_turns(tx)


def until(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"it has not happened within {seconds} s"
        time.sleep(0.2)
