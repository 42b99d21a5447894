"""The process of a job as its worker sees it: started in a group of its own, heard, and ended."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque

from andon.services.jobs import Claimed
from andon.worker.settings import Settings

LONGEST_LINE = 1000
MOST_LINES = 5000
"""Lines of log that are kept of one attempt; a job that says more has said too much."""


class JobProcess:
    """One running job. Whoever starts it must call :meth:`end`, also after it ended by itself."""

    def __init__(self, settings: Settings, claimed: Claimed) -> None:
        claim = claimed.claim
        arguments = [str(settings.workspace), claim.job, claim.worker, str(claim.attempt)]
        self._grace = settings.grace
        self._process = subprocess.Popen(
            [sys.executable, "-m", "andon.worker.job", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.id = self._process.pid
        self._lines: deque[str] = deque()
        self._heard = threading.Thread(target=self._listen, daemon=True)
        self._heard.start()

    def ended(self, within: float) -> bool:
        """Wait so many seconds for its end; whether it came."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def lines(self) -> list[str]:
        """What it said since the last time, a text a line."""
        said = []
        while self._lines:
            said.append(self._lines.popleft())
        return said

    def end(self) -> None:
        """Ask it to end, then kill it and all its children; its last words can still be read."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            self.ended(self._grace)
        self._signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._heard.join(self._grace)

    def death(self) -> str:
        """How a process that ended did so, in words."""
        code = self._process.returncode
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended without a word (exit code {code})"

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.id, number)
        except ProcessLookupError:
            return  # nobody is left in the group

    def _listen(self) -> None:
        """Hear to the end, so that the process never waits for its reader."""
        assert self._process.stdout is not None
        count = 0
        with self._process.stdout as output:
            while raw := output.readline(LONGEST_LINE):
                count += 1
                if count <= MOST_LINES:
                    self._lines.append(_clean(raw))
                elif count == MOST_LINES + 1:
                    self._lines.append("... it said more than is kept")


def _clean(raw: bytes) -> str:
    text = raw.decode(errors="replace").rstrip()
    return "".join(letter if letter.isprintable() else " " for letter in text)
