"""Files that are whole or absent, also after a power cut; what disks answer becomes our errors here."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from andon.errors import DiskFull, OperatorError

PARTIAL = ".partial"
"""Ending of files that are still being written; ``<anything>.<process id>.<random>.partial``."""

SWEEP_AGE = 600.0
"""Seconds a file of a dead process must have rested before it is swept: its process may live in another
container, where its id is not ours to judge."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_durably(path: Path, content: bytes) -> None:
    """Make ``path`` hold ``content``: a reader sees the old file or the new one, never a part.

    Returns after the bytes and the name are on the disk.  Concurrent writers are safe, the last wins.

    Raises:
        DiskFull: no space is left; the old file is kept.
        OperatorError: the folder is missing or cannot be written.
    """
    with disk_errors(path):
        sweep_partials(path.parent, f".{path.name}.")
        partial = path.with_name(partial_name(f".{path.name}"))
        write_partial(partial, content)
        partial.replace(path)
        sync_folder(path.parent)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into the error of whoever must act.

    Raises:
        DiskFull: the disk or the quota is full.
        OperatorError: anything else the operating system refuses.
    """
    try:
        yield
    except OSError as cause:
        if cause.errno in _NO_SPACE:
            raise DiskFull(
                f"no space is left for {path}", "Free some space, then repeat the step; nothing is lost."
            ) from cause
        reason = cause.strerror or type(cause).__name__
        raise OperatorError(
            f"cannot write {path}: {reason}", "Check the folder and its permissions."
        ) from cause


def partial_name(start: str) -> str:
    """A file name that no other writer uses, starting with ``start``."""
    return f"{start}.{os.getpid()}.{os.urandom(8).hex()}{PARTIAL}"


def write_partial(partial: Path, content: bytes) -> None:
    """Write ``content`` to the new file ``partial`` and bring it to the disk; it is removed on failure.

    Raises:
        OSError: as the operating system says.
    """
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Bring the names in ``folder`` to the disk; quick when they are there already.

    Raises:
        OSError: as the operating system says.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_partials(folder: Path, start: str = "") -> None:
    """Remove what killed writers left in ``folder``: old partial files, by name, of dead processes.

    Raises:
        OSError: as the operating system says.
    """
    for entry in os.scandir(folder):
        if entry.name.startswith(start) and entry.name.endswith(PARTIAL) and _is_abandoned(entry):
            Path(entry.path).unlink(missing_ok=True)


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    process = entry.name.removesuffix(PARTIAL).split(".")[-2:-1]
    if not process or not process[0].isdigit() or _is_alive(int(process[0])):
        return False
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > SWEEP_AGE
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
