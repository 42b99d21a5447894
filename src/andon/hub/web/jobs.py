"""Pages of jobs: what workers do and did, one job with its log, stop and try again."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.jobs import Job, JobEvent, JobEventKind, JobKind, JobState
from andon.hub.requests import After, Limit, workspace_of
from andon.hub.web.inspection_jobs import results_of
from andon.hub.web.job_views import JobCard, job_card
from andon.hub.web.pages import page
from andon.services.jobs import cancel_job, find_job, last_events, list_jobs, nobody_works, retry_job
from andon.store.jobs import Query as JobQuery

router = APIRouter(include_in_schema=False)

SHOWN_EVENTS = 300
"""Last lines of a job's story; all stand in ``/api/jobs/ID/events``."""

HAPPENED = {
    JobEventKind.QUEUED: "Waits for a worker",
    JobEventKind.CLAIMED: "Taken by a worker",
    JobEventKind.RECLAIMED: "Its worker gave no sign of life; taken by another",
    JobEventKind.CANCELLATION: "Asked to stop",
    JobEventKind.RETRY: "Asked for again",
    JobEventKind.ENDED: "Ended",
    JobEventKind.LOG: "",
}


@dataclass(frozen=True, slots=True)
class ListView:
    """The list, what it was asked, and whether anybody works."""

    jobs: tuple[JobCard, ...]
    next: int | None
    state: JobState | None
    kind: JobKind | None
    states: tuple[JobState, ...]
    kinds: tuple[JobKind, ...]
    waiting_for_worker: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a job's story."""

    event: JobEvent
    what: str


@dataclass(frozen=True, slots=True)
class JobView:
    """One job."""

    card: JobCard
    lines: tuple[Line, ...]
    request: tuple[tuple[str, str], ...]
    results: tuple[str, ...]


@router.get("/jobs")
def index(
    request: Request,
    state: Annotated[str, Query()] = "",
    kind: Annotated[str, Query()] = "",
    after: After = None,
    limit: Limit = 50,
) -> HTMLResponse:
    """Jobs, newest first; what is not a state or a kind filters nothing."""
    workspace = workspace_of(request)
    wanted = JobState(state) if state in list(JobState) else None
    of_kind = JobKind(kind) if kind in list(JobKind) else None
    found = list_jobs(workspace, limit, JobQuery(kind=of_kind, state=wanted), after)
    view = ListView(
        jobs=tuple(job_card(job) for job in found.rows),
        next=found.next,
        state=wanted,
        kind=of_kind,
        states=tuple(JobState),
        kinds=tuple(JobKind),
        waiting_for_worker=nobody_works(workspace),
    )
    return page(request, "jobs/list", view, title="Jobs", section="jobs")


@router.get("/jobs/{job}")
def show(request: Request, job: str) -> HTMLResponse:
    """One job: how far it is, what it takes, its story."""
    workspace = workspace_of(request)
    found = find_job(workspace, job)
    events = last_events(workspace, found, SHOWN_EVENTS)
    lines = tuple(Line(event, HAPPENED[event.kind]) for event in events)
    asked = tuple(
        (name.replace("_", " "), _short(value))
        for name, value in found.request.items()
        if value not in (None, "", [], {})
    )
    view = JobView(job_card(found), lines, asked, results_of(workspace, found))
    return page(request, "jobs/show", view, title=f"Job: {view.card.what}", section="jobs")


@router.post("/jobs/{job}/cancellation")
def cancel(request: Request, job: str) -> Response:
    """Stop a job."""
    return _back(cancel_job(workspace_of(request), job))


@router.post("/jobs/{job}/retries")
def retry(request: Request, job: str) -> Response:
    """Let a job wait again."""
    return _back(retry_job(workspace_of(request), job))


def _back(job: Job) -> Response:
    return RedirectResponse(f"/jobs/{job.id}", status_code=303)


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(item)}" for name, item in value.items() if item is not None)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
