"""Jobs: progress that outlives the process that makes it."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from andon.domain.jobs import Job, JobKind, JobState
from andon.errors import NotFound
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import by_prefix
from andon.store.tables import jobs
from andon.units import Timestamp


def start(tx: Connection, job_id: str, kind: JobKind, subject: str, by: tuple[str, Timestamp]) -> Job:
    """Record that a job starts; ``by`` is author and time.

    Raises:
        Conflict: a job has that id.
    """
    job = Job(job_id, kind, subject, JobState.RUNNING, author=by[0], started_at=by[1])
    names = ("kind", "subject", "state", "done", "total", "outcome", "finished_at", "author")
    values = {name: getattr(job, name) for name in names}
    tx.execute(jobs.insert(), values | {"job": job.id, "at": job.started_at})
    return job


def progress(tx: Connection, job_id: str, done: int, total: int | None = None) -> None:
    """Say how far a job is; ``total`` is kept where it is not given.

    Raises:
        NotFound: there is no such job.
    """
    _change(tx, job_id, done=done, **({} if total is None else {"total": total}))


def finish(tx: Connection, job_id: str, outcome: str, at: Timestamp) -> None:
    """Say that a job is done, and what came of it.

    Raises:
        NotFound: there is no such job.
    """
    _change(tx, job_id, state=JobState.FINISHED, outcome=outcome, finished_at=at)


def fail(tx: Connection, job_id: str, reason: str, at: Timestamp) -> None:
    """Say that a job ended early, and why.

    Raises:
        NotFound: there is no such job.
    """
    _change(tx, job_id, state=JobState.FAILED, outcome=reason, finished_at=at)


def get(tx: Connection, start: str) -> Job:
    """The job whose id is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return _job(by_prefix(tx, select(jobs), jobs.c.job, start, "job"))


def running_for(tx: Connection, kind: JobKind, subject: str) -> Job | None:
    """The latest job on ``subject`` that did not end: it runs, or was killed and can be taken up."""
    statement = select(jobs).where(
        jobs.c.kind == kind, jobs.c.subject == subject, jobs.c.state == JobState.RUNNING
    )
    row = tx.execute(statement.order_by(jobs.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _job(row)


def page(tx: Connection, after: int | None, limit: int) -> Page[Job]:
    """Jobs, newest first."""
    return newest_first(tx, select(jobs), jobs, Cut(after, limit), _job)


def _change(tx: Connection, job_id: str, **values: object) -> None:
    if tx.execute(update(jobs).where(jobs.c.job == job_id).values(**values)).rowcount == 0:
        raise NotFound(f"there is no job {job_id!r}")


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.job,
        kind=JobKind(row.kind),
        subject=row.subject,
        state=JobState(row.state),
        author=row.author,
        started_at=row.at,
        finished_at=row.finished_at,
        done=row.done,
        total=row.total,
        outcome=row.outcome,
    )
