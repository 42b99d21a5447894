"""Settings of a worker."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from andon.services.jobs import DEAD_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Settings:
    """How a worker works; all times in seconds.

    Attributes:
        name: stands in the rows of the jobs it takes.
        patience: asked to stop, it lets its job go on for so long before it is put back.
        dead_after: another worker without a heartbeat for so long is dead, and its job is taken.
        beat: between two heartbeats. idle: between two looks for work.
        watch: between two looks at the signals.
        grace: a process that was asked to end and did not is killed after it.
    """

    workspace: Path
    name: str
    patience: float = 10.0
    dead_after: float = DEAD_AFTER_SECONDS
    beat: float = 1.0
    idle: float = 0.5
    grace: float = 5.0
    watch: float = 60.0


def default_name() -> str:
    """The name of the machine and the number of the process."""
    return f"{socket.gethostname()}-{os.getpid()}"
