"""Locks between processes: who holds one works on a thing alone; a process that dies lets go."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from andon.blobs.files import disk_errors
from andon.errors import Conflict


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` (made when missing) during the block; ``what`` names the work.

    Raises:
        Conflict: another living process holds it.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Conflict(f"{what} is going on in another process", "Wait until it ends.") from cause
        yield
    finally:
        os.close(descriptor)


def is_taken(path: Path) -> bool:
    """Whether a living process holds the lock file ``path``.

    It is looked at by sharing it for an instant, so ask only where whoever wants it tries again.
    """
    if not path.exists():
        return False
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
