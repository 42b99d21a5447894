"""The loop: plans, and turns as they are begun, waited for, ended and gone on with."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from andon.blobs.locks import is_taken
from andon.domain.approvals import ApprovalDecision
from andon.domain.jobs import ENDED, Job, JobKind, JobState
from andon.domain.loops import Ending, LoopPlan, Turn, TurnEvent, TurnStep
from andon.domain.needs import Need
from andon.domain.presets import checked
from andon.domain.releases import Release
from andon.domain.requests import TurnJob
from andon.domain.runs import Family
from andon.domain.serial import to_json
from andon.errors import Conflict, InvalidInput
from andon.services.jobs import DAY_SECONDS, ago, cancel_job, retry_job
from andon.services.turn_approvals import Standing, standing_of
from andon.services.workspaces import Workspace, new_id, now
from andon.store import approvals as stored_approvals
from andon.store import jobs as stored_jobs
from andon.store import loops as stored_loops
from andon.store import recipes as stored_recipes
from andon.store import releases as stored_releases
from andon.store import stations as stored_stations
from andon.store.paging import Page
from andon.units import Digest, Timestamp

MAX_REASON = 2000
MOST_STEPS = 10**6
LAST_RELEASES = 100

STOPPED_SECONDS = 60.0
"""A turn that no job has and no process works on, so long after its last step, was left by a command."""


def save_plan(workspace: Workspace, plan: LoopPlan) -> LoopPlan:
    """Put a plan in force as the next version of its name; turns go on by the version they began with.

    Raises:
        InvalidInput: its name, a setting of its training, or its stations are not possible.
    """
    _check_plan(plan)
    with workspace.database.write() as tx:
        return stored_loops.add_plan(tx, replace(plan, author=workspace.who, at=now()))


def _check_plan(plan: LoopPlan) -> None:
    name = plan.name
    if not name.strip() or not name.isprintable() or "@" in name or "/" in name or len(name) > 100:
        raise InvalidInput(
            f"plan name {name[:60]!r} is not usable",
            "Use up to 100 printable characters, and neither '@' nor '/': it is that of the recipe.",
        )
    checked(plan.train)
    if not 0 <= plan.fine_tune <= MOST_STEPS:
        raise InvalidInput(f"a fine-tune of {plan.fine_tune} steps is not possible")
    if plan.fine_tune and plan.train.family is Family.PATCHES:
        raise InvalidInput(
            "a patch memory takes no steps, so the plan cannot fine-tune it", "Leave out --fine-tune."
        )
    stations = [station for wave in plan.stations for station in wave]
    if len(set(stations)) != len(stations) or not all(plan.stations):
        raise InvalidInput("a station of the plan is named twice, or a wave is empty")
    kinds = [trigger.kind for trigger in plan.triggers]
    if len(set(kinds)) != len(kinds):
        raise InvalidInput("a kind of signal has two limits in the plan", "Give each kind one limit.")


def find_plan(workspace: Workspace, name: str, version: int | None = None) -> LoopPlan:
    """A plan: the version in force, or the one asked for.

    Raises:
        NotFound: there is none.
    """
    with workspace.database.read() as tx:
        return stored_loops.plan(tx, name, version)


def all_plans(workspace: Workspace) -> tuple[LoopPlan, ...]:
    """The version in force of every plan, by name."""
    with workspace.database.read() as tx:
        return stored_loops.all_plans(tx)


def versions_of_plan(workspace: Workspace, name: str) -> tuple[LoopPlan, ...]:
    """All versions of a plan, newest first."""
    with workspace.database.read() as tx:
        return stored_loops.versions(tx, name)


def start_turn(workspace: Workspace, plan: str, cause: str, *, by_worker: bool = True) -> Turn:
    """Begin a turn, and ask a worker for it unless this process does it itself.

    Raises:
        NotFound: there is no such plan. Conflict: a turn of it has not ended.
    """
    with workspace.database.write() as tx:
        found = stored_loops.plan(tx, plan)
        unfinished = stored_loops.open_turns(tx, plan)
        if unfinished:
            raise Conflict(
                f"turn {unfinished[0].id[:13]} of {plan!r} has not ended",
                "Let it end, approve what it waits for, or end it: andon loop end.",
            )
        turn = Turn(new_id(), found.name, found.version, cause, workspace.who, now())
        stored_loops.start_turn(tx, turn)
        what = (TurnStep.STARTED, running_recipe(tx, found), cause)
        stored_loops.add_event(tx, TurnEvent(turn.id, *what, turn.author, turn.at))
        if by_worker:
            _ask_worker(tx, turn, turn.author)
        return stored_loops.turn(tx, turn.id)


def _ask_worker(tx: Connection, turn: Turn, who: str) -> Job:
    request = to_json(TurnJob(turn.id))
    asked = Job(new_id(), JobKind.TURN, turn.id, JobState.QUEUED, who, now(), request=request)
    stored_jobs.enqueue(tx, asked)
    return asked


def running_recipe(tx: Connection, plan: LoopPlan) -> str:
    """What the plan's stations run now, as ``NAME@VERSION``: what most of them say, else were told.

    Where they run nothing, the latest version of the plan's own recipe with an approved model; empty where
    there is none.
    """
    wanted = {station for wave in plan.stations for station in wave}
    stations = [station for station in stored_stations.everyone(tx) if station.name in wanted]
    said = [(s.report.recipe, s.report.recipe_version) for s in stations if s.report and s.report.recipe]
    told = [(s.assignment.recipe.name, s.assignment.recipe.version) for s in stations if s.assignment]
    for versions in (said, told):
        if versions:
            (name, version), _ = Counter(sorted(versions, reverse=True)).most_common(1)[0]
            return f"{name}@{version}"
    return _latest_approved(tx, plan.name)


def _latest_approved(tx: Connection, recipe: str) -> str:
    if recipe not in stored_recipes.names(tx):
        return ""
    approved = stored_approvals.approved(tx)
    for version in range(stored_recipes.latest(tx, recipe).version, 0, -1):
        if stored_recipes.get(tx, recipe, version).package in approved:
            return f"{recipe}@{version}"
    return ""


def find_turn(workspace: Workspace, turn: str) -> Turn:
    """The turn whose id begins with ``turn``.

    Raises:
        NotFound, Conflict: none, or several.
    """
    with workspace.database.read() as tx:
        return stored_loops.turn(tx, turn)


def turn_page(workspace: Workspace, after: int | None, limit: int, plan: str | None = None) -> Page[Turn]:
    """Turns, newest first."""
    with workspace.database.read() as tx:
        return stored_loops.turn_page(tx, after, limit, plan)


def open_turn(workspace: Workspace, plan: str) -> Turn | None:
    """The turn of a plan that has not ended."""
    with workspace.database.read() as tx:
        found = stored_loops.open_turns(tx, plan)
    return found[0] if found else None


def job_of_turn(workspace: Workspace, turn: Turn) -> Job | None:
    """The worker's latest job on a turn; None where a command line does it."""
    with workspace.database.read() as tx:
        return stored_jobs.latest_for(tx, JobKind.TURN, [turn.id]).get(turn.id)


def note(workspace: Workspace, turn: Turn, *steps: tuple[TurnStep, str, str]) -> Turn:
    """Record steps (step, subject, detail) of a turn that has not ended, in one transaction.

    Raises:
        Conflict: somebody ended it meanwhile.
    """
    with workspace.database.write() as tx:
        if stored_loops.turn(tx, turn.id).ended:
            raise Conflict(f"turn {turn.id[:13]} was ended meanwhile", "Start another one.")
        for step, subject, detail in steps:
            made = TurnEvent(turn.id, step, subject, detail, workspace.who, now())
            stored_loops.add_event(tx, made)
        return stored_loops.turn(tx, turn.id)


def release_of(workspace: Workspace, recipe: str) -> Release | None:
    """The latest release of the recipe version ``NAME@VERSION``; only the last hundred are looked at."""
    with workspace.database.read() as tx:
        rows = stored_releases.page(tx, None, LAST_RELEASES).rows
    return next((one for one in rows if f"{one.recipe}@{one.recipe_version}" == recipe), None)


def stop_turn(workspace: Workspace, turn: str, reason: str) -> Turn:
    """End a turn by hand; what it has made stays, and the worker that has it stops.

    Raises:
        NotFound: there is no such turn. Conflict: it has ended. InvalidInput: there is no reason.
    """
    if not reason.strip() or len(reason) > MAX_REASON:
        raise InvalidInput("there is no reason", f"Say in up to {MAX_REASON} characters why.")
    found = find_turn(workspace, turn)
    if found.ended:
        raise Conflict(f"turn {found.id[:13]} has ended already")
    ended = note(workspace, found, (TurnStep.ENDED, Ending.STOPPED, reason.strip()))
    job = job_of_turn(workspace, found)
    if job is not None and job.state not in ENDED:
        cancel_job(workspace, job.id)
    return ended


def lock_of(workspace: Workspace, turn: Turn) -> Path:
    """The file that whoever makes the steps of a turn has locked; see ``blobs.locks``."""
    return workspace.locks / turn.id


def go_on(workspace: Workspace) -> tuple[Turn, ...]:
    """Ask workers for turns that nobody works on and that can go on; those that were asked for.

    That is one that stood before something done meanwhile (an approval, a gate that lets its plan approve,
    or the end of an earlier release of the same stations), and one that a command line left in the middle.
    """
    asked = []
    with workspace.database.write() as tx:
        for turn in stored_loops.open_turns(tx):
            job = stored_jobs.latest_for(tx, JobKind.TURN, [turn.id]).get(turn.id)
            if _can_go_on(tx, turn, job) and _is_left(workspace, turn, job):
                _ask_worker(tx, turn, turn.author)
                asked.append(turn)
    return tuple(asked)


def _is_left(workspace: Workspace, turn: Turn, job: Job | None) -> bool:
    """Whether no worker has a turn or will have it, and no command line is at it now."""
    ours = job is None or job.state is JobState.FINISHED
    return ours and not is_taken(lock_of(workspace, turn))


def _can_go_on(tx: Connection, turn: Turn, job: Job | None) -> bool:
    """Whether a step could be made: what the turn stands before is there, or it stopped in the middle."""
    if turn.is_queued:
        return _are_free(tx, turn)
    if not turn.waits:
        return _is_old(turn)
    if _is_approved(tx, turn):
        return True
    plan = stored_loops.plan(tx, turn.plan, turn.plan_version)
    if not plan.approves or standing_of(tx, turn).gate is None:
        return False
    return _is_old(turn) if job is None else job.state not in {JobState.FAILED, JobState.CANCELLED}


def _is_old(turn: Turn) -> bool:
    return turn.events[-1].at < ago(STOPPED_SECONDS)


def _are_free(tx: Connection, turn: Turn) -> bool:
    """Whether no station of the turn's plan is in a release that has not ended."""
    plan = stored_loops.plan(tx, turn.plan, turn.plan_version)
    stations = [station for wave in plan.stations for station in wave]
    return all(stored_releases.open_of(tx, station) is None for station in stations)


def _is_approved(tx: Connection, turn: Turn) -> bool:
    decided = stored_approvals.latest(tx, Digest(turn.subject(TurnStep.TRAINED)))
    return decided is not None and decided.decision is ApprovalDecision.APPROVED


def retry_turn(workspace: Workspace, turn: str) -> Job:
    """Ask again for a turn that stands still (see ``stands``); it goes on where it was.

    Raises:
        NotFound: there is no such turn. Conflict: it has ended, waits, or is under way.
    """
    found = find_turn(workspace, turn)
    job = job_of_turn(workspace, found)
    if found.ended:
        raise Conflict(f"turn {found.id[:13]} has ended already", "Start another one.")
    if job is not None and job.state is not JobState.FINISHED:
        return retry_job(workspace, job.id)
    if not stands(workspace, found, job):
        raise Conflict(f"turn {found.id[:13]} waits, or is under way", "Let it, or end it: andon loop end.")
    with workspace.database.write() as tx:
        return _ask_worker(tx, found, workspace.who)


def stands(workspace: Workspace, turn: Turn, job: Job | None) -> bool:
    """Whether nobody works on a turn, ``job`` being its latest, although nobody is waited for."""
    if turn.ended or turn.waits or turn.is_queued:
        return False
    if job is not None and job.state in {JobState.FAILED, JobState.CANCELLED}:
        return not is_taken(lock_of(workspace, turn))
    return _is_old(turn) and _is_left(workspace, turn, job)


def _ended_lately(tx: Connection, since: Timestamp) -> tuple[Turn, ...]:
    """The last turn of each plan, where it ended after ``since`` without a model that could be released."""
    last = [stored_loops.latest_turn(tx, plan.name) for plan in stored_loops.all_plans(tx)]
    return tuple(
        turn
        for turn in last
        if turn is not None
        and turn.ended
        and turn.events[-1].at > since
        and turn.subject(TurnStep.ENDED) in {Ending.FAILED, Ending.REFUSED}
    )


def models_in_hand(tx: Connection) -> frozenset[str]:
    """Models that turns see to, or tell of as refused: :func:`turn_needs` speaks for these."""
    refused = (
        turn
        for turn in _ended_lately(tx, ago(DAY_SECONDS))
        if turn.subject(TurnStep.ENDED) == Ending.REFUSED
    )
    found = {turn.subject(TurnStep.TRAINED) for turn in (*stored_loops.open_turns(tx), *refused)}
    return frozenset(found - {""})


def _told_of(turn: Turn) -> Need:
    end, failed = turn.events[-1], turn.subject(TurnStep.ENDED) == Ending.FAILED
    what = f"{turn.plan}: a turn {'failed' if failed else 'ended, refused by the gate'}: {end.detail}"
    todo = "Mend it, then start another turn." if failed else "Look at the flips; label what is missing."
    return Need(what, todo, failed, f"/turns/{turn.id}", end.at)


def turn_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Turns that wait for an approval or stand still, and those that came to nothing within a day."""
    with workspace.database.read() as tx:
        found = stored_loops.open_turns(tx)
        jobs = stored_jobs.latest_for(tx, JobKind.TURN, [turn.id for turn in found])
        able = {turn.id for turn in found if _can_go_on(tx, turn, jobs.get(turn.id))}
        waiting = (turn for turn in found if turn.waits and turn.id not in able)
        needs = [_approval_need(turn, standing_of(tx, turn)) for turn in waiting]
        ended = _ended_lately(tx, ago(DAY_SECONDS))
    others = (turn for turn in found if not turn.waits or turn.id in able)
    open_ones = (_open_need(workspace, turn, jobs.get(turn.id), turn.id in able) for turn in others)
    return (*(_told_of(turn) for turn in ended), *needs, *(need for need in open_ones if need is not None))


def _approval_need(turn: Turn, standing: Standing) -> Need:
    """What a turn that waits, and cannot go on by itself, needs of a person."""
    what = f"{turn.plan}: {turn.subject(TurnStep.RECIPE)} passed its gate and waits for an approval"
    todo = "Look at the flips of its gate, then approve its model, or end the turn."
    if standing.refused is not None:
        what = f"{what}; {standing.refused.message}"
        todo = f"{standing.refused.todo} Or end the turn."
    return Need(what, todo, False, f"/turns/{turn.id}", turn.events[-1].at)


def _open_need(workspace: Workspace, turn: Turn, job: Job | None, able: bool) -> Need | None:
    """What another turn that has not ended needs of a person; ``able``: it can go on by itself."""
    link, since = f"/turns/{turn.id}", turn.events[-1].at
    between = turn.waits or turn.is_queued
    if between and able and _is_old(turn) and _is_left(workspace, turn, job):
        what = f"{turn.plan}: a turn can go on after the step {turn.events[-1].step}; nobody works on it"
        todo = "A worker goes on with it in a minute; without one: andon loop run."
        return Need(what, todo, False, link, since)
    if stands(workspace, turn, job):
        what = f"{turn.plan}: a turn stands still after the step {turn.events[-1].step}"
        return Need(what, "See why, then go on or end it.", True, link, since)
    return None
