"""What databases answer becomes our errors, here and once."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from andon.errors import AndonError, BugError, Conflict, DiskFull, InvalidInput, NetworkError, OperatorError

_REPEAT = "Free some space, then repeat the step; what was complete is kept."

_SQLITE: dict[str, tuple[type[AndonError], str, str]] = {
    "SQLITE_FULL": (DiskFull, "no space is left for", _REPEAT),
    "SQLITE_BUSY": (OperatorError, "another program has locked", "Wait for it to end, or stop it."),
    "SQLITE_LOCKED": (OperatorError, "another program has locked", "Wait for it to end, or stop it."),
    "SQLITE_NOTADB": (OperatorError, "this is not a database of Andon:", "Restore it from a backup."),
    "SQLITE_CORRUPT": (OperatorError, "the database is damaged:", "Restore it from a backup."),
    "SQLITE_READONLY": (OperatorError, "not permitted to write", "Check the folder's permissions."),
    "SQLITE_CANTOPEN": (OperatorError, "cannot open", "Check the folder and its permissions."),
    "SQLITE_PERM": (OperatorError, "not permitted to open", "Check the folder's permissions."),
    "SQLITE_IOERR": (OperatorError, "the disk fails under", "Check the disk, then repeat the step."),
}
"""By the first two words of SQLite's error name."""

_POSTGRESQL: dict[str, tuple[type[AndonError], str, str]] = {
    "53": (
        OperatorError,
        "the server is out of resources for",
        "Look at the server, then repeat the step.",
    ),
    "53100": (DiskFull, "no space is left for", _REPEAT),
    "40": (OperatorError, "two writers stood in each other's way in", "Repeat the step."),
    "55P03": (OperatorError, "another program has locked", "Wait for it to end, or stop it."),
    "28": (OperatorError, "the server refuses the login to", "Check user and password."),
    "3D": (OperatorError, "the server does not have the database", "Create it first."),
    "42501": (OperatorError, "the user may not do this in", "Grant it on the server."),
    "57": (NetworkError, "the server ended the connection to", "Try again when it is back."),
    "08": (NetworkError, "the server does not answer for", "Try again when it is back."),
}
"""By SQLSTATE, or its class (first two characters)."""


@contextmanager
def database_errors(name: str) -> Iterator[None]:
    """Turn what the driver raises in the block into the error of whoever must act.

    Raises:
        DiskFull, OperatorError, Conflict, NetworkError: see the tables above.
        InvalidInput: a text is not Unicode.
        BugError: the statement itself is wrong.
    """
    try:
        yield
    except DBAPIError as cause:
        raise _translated(name, cause) from cause
    except UnicodeEncodeError as cause:
        raise InvalidInput(
            f"a text holds characters that are not Unicode: {cause.object[:60]!r}"
        ) from cause
    except SQLAlchemyError as cause:
        raise BugError(f"a statement is wrong: {cause}") from cause


def _translated(name: str, cause: DBAPIError) -> AndonError:
    state = getattr(cause.orig, "sqlstate", None)
    code = getattr(cause.orig, "sqlite_errorname", None) or ""
    if isinstance(cause, IntegrityError) and ("UNIQUE" in str(cause.orig) or state == "23505"):
        return Conflict("somebody else added the same at the same time", "Repeat the step.")
    known = _SQLITE.get("_".join(code.split("_")[:2]))
    known = known or _POSTGRESQL.get(state or "") or _POSTGRESQL.get((state or "")[:2])
    if known is None and code == "" and state is None:
        known = (NetworkError, "the server does not answer for", "Try again when it is back.")
    if known is None:
        return BugError(f"a statement is wrong: {cause.orig}")
    family, message, todo = known
    return family(f"{message} {name}", todo)
