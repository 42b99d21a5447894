"""What the process of a job takes of the machine."""

import time
from pathlib import Path

import psutil

from andon.domain.jobs import Usage

FOLDER_SECONDS = 10.0
"""Between two looks at the size of the folder: it may hold many files."""


class Meter:
    """Measures one process and its children, and the folders the job writes."""

    def __init__(self, process: int, folders: tuple[Path, ...]) -> None:
        self._process = process
        self._folders = folders
        self._cpu: dict[int, float] = {}
        self._memory = 0
        self._disk = 0
        self._next_look = 0.0

    def read(self) -> Usage:
        """CPU seconds of all its processes so far, memory when last seen, bytes on the disk."""
        memory = 0
        for process in self._family():
            try:
                times = process.cpu_times()
                memory += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self._cpu[process.pid] = times.user + times.system
        self._memory = memory or self._memory
        return Usage(sum(self._cpu.values()), self._memory, self._bytes())

    def last(self) -> Usage:
        """What it took in the end; memory as it was when last seen alive."""
        self._next_look = 0.0
        return self.read()

    def _family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self._process)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _bytes(self) -> int:
        if time.monotonic() >= self._next_look:
            self._disk = sum(_size(folder) for folder in self._folders)
            self._next_look = time.monotonic() + FOLDER_SECONDS
        return self._disk


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # files come and go while the job works
            continue
    return total
