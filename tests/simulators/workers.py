"""Workers as real programs, that a test may kill; all end when the test does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import psutil

PATIENCE = 90.0


def until(met: Callable[[], bool], what: str) -> None:
    """Look again and again until ``met``; a bounded number of seconds."""
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


class Workers:
    """Programs ``andon worker`` on one workspace."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._log = (workspace.parent / "workers.log").open("ab")
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._started:
            if program.poll() is None:
                self.kill(program)
        self._log.close()

    def start(self, name: str, patience: float = 0.0) -> subprocess.Popen[bytes]:
        """A worker that takes the jobs of workers without a heartbeat for 3 seconds."""
        code = "from andon.cli.main import run; run()"
        options = ["--name", name, "--dead-after", "3", "--patience", str(patience)]
        program = subprocess.Popen(
            [sys.executable, "-c", code, "-w", str(self._workspace), "worker", *options],
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._started.append(program)
        return program

    def living(self) -> list[subprocess.Popen[bytes]]:
        """Those that run."""
        return [program for program in self._started if program.poll() is None]

    @staticmethod
    def kill(program: subprocess.Popen[bytes]) -> None:
        """kill -9, and see that the process of its job dies with it."""
        jobs = Workers.jobs_of(program)
        program.send_signal(signal.SIGKILL)
        program.wait()
        _, alive = psutil.wait_procs(jobs, timeout=PATIENCE)
        assert not alive, "the process of the job outlived its worker"

    @staticmethod
    def jobs_of(program: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """The processes of the jobs of a worker."""
        try:
            return psutil.Process(program.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
