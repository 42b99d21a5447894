"""Which packages a station keeps, and the end of those that nothing there could need any more."""

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from andon.blobs.files import PARTIAL, disk_errors
from andon.domain.stations import Assignment
from andon.units import Digest, is_digest

Packages = frozenset[Digest]


def named(assignment: Assignment) -> Packages:
    """What an assignment runs, goes back to, and judges beside with."""
    others = (assignment.fallback, assignment.shadow)
    return frozenset(
        {assignment.recipe.package, *(one.recipe.package for one in others if one is not None)}
    )


def named_before(last: Assignment | None, new: Assignment, known: Packages | None) -> Packages | None:
    """What was named by the last assignment that named other packages than ``new``; None: not known.

    Args:
        last: what ``new`` takes the place of; None: nothing was ever assigned.
        new: what is to be run from now on.
        known: the same of ``last``; None where an older program did not write it down.
    """
    if last is None:
        return known or frozenset()
    return known if named(last) == named(new) else named(last)


def spent(names: Iterable[str], kept: Collection[Digest]) -> tuple[str, ...]:
    """Those of the names in a folder of packages that are none of ``kept``, whole or in part.

    What is no package, and nothing that was to become or has been one, is left alone.
    """
    return tuple(sorted(name for name in names if (found := _digest(name)) and found not in kept))


def _digest(name: str) -> Digest | None:
    text = name
    if name.startswith(".") and name.endswith(PARTIAL):
        text = name.removeprefix(".").removesuffix(PARTIAL)
    return Digest(text) if is_digest(text) else None


def tidy(folder: Path, kept: Collection[Digest]) -> None:
    """Remove all packages in ``folder`` but those ``kept``; killed at any point, it can be done again.

    A package is whole under its name or not there: it loses the name first.

    Raises:
        OperatorError: the disk does not let one go.
    """
    with disk_errors(folder):
        for name in spent((path.name for path in folder.iterdir()), kept):
            gone = folder / (name if name.endswith(PARTIAL) else f".{name}{PARTIAL}")
            if gone.name != name:
                shutil.rmtree(gone, ignore_errors=True)
                (folder / name).rename(gone)
            shutil.rmtree(gone)
