"""The process of one job: ``python -m andon.worker.job WORKSPACE JOB WORKER ATTEMPT``.

It lives as long as its worker: the worker holds the other end of its standard input, and when that
closes, whatever the reason, the process ends itself.  A lock makes sure that no job is done twice at a
time, also when a worker that was thought dead was not.  What it prints becomes the log of the job.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from andon.blobs.locks import alone
from andon.domain.jobs import Job, JobState
from andon.errors import AndonError, BugError, Conflict
from andon.runtime.telemetry import forbid
from andon.services.jobs import find_job, report_progress, settle
from andon.services.workspaces import Workspace, open_workspace
from andon.store.jobs import Claim
from andon.worker.kinds import do

LOCK_PATIENCE = 30.0
"""Seconds the process of a dead worker may take to end before its job is given up."""

REPORT_SECONDS = 0.5
"""Between two rows of progress."""

SAY_SECONDS = 10.0
"""Between two lines of progress in the log."""


def main(arguments: list[str]) -> int:
    """Do the job and say how it ended; the exit code is that of its error."""
    folder, job_id, worker, attempt = arguments
    threading.Thread(target=_end_with_worker, daemon=True).start()
    forbid()
    claim = Claim(job_id, worker, int(attempt))
    workspace = open_workspace(Path(folder), worker)
    with _once(workspace, claim):
        job = find_job(workspace, job_id)
        if (job.state, job.worker, job.attempts) != (JobState.RUNNING, claim.worker, claim.attempt):
            return 0
        return _do(replace(workspace, who=job.author), job, claim)


def _do(workspace: Workspace, job: Job, claim: Claim) -> int:
    progress = Progress(workspace, job)
    try:
        outcome = do(workspace, job, progress.report)
    except AndonError as error:
        settle(workspace, claim, JobState.FAILED, _sentence(error))
        return error.exit_code
    except Exception as bug:
        reason = f"this is a bug in Andon ({type(bug).__name__}: {bug})"
        settle(workspace, claim, JobState.FAILED, f"{reason}. Please report it with the log.")
        raise
    progress.flush()
    settle(workspace, claim, JobState.FINISHED, outcome)
    return 0


def _sentence(error: AndonError) -> str:
    return f"{error.message}. {error.todo}" if error.todo else error.message


class Progress:
    """Writes how far a job is, not more often than people can read."""

    def __init__(self, workspace: Workspace, job: Job) -> None:
        self._workspace = workspace
        self._job = job
        self._pending: tuple[int, int | None, str] | None = None
        self._written = self._said = float("-inf")

    def report(self, done: int, total: int | None, text: str) -> None:
        """Take note; the row is written when the last one is old enough."""
        self._pending = (done, total, text)
        if time.monotonic() - self._written >= REPORT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was reported last."""
        if self._pending is None:
            return
        done, total, text = self._pending
        self._pending = None
        report_progress(self._workspace, self._job.id, (done, total), text)
        self._written = time.monotonic()
        if self._written - self._said >= SAY_SECONDS:
            self._said = self._written
            sys.stdout.write(f"{done} of {total or '?'} {text}".rstrip() + "\n")
            sys.stdout.flush()


@contextmanager
def _once(workspace: Workspace, claim: Claim) -> Iterator[None]:
    """Wait until no other process does the job, then keep all others from it."""
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            with alone(workspace.locks / f"job-{claim.job}", f"job {claim.job}"):
                yield
            return
        except Conflict as conflict:
            if time.monotonic() > deadline:
                settle(workspace, claim, JobState.FAILED, _sentence(conflict))
                raise
        time.sleep(0.1)


def _end_with_worker() -> None:
    """Return never: the worker writes nothing, so the first thing that can be read is its end."""
    os.read(sys.stdin.fileno(), 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except AndonError as failed:
        sys.stderr.write(_sentence(failed) + "\n")
        sys.exit(failed.exit_code or BugError.exit_code)
