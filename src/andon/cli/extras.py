"""Programs that need an optional part of Andon say so in one line where it is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from andon.errors import MissingProgram


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Import inside this block what the optional part ``extra`` (hub, station, ...) brings.

    Raises:
        MissingProgram: a library of it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as cause:
        if (cause.name or "").split(".")[0] == "andon":
            raise  # our own module is missing: a bug, not something to install
        raise MissingProgram(
            f"this command needs {cause.name}", f"Install what it needs: pip install 'andon[{extra}]'."
        ) from cause
