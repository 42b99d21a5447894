"""Real programs in processes of their own: started, watched, killed, started again, and always ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
SOURCE = Path(__file__).parents[2] / "src"
PATIENCE = 180.0
"""Seconds after which something that should happen counts as not happening, on a busy machine too."""


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(what: str, look: Callable[[], T | None], patience: float = PATIENCE, every: float = 0.1) -> T:
    """What ``look`` gives as soon as it is true, asked again and again.

    Raises:
        TimeoutError: it never was within ``patience`` seconds.
    """
    end = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"in {patience:g} s not seen: {what}")
        time.sleep(every)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Program:
    """One command that runs; its talk goes into ``log``.

    Attributes:
        setting: added to the environment. starts: how often it was started.
    """

    name: str
    command: Sequence[str]
    log: Path
    setting: Mapping[str, str] = field(default_factory=dict)
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Program":
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", **self.setting}
        with self.log.open("ab") as talk:
            self.process = subprocess.Popen(
                self.command, stdout=talk, stderr=talk, stdin=subprocess.DEVNULL, env=environment
            )
        self.starts += 1
        return self

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9, and nobody tidies up behind it; its children are left to notice by themselves."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end; what it answers. It is killed where it does not end, and that is an error."""
        assert self.process is not None
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end when asked\n{self.tail()}") from None

    def family(self) -> list[psutil.Process]:
        """The process and all below it, as far as they live."""
        if not self.alive():
            return []
        assert self.process is not None
        try:
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def memory(self) -> int:
        """Resident bytes of the whole family."""
        return sum(resident(member) for member in self.family())

    def tail(self, lines: int = 30) -> str:
        """The end of what it said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def python(*module: str) -> list[str]:
    """The command that runs a module with this Python."""
    return [sys.executable, "-m", *module]
