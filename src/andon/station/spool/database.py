"""The file of the spool: its tables, its transactions, and what its failures are called.

Every change is on the disk when its call returns (WAL, ``synchronous=FULL``).  One connection, used by one
thread at a time; it alone checkpoints, when asked, because a checkpoint takes longer than a record may.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from andon.errors import DiskFull, OperatorError, UnsupportedVersion

OLDEST_SQLITE = (3, 51, 3)
CHECKPOINT_PAGES = 1000

_FIRST = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, stage INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX records_open ON records (sequence) WHERE stage < 2;
CREATE TABLE reviews (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE aside (id TEXT PRIMARY KEY, body TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, content BLOB, worth INTEGER NOT NULL,
    state TEXT NOT NULL
);
CREATE TABLE uses (record TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (record, digest)) WITHOUT ROWID;
CREATE INDEX uses_digest ON uses (digest);
CREATE INDEX blobs_state ON blobs (state, worth);
CREATE INDEX blobs_files ON blobs (state <> 'sent', worth) WHERE content IS NULL;
CREATE TABLE held (
    id TEXT PRIMARY KEY, queue TEXT NOT NULL, blob TEXT, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals VALUES ('records', 0), ('held', 0), ('aside', 0), ('image bytes', 0);
"""

_COUNTED = """
CREATE TRIGGER {table}_more AFTER INSERT ON {table} BEGIN
    UPDATE totals SET value = value + 1 WHERE name = '{table}';
END;
CREATE TRIGGER {table}_less AFTER DELETE ON {table} BEGIN
    UPDATE totals SET value = value - 1 WHERE name = '{table}';
END;
"""

_MEASURED = """
CREATE TRIGGER blobs_more AFTER INSERT ON blobs WHEN new.content IS NULL BEGIN
    UPDATE totals SET value = value + new.size WHERE name = 'image bytes';
END;
CREATE TRIGGER blobs_less AFTER DELETE ON blobs WHEN old.content IS NULL BEGIN
    UPDATE totals SET value = value - old.size WHERE name = 'image bytes';
END;
"""
"""Totals are kept, not counted: after days without a hub there are millions of rows."""

_FEEDBACK = """
CREATE TABLE chosen (
    id TEXT PRIMARY KEY, inspection TEXT NOT NULL, blob TEXT NOT NULL, rank INTEGER NOT NULL,
    body TEXT NOT NULL, told INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX chosen_untold ON chosen (id) WHERE told = 0;
CREATE INDEX chosen_order ON chosen (rank, id);
CREATE INDEX chosen_blob ON chosen (blob);
CREATE TABLE owed (
    inspection TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (inspection, digest)
) WITHOUT ROWID;
CREATE INDEX owed_digest ON owed (digest);
CREATE TABLE given_up (inspection TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE days (day TEXT PRIMARY KEY, pictures INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals VALUES ('chosen', 0);
"""
"""Whose pictures are sent and why, which the hub waits for, and how many went on each day."""

_READY = """
ALTER TABLE given_up ADD COLUMN ready INTEGER NOT NULL DEFAULT 1;
UPDATE given_up SET ready = 0 WHERE inspection IN (SELECT id FROM records);
CREATE INDEX given_up_ready ON given_up (inspection) WHERE ready = 1;
"""
"""Which pictures the hub can be told of now; after days without a hub there are many that it cannot."""

STEPS = (
    _FIRST + "".join(_COUNTED.format(table=table) for table in ("records", "held", "aside")) + _MEASURED,
    _FEEDBACK + _COUNTED.format(table="chosen"),
    _READY,
)
"""What makes each version of the file of the one before it, the first of nothing; only ever added to."""


class Database:
    """One connection to the file; ``steps`` make its tables.

    Raises:
        DiskFull: no space is left; nothing of the call was done.
        OperatorError: the file cannot be read or written, or is damaged.
        UnsupportedVersion: a newer program made it, or this SQLite cannot be trusted with it.
    """

    def __init__(self, path: Path, vfs: str | None = None, steps: Sequence[str] = STEPS) -> None:
        _check_library()
        self._path = path
        self._steps = steps
        with _failures(path):
            self._connection = apsw.Connection(str(path), vfs=vfs)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
                self._connection.execute(f"PRAGMA {pragma}")
        with self.change():
            self._prepare()

    def close(self) -> None:
        """Let go of the file; where its log cannot be brought into it now, the next one to open it does."""
        with _failures(self._path):
            self._connection.close()

    def changes(self) -> int:
        """Rows that the last statement changed."""
        return int(self._connection.changes())

    def run(self, statement: str, bindings: tuple[object, ...] = ()) -> None:
        """Do it inside of a :meth:`change`."""
        self._connection.execute(statement, bindings)

    def rows(self, statement: str, bindings: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """What it gives, whole."""
        with _failures(self._path):
            return list(self._connection.execute(statement, bindings))

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: all of it is on the disk afterwards, or nothing is."""
        with _failures(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def checkpoint(self) -> None:
        """Bring the log into the file once it is long; a failure leaves the log as it is, which is safe."""
        with _failures(self._path):
            pages, moved = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            if pages > CHECKPOINT_PAGES and moved < pages:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _prepare(self) -> None:
        version, newest = self.rows("PRAGMA user_version")[0][0], len(self._steps)
        if version > newest:
            raise UnsupportedVersion(
                f"{self._path} was made by a newer Andon (format {version}, this one reads {newest})",
                "Install a newer Andon.",
            )
        for step in self._steps[version:]:
            self.run(step)
        self.run(f"PRAGMA user_version = {newest}")


def _check_library() -> None:
    found = apsw.sqlite_lib_version()
    if tuple(int(number) for number in found.split(".")) < OLDEST_SQLITE:
        raise UnsupportedVersion(
            f"this SQLite is {found}; older ones than 3.51.3 can damage a spool", "Install a newer apsw."
        )


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.FullError as cause:
        raise DiskFull(
            f"no space is left for {path}", "Free some space; the station goes on by itself."
        ) from cause
    except apsw.Error as cause:
        raise OperatorError(
            f"the spool {path} cannot be used: {cause}", "Look at the disk and its messages."
        ) from cause
