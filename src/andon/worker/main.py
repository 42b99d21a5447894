"""The worker: takes a job, has a process do it, shows life and takes notes meanwhile, and takes the next.

Asked to stop, it lets the job end if that is soon, else it ends the process and puts the job back: another
worker goes on with it.  Killed, its process ends with it, and another worker takes the job when the
heartbeat is old.
"""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from andon.domain.jobs import ENDED
from andon.errors import NetworkError, OperatorError, Refused, UserError
from andon.services.jobs import Claimed, beat, claim_job, find_job, note_usage, put_back, write_log
from andon.services.signals import tick
from andon.services.workspaces import Workspace, open_workspace
from andon.worker.process import JobProcess
from andon.worker.settings import Settings
from andon.worker.usage import Meter

RETREAT_SECONDS = 5.0
"""After a database that did not answer."""


class Stop:
    """Who asked the worker to stop, how often, and when first."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._asked = 0
        self._since = 0.0
        self._bell = threading.Event()

    def ask(self, *_: object) -> None:
        """Ask to stop; the second time without waiting for the job."""
        self._since = self._since or time.monotonic()
        self._asked += 1
        self._bell.set()

    @property
    def asked(self) -> bool:
        """Whether the worker takes no further job."""
        return self._asked > 0

    @property
    def at_once(self) -> bool:
        """Whether the job that runs is put back."""
        late = self.asked and time.monotonic() - self._since >= self._patience
        return late or self._asked > 1

    def wait(self, seconds: float) -> None:
        """Sleep, but not longer than until somebody asks."""
        self._bell.wait(seconds)


class Watch:
    """Looks at the signals every now and then, between jobs."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = float("-inf")

    def look(self, workspace: Workspace) -> None:
        """Take note of what changed, and start the turns that plans ask for, when it is time to."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._seconds
        try:
            for turn in tick(workspace):
                _say(f"turn {turn.id} of {turn.plan} begins: {turn.cause}")
        except (UserError, Refused) as trouble:
            # Jobs are done whatever the signals say; the next look tries again.
            _say(f"the signals could not be looked at: {trouble.message}. {trouble.todo}")


def work(settings: Settings) -> int:
    """Do jobs of the workspace until a signal (SIGTERM, SIGINT) asks to stop; how many it took.

    Raises:
        NotFound: there is no workspace. UnsupportedVersion, OperatorError: it cannot be opened.
    """
    workspace = open_workspace(settings.workspace, settings.name)
    stop, watch = Stop(settings.patience), Watch(settings.watch)
    taken = 0
    with _signals(stop):
        _say(f"worker {settings.name} waits for jobs in {settings.workspace}")
        while not stop.asked:
            try:
                watch.look(workspace)
                taken += _step(workspace, settings, stop)
            except (OperatorError, NetworkError) as trouble:
                _say(f"{trouble.message}; trying again in {RETREAT_SECONDS:.0f} s. {trouble.todo}")
                stop.wait(RETREAT_SECONDS)
    _say(f"worker {settings.name} has stopped")
    return taken


def _step(workspace: Workspace, settings: Settings, stop: Stop) -> bool:
    """Do one job, if there is one; whether there was."""
    claimed = claim_job(workspace, settings.name, settings.dead_after)
    if claimed is None:
        stop.wait(settings.idle)
        return False
    job = claimed.job
    _say(f"job {job.id} ({job.kind}) is taken, attempt {job.attempts}")
    if job.cancelling:
        put_back(workspace, claimed.claim)
        return True
    _run(workspace, settings, claimed, stop)
    ended = find_job(workspace, job.id)
    _say(f"job {job.id} is {ended.state}: {ended.outcome or 'put back'}")
    return True


def _run(workspace: Workspace, settings: Settings, claimed: Claimed, stop: Stop) -> None:
    """Have a process do the job, to its end in whatever way."""
    process = JobProcess(settings, claimed)
    folders = (workspace.runs / claimed.job.subject, workspace.inspections / claimed.job.id)
    meter = Meter(process.id, folders)
    try:
        while not process.ended(settings.beat):
            write_log(workspace, claimed.claim, process.lines())
            now = beat(workspace, claimed.claim, meter.read())
            if now is None:
                _let_leave(workspace, claimed, process, settings.grace)
                break
            if now.cancelling or stop.at_once:
                break
    finally:
        process.end()
    write_log(workspace, claimed.claim, process.lines())
    note_usage(workspace, claimed.claim, meter.last())
    put_back(workspace, claimed.claim, "" if stop.at_once else process.death())


def _let_leave(workspace: Workspace, claimed: Claimed, process: JobProcess, grace: float) -> None:
    """A process that has said how its job ended leaves by itself; one whose job another has does not."""
    job = find_job(workspace, claimed.job.id)
    if job.state in ENDED and job.attempts == claimed.claim.attempt:
        process.ended(grace)


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
