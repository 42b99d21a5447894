"""A job as pages show it: in words, with time left and what it takes."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from andon.domain.jobs import ENDED, Job, JobKind, JobState
from andon.services.workspaces import now
from andon.units import Timestamp

WHAT = {
    JobKind.IMPORT_IMAGES: "Import images",
    JobKind.TRAIN: "Train a model",
    JobKind.EVALUATE: "Evaluate a model",
    JobKind.BENCHMARK: "Time a model",
    JobKind.INSPECT: "Inspect images",
    JobKind.FREEZE: "Freeze a data set",
    JobKind.RESCORE: "Judge history anew",
    JobKind.SELECT: "Pick pictures to label",
    JobKind.GATE: "Ask a gate",
    JobKind.TURN: "Turn the loop",
    JobKind.REPORT: "Report on a model",
}

MARKS = {
    JobState.QUEUED: "wait",
    JobState.RUNNING: "run",
    JobState.FINISHED: "done",
    JobState.FAILED: "wrong",
    JobState.CANCELLED: "stop",
}


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job with what can be done about it.

    Attributes:
        mark: shape of its state. about: what it works on. link: where its result is shown, or empty.
        seconds: since a worker took it last, or until it ended.
        left: seconds it probably needs, None where unknown.
    """

    job: Job
    what: str
    about: str
    link: str
    mark: str
    state: str
    seconds: float
    left: float | None
    can_stop: bool
    can_retry: bool


def job_card(job: Job) -> JobCard:
    """The card of a job, now."""
    is_open = job.state not in ENDED
    seconds = _between(job.claimed_at or job.started_at, job.finished_at or now())
    queued = bool(job.request)
    return JobCard(
        job=job,
        what=WHAT[job.kind],
        about=_about(job),
        link=_link(job),
        mark="stop" if job.cancelling else MARKS[job.state],
        state="stopping" if job.cancelling else str(job.state),
        seconds=seconds,
        left=_left(job, seconds) if job.state is JobState.RUNNING else None,
        can_stop=is_open and queued and not job.cancelling,
        can_retry=job.state in (JobState.FAILED, JobState.CANCELLED) and queued,
    )


def _about(job: Job) -> str:
    if job.kind is JobKind.TRAIN:
        return f"data set {str(job.request.get('dataset', ''))[:12]}" if job.request else job.subject
    return job.subject


def _link(job: Job) -> str:
    links = {
        JobKind.TRAIN: f"/runs/{job.subject}",
        JobKind.EVALUATE: f"/models/{job.request.get('model', '')}",
        JobKind.BENCHMARK: f"/models/{job.request.get('model', '')}",
        JobKind.IMPORT_IMAGES: "/images",
        JobKind.INSPECT: f"/inspections?job={job.id}",
        JobKind.FREEZE: f"/datasets/{quote(job.subject, safe='')}"
        if job.state is JobState.FINISHED
        else "",
        JobKind.RESCORE: _recipe(str(job.request.get("recipe", ""))),
        JobKind.SELECT: "/selections",
        JobKind.GATE: f"/gates/{job.id}" if job.state is JobState.FINISHED else "",
        JobKind.TURN: f"/turns/{job.subject}",
        JobKind.REPORT: f"/models/{job.request.get('model', '')}",
    }
    return links[job.kind]


def _recipe(name: str) -> str:
    """The page of ``NAME@VERSION``."""
    base, _, version = name.rpartition("@")
    return f"/recipes/{quote(base, safe='')}/versions/{version}"


def _left(job: Job, seconds: float) -> float | None:
    """As long per piece as so far; nothing is said before something is done, or where the job says it."""
    if not job.done or not job.total or job.attempts > 1 or job.kind is JobKind.TRAIN:
        return None
    return seconds / job.done * max(0, job.total - job.done)


def _between(start: Timestamp, end: Timestamp) -> float:
    return max(0.0, (_moment(end) - _moment(start)).total_seconds())


def _moment(at: Timestamp) -> datetime:
    return datetime.fromisoformat(at.replace("Z", "+00:00"))
