"""Jobs on both databases: one job has one worker, and every word about it is a row."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from andon.domain.jobs import Job, JobEventKind, JobKind, JobState, Usage
from andon.errors import NotFound
from andon.store import jobs
from andon.store.database import Database
from andon.units import Timestamp

T0, T1, T2, T3 = (Timestamp(f"2026-01-0{day}T00:00:00.000000Z") for day in (1, 2, 3, 4))
USAGE = Usage(1.5, 2, 3)


def job(name: str) -> Job:
    return Job(name, JobKind.TRAIN, f"run of {name}", JobState.QUEUED, "mara", T0, request={"dataset": "x"})


def test_jobs(tx: Connection) -> None:
    assert jobs.running_for(tx, JobKind.INSPECT, "folder") is None
    started = jobs.start(tx, "0a", JobKind.INSPECT, "folder", ("mara", T0))
    jobs.start(tx, "0b", JobKind.INSPECT, "elsewhere", ("mara", T0))
    jobs.progress(tx, "0a", 3, 10)
    jobs.progress(tx, "0a", 4)
    assert jobs.running_for(tx, JobKind.INSPECT, "folder") == replace(started, done=4, total=10)
    jobs.finish(tx, "0a", "10 images", T1)
    jobs.fail(tx, "0b", "disk full", T1)
    assert jobs.running_for(tx, JobKind.INSPECT, "folder") is None
    assert [(j.id, j.state, j.outcome) for j in jobs.page(tx, None, 9).rows] == [
        ("0b", JobState.FAILED, "disk full"), ("0a", JobState.FINISHED, "10 images"),
    ]  # fmt: skip
    assert jobs.get(tx, "0a").finished_at == T1
    with pytest.raises(NotFound):
        jobs.progress(tx, "0c", 1)


def test_a_job_from_the_wish_to_the_outcome(tx: Connection) -> None:
    jobs.enqueue(tx, job("a"))
    jobs.start(tx, "b", JobKind.INSPECT, "folder", ("mara", T0))
    taken = jobs.claim(tx, ("w1", T1), T0)
    assert taken is not None
    assert (taken.id, taken.state, taken.attempts, taken.claimed_at) == ("a", JobState.RUNNING, 1, T1)
    assert jobs.claim(tx, ("w2", T1), T0) is None, "the work of a command line waits for nobody"
    again = jobs.claim(tx, ("w2", T3), T2)
    assert again is not None and (again.worker, again.attempts) == ("w2", 2), "w1 was silent since T2"
    old, new = jobs.Claim("a", "w1", 1), jobs.Claim("a", "w2", 2)
    assert jobs.beat(tx, old, T3, USAGE) is None
    assert not jobs.settle(tx, old, JobState.FINISHED, "late", ("w1", T3))
    jobs.ask_cancellation(tx, "a", ("mara", T3))
    seen = jobs.beat(tx, new, T3, USAGE)
    assert seen is not None and seen.cancelling and seen.usage == USAGE
    jobs.log(tx, "a", ["one", "two"], ("w2", T3))
    assert jobs.settle(tx, new, JobState.CANCELLED, "stopped", ("w2", T3))
    assert jobs.latest_for(tx, JobKind.TRAIN, ["run of a", "none"])["run of a"].outcome == "stopped"
    jobs.retry(tx, "a", ("mara", T3))
    waiting = jobs.get(tx, "a")
    assert (waiting.state, waiting.cancelling, waiting.worker) == (JobState.QUEUED, False, None)
    kinds = [event.kind for event in jobs.events(tx, "a", 0, 99)]
    assert kinds == [
        JobEventKind.QUEUED, JobEventKind.CLAIMED, JobEventKind.RECLAIMED, JobEventKind.CANCELLATION,
        JobEventKind.LOG, JobEventKind.LOG, JobEventKind.ENDED, JobEventKind.RETRY,
    ]  # fmt: skip


def test_deaths_are_counted_since_a_person_asked(tx: Connection) -> None:
    jobs.enqueue(tx, job("a"))
    for attempt, reason in ((1, "died"), (2, ""), (3, "died")):
        jobs.claim(tx, ("w", T1), T0)
        jobs.settle(tx, jobs.Claim("a", "w", attempt), JobState.QUEUED, reason, ("w", T1))
    assert jobs.deaths(tx, "a") == 2, "being put back by a worker that stops is no death"
    jobs.retry(tx, "a", ("mara", T2))
    assert jobs.deaths(tx, "a") == 0


def test_many_workers_never_share_a_job(database: Database) -> None:
    names = [f"{number:02d}" for number in range(12)]
    with database.write() as tx:
        for name in names:
            jobs.enqueue(tx, job(name))

    def worker(number: int) -> list[str]:
        found = []
        while True:
            with database.write() as tx:
                taken = jobs.claim(tx, (f"w{number}", T1), T0)
            if taken is None:
                return found
            found.append(taken.id)

    with ThreadPoolExecutor(4) as pool:
        taken = [name for found in pool.map(worker, range(4)) for name in found]
    assert sorted(taken) == names
