"""Supervision by progress: whoever is at a step too long ends the program, so that it is started anew.

It runs in a thread of its own, because the loop itself may be what hangs.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STUCK = 75
"""Exit code of a program that ended itself because a loop made no progress (EX_TEMPFAIL)."""


class Watch:
    """Knows until when each loop must have made its next step.

    Args:
        monotonic: seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._due: dict[str, float] = {}

    @contextmanager
    def step(self, loop: str, patience: float) -> Iterator[None]:
        """The block must end within ``patience`` seconds, or :meth:`progress` be called in it."""
        self.progress(loop, patience)
        try:
            yield
        finally:
            self._due.pop(loop, None)

    def progress(self, loop: str, patience: float) -> None:
        """The loop moved; it must do so again within ``patience`` seconds."""
        self._due[loop] = self._monotonic() + patience

    def overdue(self) -> str | None:
        """Name of a loop that is stuck; None where all of them move."""
        now = self._monotonic()
        return next((loop for loop, due in list(self._due.items()) if now > due), None)

    def guard(self, every: float = 1.0) -> threading.Event:
        """Start the thread that ends this program when a loop is stuck; setting the event ends it."""
        stop = threading.Event()
        threading.Thread(target=self._guard, args=(stop, every), name="watch", daemon=True).start()
        return stop

    def _guard(self, stop: threading.Event, every: float) -> None:
        while not stop.wait(every):
            loop = self.overdue()
            if loop is not None:
                sys.stderr.write(f"andon: the loop {loop!r} made no progress; the station ends itself\n")
                sys.stderr.flush()
                os._exit(STUCK)
