"""Real workers and real job processes, killed at any moment: a job ends once, and is never lost."""

import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from simulators.workers import Workers, until

from andon.domain.images import ImageFilter
from andon.domain.jobs import ENDED, Job, JobEventKind, JobKind, JobState, Usage
from andon.errors import Conflict, InvalidInput, NotFound
from andon.services.images import list_images
from andon.services.jobs import (
    MOST_DEATHS,
    beat,
    cancel_job,
    claim_job,
    enqueue,
    find_job,
    job_events,
    last_events,
    put_back,
    retry_job,
    settle,
    write_log,
)
from andon.services.workspaces import Workspace, create_workspace

PICTURES = 400
USAGE = Usage(1.0, 2, 3)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "ws", "tester")[0]


@pytest.fixture
def workers(workspace: Workspace) -> Iterator[Workers]:
    with Workers(workspace.folder) as started:
        yield started


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in two folders, good and bad."""
    root = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(3)
    for number in range(PICTURES):
        folder = root / ("bad" if number % 4 == 0 else "good")
        folder.mkdir(exist_ok=True)
        pixels = noise.integers(0, 255, (96, 96), dtype=np.uint8)
        assert cv2.imwrite(str(folder / f"{number:04d}.png"), pixels)
    return root


def asked_import(workspace: Workspace, pictures: Path, source: str = "pictures") -> Job:
    request = {"path": str(pictures), "source": source, "layout": "classes"}
    return enqueue(workspace, JobKind.IMPORT_IMAGES, request, source)


def ended(workspace: Workspace, job: Job) -> bool:
    return find_job(workspace, job.id).state in ENDED


def told(workspace: Workspace, job: Job) -> Counter[JobEventKind]:
    return Counter(event.kind for event in job_events(workspace, job))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_any_moment_a_job_ends_exactly_once(
    workspace: Workspace, workers: Workers, pictures: Path, seed: int
) -> None:
    chance = random.Random(seed)
    job = asked_import(workspace, pictures)
    number = 0
    for _ in range(4):
        while len(workers.living()) < 2:
            workers.start(f"w{(number := number + 1)}")
        busy = [program for program in workers.living() if find_job(workspace, job.id).attempts]
        until(lambda: find_job(workspace, job.id).state is not JobState.QUEUED, "somebody has it")
        time.sleep(chance.uniform(0, 1.2))  # the moment of the accident
        victim = chance.choice(workers.living())
        if chance.random() < 0.5 or not busy:
            workers.kill(victim)
            continue
        for process in workers.jobs_of(victim):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
    workers.start("last")
    until(lambda: ended(workspace, job), "the job has ended")
    done = find_job(workspace, job.id)
    assert (done.state, done.done, done.total) == (JobState.FINISHED, PICTURES, PICTURES), done
    assert told(workspace, job)[JobEventKind.ENDED] == 1
    images, _ = list_images(workspace.database, ImageFilter(), None, 10 * PICTURES)
    assert len(images) == PICTURES


def test_a_job_that_fails_says_what_to_do_and_can_be_tried_again(
    workspace: Workspace, workers: Workers, pictures: Path, tmp_path: Path
) -> None:
    job = asked_import(workspace, tmp_path / "later")
    workers.start("w")
    until(lambda: ended(workspace, job), "the job has ended")
    failed = find_job(workspace, job.id)
    assert failed.state is JobState.FAILED
    assert "later" in failed.outcome and "Check the path." in failed.outcome
    (tmp_path / "later").symlink_to(pictures)
    assert retry_job(workspace, job.id).state is JobState.QUEUED
    until(lambda: ended(workspace, job), "the job has ended again")
    assert find_job(workspace, job.id).state is JobState.FINISHED
    assert find_job(workspace, job.id).attempts == 2


def test_a_job_is_cancelled_while_it_runs(workspace: Workspace, workers: Workers, pictures: Path) -> None:
    job = asked_import(workspace, pictures)
    worker = workers.start("w")
    until(lambda: bool(workers.jobs_of(worker)), "the job has a process")
    processes = workers.jobs_of(worker)
    for process in processes:
        process.suspend()  # it cannot end by itself now, and does not hear SIGTERM
    assert cancel_job(workspace, job.id).cancelling
    until(lambda: ended(workspace, job), "the job has ended")
    done = find_job(workspace, job.id)
    assert done.state is JobState.CANCELLED
    assert not psutil.wait_procs(processes, timeout=30)[1]
    with pytest.raises(Conflict, match="has ended"):
        cancel_job(workspace, job.id)
    retry_job(workspace, job.id)
    until(lambda: ended(workspace, job), "the job has ended again")
    assert find_job(workspace, job.id).state is JobState.FINISHED


def test_a_worker_that_is_asked_to_stop_puts_its_job_back(
    workspace: Workspace, workers: Workers, pictures: Path
) -> None:
    job = asked_import(workspace, pictures)
    worker = workers.start("w")
    until(lambda: bool(workers.jobs_of(worker)), "the job has a process")
    for process in workers.jobs_of(worker):
        process.suspend()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert find_job(workspace, job.id).state is JobState.QUEUED
    workers.start("next")
    until(lambda: ended(workspace, job), "the job has ended")
    assert find_job(workspace, job.id).state is JobState.FINISHED


def test_a_worker_that_was_thought_dead_changes_nothing(workspace: Workspace, pictures: Path) -> None:
    job = asked_import(workspace, pictures)
    first = claim_job(workspace, "first")
    assert first is not None and claim_job(workspace, "second") is None, "a job has one worker"
    second = claim_job(workspace, "second", dead_after=0.0)
    assert second is not None and second.job.id == job.id
    assert beat(workspace, first.claim, USAGE) is None
    assert not settle(workspace, first.claim, JobState.FINISHED, "too late")
    assert put_back(workspace, first.claim, "its process died") is None
    now = beat(workspace, second.claim, USAGE)
    assert now is not None and (now.worker, now.attempts, now.usage) == ("second", 2, USAGE)
    kinds = [event.kind for event in job_events(workspace, job)]
    assert kinds == [JobEventKind.QUEUED, JobEventKind.CLAIMED, JobEventKind.RECLAIMED]


def test_a_job_whose_process_dies_each_time_is_given_up(workspace: Workspace, pictures: Path) -> None:
    job = asked_import(workspace, pictures)
    for attempt in range(1, MOST_DEATHS + 1):
        claimed = claim_job(workspace, "w")
        assert claimed is not None
        state = put_back(workspace, claimed.claim, "its process was ended by SIGKILL")
        assert state is (JobState.QUEUED if attempt < MOST_DEATHS else JobState.FAILED)
    assert "5 times" in find_job(workspace, job.id).outcome
    retry_job(workspace, job.id)
    claimed = claim_job(workspace, "w")
    assert claimed is not None
    assert put_back(workspace, claimed.claim, "again") is JobState.QUEUED, "a person asked: counted anew"


def test_a_waiting_job_is_cancelled_at_once_and_one_of_a_command_line_is_not(
    workspace: Workspace, pictures: Path
) -> None:
    job = asked_import(workspace, pictures)
    assert cancel_job(workspace, job.id).state is JobState.CANCELLED
    assert claim_job(workspace, "w") is None
    from andon.services.inspections import begin_job

    inline = begin_job(workspace, JobKind.INSPECT, "folder")
    with pytest.raises(Conflict, match="command line"):
        cancel_job(workspace, inline.id)
    assert claim_job(workspace, "w", dead_after=0.0) is None, "no worker takes it"
    assert begin_job(workspace, JobKind.INSPECT, "folder").id == inline.id


def test_what_cannot_be_done_is_not_taken_in(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="source"):
        enqueue(workspace, JobKind.IMPORT_IMAGES, {"path": "x"}, "x")
    with pytest.raises(InvalidInput, match="folder or a data set"):
        enqueue(workspace, JobKind.INSPECT, {"recipe": "x"}, "x")
    with pytest.raises(NotFound):
        find_job(workspace, "0")


def test_the_log_is_what_the_process_said(workspace: Workspace, pictures: Path) -> None:
    job = asked_import(workspace, pictures)
    claimed = claim_job(workspace, "w")
    assert claimed is not None
    write_log(workspace, claimed.claim, ["one", "two"])
    assert [event.text for event in last_events(workspace, job, 2)] == ["one", "two"]
    first = job_events(workspace, job)[-2]
    assert [event.text for event in job_events(workspace, job, after=first.id)] == ["two"]
