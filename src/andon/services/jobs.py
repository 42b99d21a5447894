"""Jobs for workers: ask for one, follow it, stop it, ask again; and what workers say about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from andon.domain.jobs import ENDED, Job, JobEvent, JobKind, JobState, Usage
from andon.domain.needs import Need
from andon.domain.requests import read_request
from andon.errors import Conflict
from andon.services.workspaces import Workspace, new_id, now
from andon.store import jobs as stored_jobs
from andon.store.jobs import Claim, Query
from andon.store.paging import Page
from andon.units import Timestamp

DEAD_AFTER_SECONDS = 15.0
"""A worker whose job had no heartbeat for so long is dead; another may take the job."""

MOST_DEATHS = 5
"""So often the process of a job may die without a word before the job is given up."""

WAIT_SECONDS = 5.0
"""A free worker takes a job in less."""

MOST_WORKERS = 100

WAITING_SECONDS = 20.0
"""A job that waits longer while nothing runs means that no worker does."""

DAY_SECONDS = 86_400.0
MAX_JOBS = 100

GIVEN_UP = "Read its log, see whether memory is short, then try again."


def enqueue(workspace: Workspace, kind: JobKind, request: Mapping[str, Any], subject: str) -> Job:
    """Ask for long work; a worker takes it when it is free.

    ``request`` is what is asked, as JSON values, ``subject`` what it works on, for people.

    Raises:
        InvalidInput: the request is not what a job of this kind is asked (see ``domain.requests``).
    """
    read_request(kind, request)
    job = Job(new_id(), kind, subject, JobState.QUEUED, workspace.who, now(), request=dict(request))
    with workspace.database.write() as tx:
        stored_jobs.enqueue(tx, job)
    return job


def find_job(workspace: Workspace, job: str) -> Job:
    """The job whose id begins with ``job``.

    Raises:
        NotFound, Conflict: none, or several.
    """
    with workspace.database.read() as tx:
        return stored_jobs.get(tx, job)


def list_jobs(
    workspace: Workspace, limit: int, query: Query | None = None, after: int | None = None
) -> Page[Job]:
    """A page of jobs, newest first."""
    with workspace.database.read() as tx:
        return stored_jobs.page(tx, after, limit, query)


def nobody_works(workspace: Workspace) -> bool:
    """Whether a job waits although no worker has another one in hand: then there is no worker."""
    waiting = list_jobs(workspace, MOST_WORKERS, Query(state=JobState.QUEUED)).rows
    if not any(job.started_at < ago(WAIT_SECONDS) for job in waiting):
        return False
    alive = ago(DEAD_AFTER_SECONDS)
    running = list_jobs(workspace, MOST_WORKERS, Query(state=JobState.RUNNING)).rows
    return not any(job.heartbeat_at is not None and job.heartbeat_at > alive for job in running)


def job_events(workspace: Workspace, job: Job, after: int = 0, limit: int = 1000) -> tuple[JobEvent, ...]:
    """What happened to a job and what it said after the event ``after``, oldest first."""
    with workspace.database.read() as tx:
        return stored_jobs.events(tx, job.id, after, limit)


def last_events(workspace: Workspace, job: Job, limit: int) -> tuple[JobEvent, ...]:
    """The last ``limit`` of what happened to a job, oldest first."""
    with workspace.database.read() as tx:
        return stored_jobs.last_log(tx, job.id, limit)


def cancel_job(workspace: Workspace, job: str) -> Job:
    """Ask that a job stops: one that waits ends at once, one that runs is stopped by its worker.

    Raises:
        NotFound: there is no such job. Conflict: it ended, or a command line does it.
    """
    with workspace.database.write() as tx:
        found = stored_jobs.get(tx, job)
        if found.state in ENDED:
            raise Conflict(f"job {found.id[:8]} has ended ({found.state})", "There is nothing to stop.")
        if not found.request:
            raise Conflict(f"a command line does job {found.id[:8]}", "Press Ctrl-C there.")
        by = (workspace.who, now())
        if not found.cancelling:
            stored_jobs.ask_cancellation(tx, found.id, by)
        alive = found.heartbeat_at is not None and found.heartbeat_at >= ago(DEAD_AFTER_SECONDS)
        if found.state is JobState.QUEUED or not alive:
            stored_jobs.cancel_waiting(tx, found.id, by)
        return stored_jobs.get(tx, found.id)


def retry_job(workspace: Workspace, job: str) -> Job:
    """Ask for a job again that failed or was cancelled; it goes on where it stopped.

    Raises:
        NotFound: there is no such job. Conflict: it has not ended, is finished, or a command line did it.
    """
    with workspace.database.write() as tx:
        found = stored_jobs.get(tx, job)
        if found.state not in (JobState.FAILED, JobState.CANCELLED):
            raise Conflict(
                f"job {found.id[:8]} is {found.state}",
                "Only a job that failed or was cancelled is tried again.",
            )
        if not found.request:
            raise Conflict(f"a command line did job {found.id[:8]}", "Give that command again.")
        stored_jobs.retry(tx, found.id, (workspace.who, now()))
        return stored_jobs.get(tx, found.id)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that a worker took, and the claim that proves it."""

    job: Job
    claim: Claim


def claim_job(workspace: Workspace, worker: str, dead_after: float = DEAD_AFTER_SECONDS) -> Claimed | None:
    """Take a job whose worker died, or the one that waits longest; None where there is nothing to do."""
    with workspace.database.write() as tx:
        found = stored_jobs.claim(tx, (worker, now()), ago(dead_after))
    if found is None:
        return None
    return Claimed(found, Claim(found.id, worker, found.attempts))


def beat(workspace: Workspace, claim: Claim, usage: Usage) -> Job | None:
    """Show life; the job as it is now, or None where it was taken away or ended."""
    with workspace.database.write() as tx:
        return stored_jobs.beat(tx, claim, now(), usage)


def note_usage(workspace: Workspace, claim: Claim, usage: Usage) -> None:
    """Keep what a job took in the end."""
    with workspace.database.write() as tx:
        stored_jobs.note_usage(tx, claim, usage)


def settle(workspace: Workspace, claim: Claim, state: JobState, outcome: str) -> bool:
    """Say how a claimed job ended, or that it waits again; False where it ended or was taken before."""
    with workspace.database.write() as tx:
        return stored_jobs.settle(tx, claim, state, outcome, (claim.worker, now()))


def put_back(workspace: Workspace, claim: Claim, reason: str = "") -> JobState | None:
    """Deal with a job whose process ended without a word: cancelled, waits again, or is given up.

    ``reason`` says how the process died; it is empty where the worker ended it, which is not the job's
    fault.  Gives what became of the job, None where it ended or was taken before.
    """
    with workspace.database.write() as tx:
        job = stored_jobs.get(tx, claim.job)
        by = (claim.worker, now())
        if job.cancelling:
            state, outcome = JobState.CANCELLED, "Stopped as asked; what was complete is kept."
        elif not reason or stored_jobs.deaths(tx, job.id) + 1 < MOST_DEATHS:
            state, outcome = JobState.QUEUED, reason
        else:
            state, outcome = JobState.FAILED, f"{reason}, {MOST_DEATHS} times. {GIVEN_UP}"
        return state if stored_jobs.settle(tx, claim, state, outcome, by) else None


def report_progress(workspace: Workspace, job: str, far: tuple[int, int | None], caption: str) -> None:
    """Say how far a job is (done, total) and what it is doing."""
    with workspace.database.write() as tx:
        stored_jobs.progress(tx, job, *far)
        stored_jobs.caption(tx, job, caption)


def name_subject(workspace: Workspace, job: str, subject: str) -> None:
    """Say what a job works on, once that is known."""
    with workspace.database.write() as tx:
        stored_jobs.rename_subject(tx, job, subject)


def write_log(workspace: Workspace, claim: Claim, lines: Sequence[str]) -> None:
    """Keep what the process of a job said."""
    if not lines:
        return
    with workspace.database.write() as tx:
        stored_jobs.log(tx, claim.job, lines, (claim.worker, now()))


def ago(seconds: float) -> Timestamp:
    """The time that many seconds before now."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    return Timestamp(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def waiting_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Jobs that wait while no worker shows life."""
    patient, dead = ago(WAITING_SECONDS), ago(DEAD_AFTER_SECONDS)
    waiting = [job for job in _in_state(workspace, JobState.QUEUED) if job.started_at < patient]
    running = _in_state(workspace, JobState.RUNNING)
    if not waiting or any((job.heartbeat_at or "") > dead for job in running):
        return ()
    jobs = "1 job waits" if len(waiting) == 1 else f"{len(waiting)} jobs wait"
    what = f"{jobs} and no worker takes {'it' if len(waiting) == 1 else 'them'}"
    return (Need(what, "Start one beside the hub: andon worker", True, "/jobs", waiting[-1].started_at),)


def failure_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Jobs that failed within a day."""
    recent = ago(DAY_SECONDS)
    return tuple(
        Need(
            f"{job.kind} of {job.subject} failed: {job.outcome}",
            "Read its log, then try again.",
            True,
            f"/jobs/{job.id}",
            job.finished_at,
        )
        for job in _in_state(workspace, JobState.FAILED)
        if (job.finished_at or "") > recent
    )


def _in_state(workspace: Workspace, state: JobState) -> Sequence[Job]:
    return list_jobs(workspace, MAX_JOBS, Query(state=state)).rows
