"""The one error tree. Families are named by who must act.

``message`` names the thing and says what is wrong; ``todo`` says what to do next.  Every program turns
an error into words in one place: the command line prints ``message`` and ``todo`` on one line each and
leaves with ``exit_code``.  Foreign errors are wrapped once, at the adapter, ``from`` their cause.
"""

from typing import ClassVar


class AndonError(Exception):
    """Root of everything Andon raises on purpose.

    Args:
        message: one sentence that names the thing and says what is wrong with it.
        todo: one sentence that says what the reader can do about it; may be empty.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, todo: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.todo = todo


class UserError(AndonError):
    """The person who asked must act: a path, a value or a file is wrong."""

    exit_code = 3


class InvalidInput(UserError):
    """Something given from outside does not have the form it must have."""


class NotFound(UserError):
    """A named thing does not exist."""


class Conflict(UserError):
    """What was asked for contradicts something that is already there."""


class LimitExceeded(UserError):
    """Untrusted input is larger than the stated limit; it was refused before being processed."""


class NotPossible(UserError):
    """The data given cannot support what was asked (no defects, one class, too few parts)."""


class Refused(AndonError):
    """A safety rule refused the result: parity failed, a bound was exceeded, a digest does not match."""

    exit_code = 5


class DamagedPackage(Refused):
    """A package is truncated, altered, or holds something no engine may see."""


class ParityFailed(Refused):
    """An exported artefact does not score like the model that was trained."""


class OperatorError(AndonError):
    """Whoever runs the machine must act: disk, permissions, versions, missing programs."""

    exit_code = 4


class DiskFull(OperatorError):
    """No space is left; what was complete is kept, the step can be repeated."""


class UnsupportedVersion(OperatorError):
    """A workspace, package or library has a version this program cannot work with."""


class MissingProgram(OperatorError):
    """An optional part of Andon is needed and not installed."""


class TrainingDiverged(OperatorError):
    """The loss became NaN or infinite; the run ended and its last good checkpoint is kept."""


class NetworkError(AndonError):
    """The other side is away or answers wrongly; trying again later may help."""

    exit_code = 6


class BugError(AndonError):
    """Andon itself is wrong: an invariant does not hold. Please report it."""

    exit_code = 70
