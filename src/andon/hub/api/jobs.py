"""`/api/jobs`: long work for workers: ask, follow, stop, try again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath

from andon.domain.jobs import Job, JobEvent, JobKind, JobState
from andon.domain.serial import to_json
from andon.hub.requests import LARGEST, After, Limit, workspace_of
from andon.services.jobs import cancel_job, enqueue, find_job, job_events, list_jobs, retry_job
from andon.store.jobs import Query as JobQuery

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

JobId = Annotated[str, InPath(description="Job id, or the beginning of one.")]


@dataclass(frozen=True, slots=True)
class JobWish:
    """Long work that somebody wants.

    Attributes:
        request: what it is asked; its fields are those of ``ImportJob``, ``TrainJob``, ``EvaluateJob``,
            ``BenchmarkJob``, ``InspectJob``, ``FreezeJob``, ``RescoreJob`` or ``ReportJob``.
        subject: what it works on, for people.
    """

    kind: JobKind
    request: Mapping[str, Any]
    subject: str = ""


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs, newest first; ``next`` asks for the following page."""

    jobs: tuple[dict[str, Any], ...]
    next: int | None


@router.get("")
def index(
    request: Request,
    state: JobState | None = None,
    kind: JobKind | None = None,
    after: After = None,
    limit: Limit = 50,
) -> JobPage:
    """Jobs, newest first."""
    found = list_jobs(workspace_of(request), limit, JobQuery(kind=kind, state=state), after)
    return JobPage(tuple(to_json(job) for job in found.rows), found.next)


@router.post("", status_code=202)
def add(request: Request, wish: JobWish) -> dict[str, Any]:
    """Ask for long work; a worker takes it when one is free."""
    return _told(enqueue(workspace_of(request), wish.kind, wish.request, wish.subject))


@router.get("/{job}")
def show(request: Request, job: JobId) -> dict[str, Any]:
    """One job: what was asked, how far it is, what it takes, what came of it."""
    return _told(find_job(workspace_of(request), job))


@router.get("/{job}/events")
def events(
    request: Request,
    job: JobId,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="Id of the last event known.")] = 0,
    limit: Limit = 500,
) -> list[JobEvent]:
    """What happened to a job and what it said, oldest first."""
    workspace = workspace_of(request)
    return list(job_events(workspace, find_job(workspace, job), after, limit))


@router.post("/{job}/cancellation", status_code=202)
def cancel(request: Request, job: JobId) -> dict[str, Any]:
    """Stop a job: one that waits ends at once, one that runs is stopped by its worker."""
    return _told(cancel_job(workspace_of(request), job))


@router.post("/{job}/retries", status_code=202)
def retry(request: Request, job: JobId) -> dict[str, Any]:
    """Let a job that failed or was cancelled wait for a worker again."""
    return _told(retry_job(workspace_of(request), job))


def _told(job: Job) -> dict[str, Any]:
    told: dict[str, Any] = to_json(job)
    return told
