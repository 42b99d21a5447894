"""How long a recipe takes for a part, and how much memory: each in a process of its own, taking turns.

The process is ``python -m andon.runtime.timing``.  It is told what to run by one line of JSON on its
standard input, answers with an empty line when it can, and then with the milliseconds of each picture it is
given (its length as 4 bytes, big-endian, and its bytes).  A length of 0 asks for the peak of its memory and
ends it.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from andon.domain.models import Variant
from andon.domain.recipes import Recipe
from andon.domain.serial import canonical, from_json
from andon.errors import OperatorError
from andon.units import Digest

WARM_UP = 3
"""Pictures that are not counted."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process times.

    Attributes:
        folder: of the package. template: to locate parts by, base64.
    """

    folder: str
    recipe: Recipe
    variant: Variant
    threads: int = 1
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds from image bytes to verdict, and the peak of the process's memory in bytes."""

    median: float
    p95: float
    memory: int


def setup_of(folder: Path, recipe: Recipe, variant: Variant, threads: int, template: bytes | None) -> Setup:
    """A recipe with its package in ``folder`` and the picture it locates parts by."""
    coded = None if template is None else base64.b64encode(template).decode()
    return Setup(str(folder), recipe, variant, threads, coded)


def time_alternately(setups: Sequence[Setup], contents: Sequence[bytes]) -> tuple[Timing, ...]:
    """Judge all ``contents`` (image files, at least one) by all ``setups``, which take turns.

    Raises:
        OperatorError: a process ended without an answer.
    """
    processes: list[_Process] = []
    try:
        processes += (_Process(setup) for setup in setups)
        for process in processes:
            process.wait()
        times: list[list[float]] = [[] for _ in processes]
        for content in [contents[0]] * WARM_UP + list(contents):
            for process, own in zip(processes, times, strict=True):
                own.append(process.milliseconds(content))
        return tuple(
            _timing(own[WARM_UP:], process.end()) for process, own in zip(processes, times, strict=True)
        )
    finally:
        for process in processes:
            process.close()


def _timing(times: Sequence[float], memory: int) -> Timing:
    median, p95 = np.percentile(times, [50, 95])
    return Timing(float(median), float(p95), memory)


class _Process:
    def __init__(self, setup: Setup) -> None:
        command = [sys.executable, "-m", "andon.runtime.timing"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe)
        self._send(canonical(setup) + b"\n")

    def wait(self) -> None:
        self._answer()

    def milliseconds(self, content: bytes) -> float:
        self._send(len(content).to_bytes(4) + content)
        return float(self._answer())

    def end(self) -> int:
        self._send((0).to_bytes(4))
        return int(self._answer())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _send(self, content: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(content)
        except BrokenPipeError as cause:
            raise OperatorError("the process that times a model has ended", "Look at the log.") from cause

    def _answer(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise OperatorError("the process that times a model has ended", "Look at the log.")
        return line


def main() -> int:
    """Time what standard input says until it ends."""
    from andon.runtime.inspector import Inspector
    from andon.runtime.package import load_package
    from andon.runtime.telemetry import forbid

    forbid()
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    setup = from_json(Setup, json.loads(orders.readline()))
    template = None if setup.template is None else base64.b64decode(setup.template)
    package = load_package(Path(setup.folder), Digest(setup.recipe.package))
    inspector = Inspector(package, setup.recipe, setup.variant, setup.threads, template)
    _say(answers, "")
    while length := int.from_bytes(orders.read(4)):
        _say(answers, repr(inspector.inspect(orders.read(length)).milliseconds))
    _say(answers, str(_peak()))
    return 0


def _say(answers: IO[bytes], text: str) -> None:
    answers.write(f"{text}\n".encode())
    answers.flush()


def _peak() -> int:
    """Bytes. Not ``getrusage``, whose peak begins with that of the process that started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    lines: Mapping[str, str] = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    sys.exit(main())
