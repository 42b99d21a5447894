"""Jobs: long work as rows, from the wish to the outcome; progress outlives the process that makes it.

A job with a request waits until a worker claims it.  What a worker says about a job it claimed counts
only while it still has that claim (worker and attempt), so that one who was thought dead changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select, update
from sqlalchemy import insert as insert_into

from andon.domain.jobs import ENDED, Job, JobEvent, JobEventKind, JobKind, JobState, Usage
from andon.domain.serial import from_json
from andon.errors import NotFound
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import as_text, by_prefix, from_text
from andon.store.tables import job_events, jobs
from andon.units import Timestamp

By = tuple[str, Timestamp]
"""Author and time."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs; None does not ask."""

    kind: JobKind | None = None
    subject: str | None = None
    state: JobState | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """That ``worker`` has ``job`` for the ``attempt``-th time."""

    job: str
    worker: str
    attempt: int


def start(tx: Connection, job_id: str, kind: JobKind, subject: str, by: By) -> Job:
    """Record that a job starts that this process does itself.

    Raises:
        Conflict: a job has that id.
    """
    job = Job(job_id, kind, subject, JobState.RUNNING, author=by[0], started_at=by[1])
    _insert(tx, job, None)
    return job


def enqueue(tx: Connection, job: Job) -> None:
    """Record that ``job`` waits for a worker.

    Raises:
        Conflict: a job has that id. InvalidInput: its request cannot be written as JSON.
    """
    _insert(tx, job, as_text(job.request))
    _tell(tx, job.id, JobEventKind.QUEUED, "", (job.author, job.started_at))


def claim(tx: Connection, by: By, dead_since: Timestamp) -> Job | None:
    """Give one job to the worker ``by``: one whose worker is dead, else the one that waits longest.

    The transaction must be a writing one, so that no other takes the same.  A worker that showed no life
    since ``dead_since`` is dead.  None where there is nothing to do.
    """
    dead = and_(jobs.c.state == JobState.RUNNING, jobs.c.heartbeat_at < dead_since)
    for condition in (dead, jobs.c.state == JobState.QUEUED):
        found = select(jobs.c.job, jobs.c.state, jobs.c.attempts).where(
            condition, jobs.c.request.is_not(None)
        )
        row = tx.execute(found.order_by(jobs.c.id).limit(1).with_for_update(skip_locked=True)).one_or_none()
        if row is None:
            continue
        values = {"state": JobState.RUNNING, "outcome": "", "worker": by[0], "heartbeat_at": by[1]}
        _change(tx, row.job, attempts=(row.attempts or 0) + 1, **values)
        waited = row.state == JobState.QUEUED
        _tell(tx, row.job, JobEventKind.CLAIMED if waited else JobEventKind.RECLAIMED, "", by)
        return get(tx, row.job)
    return None


def beat(tx: Connection, claim: Claim, at: Timestamp, usage: Usage) -> Job | None:
    """Show that the worker lives and what its job takes; None where the claim is no longer its own."""
    values = {"heartbeat_at": at, "usage": as_text(usage)}
    if tx.execute(update(jobs).where(_held(claim)).values(**values)).rowcount == 0:
        return None
    return get(tx, claim.job)


def note_usage(tx: Connection, claim: Claim, usage: Usage) -> None:
    """Keep what a job took in the end, unless another worker has it by now."""
    mine = and_(jobs.c.worker == claim.worker, jobs.c.attempts == claim.attempt)
    tx.execute(update(jobs).where(jobs.c.job == claim.job, mine).values(usage=as_text(usage)))


def settle(tx: Connection, claim: Claim, state: JobState, outcome: str, by: By) -> bool:
    """End a claimed job, or let it wait again; False where the claim is no longer the worker's own."""
    ended = by[1] if state in ENDED else None
    values: dict[str, object] = {"state": state, "outcome": outcome, "finished_at": ended}
    if tx.execute(update(jobs).where(_held(claim)).values(**values)).rowcount == 0:
        return False
    kind = JobEventKind.ENDED if state in ENDED else JobEventKind.QUEUED
    _tell(tx, claim.job, kind, outcome, by)
    return True


def progress(tx: Connection, job_id: str, done: int, total: int | None = None) -> None:
    """Say how far a job is; ``total`` is kept where it is not given.

    Raises:
        NotFound: there is no such job.
    """
    _change(tx, job_id, done=done, **({} if total is None else {"total": total}))


def caption(tx: Connection, job_id: str, text: str) -> None:
    """Say what a job is doing now.

    Raises:
        NotFound: there is no such job.
    """
    _change(tx, job_id, caption=text)


def rename_subject(tx: Connection, job_id: str, subject: str) -> None:
    """Say what a job works on, once that is known.

    Raises:
        NotFound: there is no such job.
    """
    _change(tx, job_id, subject=subject)


def finish(tx: Connection, job_id: str, outcome: str, at: Timestamp) -> None:
    """Say that a job is done, and what came of it.

    Raises:
        NotFound: there is no such job, or it ended before.
    """
    _end(tx, job_id, JobState.FINISHED, outcome, at)


def fail(tx: Connection, job_id: str, reason: str, at: Timestamp) -> None:
    """Say that a job ended early, and why.

    Raises:
        NotFound: there is no such job, or it ended before.
    """
    _end(tx, job_id, JobState.FAILED, reason, at)


def cancel_waiting(tx: Connection, job_id: str, by: By) -> None:
    """End a job that no living worker has.

    Raises:
        NotFound: there is no such job.
    """
    _change(tx, job_id, state=JobState.CANCELLED, outcome="Cancelled before it ended.", finished_at=by[1])
    _tell(tx, job_id, JobEventKind.ENDED, "cancelled", by)


def ask_cancellation(tx: Connection, job_id: str, by: By) -> None:
    """Record that somebody asks to stop a job.

    Raises:
        NotFound: there is no such job.
    """
    _tell(tx, job_id, JobEventKind.CANCELLATION, "", by)


def retry(tx: Connection, job_id: str, by: By) -> None:
    """Let a job that ended wait again.

    Raises:
        NotFound: there is no such job.
    """
    values = {"state": JobState.QUEUED, "outcome": "", "finished_at": None, "worker": None}
    _change(tx, job_id, heartbeat_at=None, **values)
    _tell(tx, job_id, JobEventKind.RETRY, "", by)


def log(tx: Connection, job_id: str, lines: Sequence[str], by: By) -> None:
    """Keep what a job says, a row a line.

    Raises:
        NotFound: there is no such job.
    """
    for line in lines:
        _tell(tx, job_id, JobEventKind.LOG, line, by)


def deaths(tx: Connection, job_id: str) -> int:
    """How often the process of a job died and the job waited again, since a person last asked for it."""
    asked = _latest(JobEventKind.RETRY).scalar_subquery()
    queued = select(func.count()).where(
        job_events.c.job_id == jobs.c.id,
        job_events.c.kind == JobEventKind.QUEUED,
        job_events.c.id > func.coalesce(asked, 0),
        job_events.c.text != "",
    )
    found: int = tx.execute(
        select(queued.correlate(jobs).scalar_subquery()).where(jobs.c.job == job_id)
    ).scalar_one()
    return found


def events(tx: Connection, job_id: str, after: int, limit: int) -> tuple[JobEvent, ...]:
    """What happened to a job after the event ``after`` (0: from the start), oldest first.

    Raises:
        NotFound: there is no such job.
    """
    query = select(job_events).where(job_events.c.job_id == _key(tx, job_id), job_events.c.id > after)
    return tuple(_event(row) for row in tx.execute(query.order_by(job_events.c.id).limit(limit)))


def last_log(tx: Connection, job_id: str, limit: int) -> tuple[JobEvent, ...]:
    """The last ``limit`` events of a job, oldest first.

    Raises:
        NotFound: there is no such job.
    """
    query = select(job_events).where(job_events.c.job_id == _key(tx, job_id))
    found = tx.execute(query.order_by(job_events.c.id.desc()).limit(limit)).all()
    return tuple(_event(row) for row in reversed(found))


def get(tx: Connection, start: str) -> Job:
    """The job whose id is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return _job(by_prefix(tx, _select(), jobs.c.job, start, "job"))


def running_for(tx: Connection, kind: JobKind, subject: str) -> Job | None:
    """The latest inline job on ``subject`` that did not end: it runs, or was killed and can be taken up."""
    statement = _select().where(
        jobs.c.kind == kind,
        jobs.c.subject == subject,
        jobs.c.state == JobState.RUNNING,
        jobs.c.request.is_(None),
    )
    row = tx.execute(statement.order_by(jobs.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _job(row)


def latest_for(tx: Connection, kind: JobKind, subjects: Sequence[str]) -> Mapping[str, Job]:
    """The latest job of each of ``subjects`` that a worker did, does or will do."""
    query = _select().where(jobs.c.kind == kind, jobs.c.subject.in_(subjects), jobs.c.request.is_not(None))
    return {row.subject: _job(row) for row in tx.execute(query.order_by(jobs.c.id))}


def page(tx: Connection, after: int | None, limit: int, query: Query | None = None) -> Page[Job]:
    """Jobs, newest first."""
    query = query or Query()
    asked = {"kind": query.kind, "subject": query.subject, "state": query.state}
    statement = _select()
    for name, value in asked.items():
        if value is not None:
            statement = statement.where(jobs.c[name] == value)
    return newest_first(tx, statement, jobs, Cut(after, limit), _job)


def _insert(tx: Connection, job: Job, request: str | None) -> None:
    names = ("kind", "subject", "state", "done", "total", "outcome", "finished_at", "author")
    values = {name: getattr(job, name) for name in names}
    tx.execute(jobs.insert(), values | {"job": job.id, "at": job.started_at, "request": request})


def _end(tx: Connection, job_id: str, state: JobState, outcome: str, at: Timestamp) -> None:
    running = update(jobs).where(jobs.c.job == job_id, jobs.c.state == JobState.RUNNING)
    if tx.execute(running.values(state=state, outcome=outcome, finished_at=at)).rowcount == 0:
        raise NotFound(f"there is no running job {job_id!r}")
    job = get(tx, job_id)
    _tell(tx, job_id, JobEventKind.ENDED, outcome, (job.worker or job.author, at))


def _change(tx: Connection, job_id: str, **values: object) -> None:
    if tx.execute(update(jobs).where(jobs.c.job == job_id).values(**values)).rowcount == 0:
        raise NotFound(f"there is no job {job_id!r}")


def _tell(tx: Connection, job_id: str, kind: JobEventKind, text: str, by: By) -> None:
    row = {"job_id": _key(tx, job_id), "kind": kind, "text": text, "author": by[0], "at": by[1]}
    tx.execute(insert_into(job_events), row)


def _key(tx: Connection, job_id: str) -> int:
    key: int | None = tx.execute(select(jobs.c.id).where(jobs.c.job == job_id)).scalar()
    if key is None:
        raise NotFound(f"there is no job {job_id!r}")
    return key


def _held(claim: Claim) -> Any:
    return and_(
        jobs.c.job == claim.job,
        jobs.c.state == JobState.RUNNING,
        jobs.c.worker == claim.worker,
        jobs.c.attempts == claim.attempt,
    )


def _latest(kind: JobEventKind) -> Select[Any]:
    """The highest event id of ``kind`` of the job of the query around it."""
    events_of = job_events.alias(f"latest_{kind.value}")
    found = select(func.max(events_of.c.id)).where(
        events_of.c.job_id == jobs.c.id, events_of.c.kind == kind
    )
    return found.correlate(jobs)


def _select() -> Select[Any]:
    asked = _latest(JobEventKind.RETRY).scalar_subquery()
    cancellation = exists().where(
        job_events.c.job_id == jobs.c.id,
        job_events.c.kind == JobEventKind.CANCELLATION,
        job_events.c.id > func.coalesce(asked, 0),
    )
    running = or_(jobs.c.state == JobState.RUNNING, jobs.c.state == JobState.QUEUED)
    taken = job_events.alias("taken")
    claimed_at = select(func.max(taken.c.at)).where(
        taken.c.job_id == jobs.c.id, taken.c.kind.in_((JobEventKind.CLAIMED, JobEventKind.RECLAIMED))
    )
    return select(
        jobs,
        and_(running, cancellation.correlate(jobs)).label("cancelling"),
        claimed_at.correlate(jobs).scalar_subquery().label("claimed_at"),
    )


def _event(row: Row[Any]) -> JobEvent:
    return JobEvent(row.id, JobEventKind(row.kind), row.text, row.author, row.at)


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
        request={} if row.request is None else from_text(row.request),
        worker=row.worker,
        heartbeat_at=row.heartbeat_at,
        attempts=row.attempts or 0,
        caption=row.caption or "",
        usage=None if row.usage is None else from_json(Usage, from_text(row.usage)),
        cancelling=bool(row.cancelling),
        claimed_at=row.claimed_at,
    )
