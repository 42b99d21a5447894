"""The spool: records, reviews and small pictures that the hub has not receipted, in one SQLite file.

Every change is on the disk when its call returns (WAL, ``synchronous=FULL``).  One connection, used by one
thread at a time; it alone checkpoints, when asked, because a checkpoint takes longer than a record may.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw

from andon.domain.feedback import Queue, Review
from andon.domain.inspections import Inspection, Kept
from andon.domain.serial import from_json, to_json
from andon.errors import DiskFull, OperatorError, UnsupportedVersion
from andon.units import Digest

VERSION = 1
OLDEST_SQLITE = (3, 51, 3)
CHECKPOINT_PAGES = 1000
MAX_HELD = 500
"""Parts that wait for a person; beyond, the oldest are only on the hub."""

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ready INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX records_open ON records (sequence) WHERE ready = 0;
CREATE TABLE reviews (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE aside (id TEXT PRIMARY KEY, body TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, content BLOB, worth INTEGER NOT NULL,
    state TEXT NOT NULL, record TEXT NOT NULL
);
CREATE INDEX blobs_record ON blobs (record);
CREATE INDEX blobs_state ON blobs (state, worth);
CREATE INDEX blobs_files ON blobs (state <> 'sent', worth) WHERE content IS NULL;
CREATE TABLE held (
    id TEXT PRIMARY KEY, queue TEXT NOT NULL, blob TEXT, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals VALUES ('records', 0), ('held', 0), ('aside', 0), ('image bytes', 0);
"""

COUNTED = """
CREATE TRIGGER {table}_more AFTER INSERT ON {table} BEGIN
    UPDATE totals SET value = value + 1 WHERE name = '{table}';
END;
CREATE TRIGGER {table}_less AFTER DELETE ON {table} BEGIN
    UPDATE totals SET value = value - 1 WHERE name = '{table}';
END;
"""

MEASURED = """
CREATE TRIGGER blobs_more AFTER INSERT ON blobs WHEN new.content IS NULL BEGIN
    UPDATE totals SET value = value + new.size WHERE name = 'image bytes';
END;
CREATE TRIGGER blobs_less AFTER DELETE ON blobs WHEN old.content IS NULL BEGIN
    UPDATE totals SET value = value - old.size WHERE name = 'image bytes';
END;
"""
"""Totals are kept, not counted: after days without a hub there are millions of rows."""


class _Fact:
    SEQUENCE = "sequence"
    FLOOR = "assignment-floor"
    ASSIGNMENT = "assignment"
    HUB_KEY = "hub-key"


class _BlobState:
    """A blob waits for its record's receipt, is then wanted by the hub or not, and is gone or held."""

    WAITING = "waiting"
    WANTED = "wanted"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """One picture of a record.

    Attributes:
        content: the bytes of a thumbnail; None where they are a file known by the digest.
        worth: what is given up first when the disk runs out has the lowest.
    """

    digest: Digest
    size: int
    content: bytes | None
    worth: int


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part that waits for a person."""

    queue: Queue
    inspection: Inspection


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the next delivery holds, as JSON texts with their ids, oldest first."""

    records: tuple[tuple[str, str], ...]
    reviews: tuple[tuple[str, str], ...]


class Spool:
    """The file of one station.

    Raises:
        DiskFull: no space is left; nothing of the call was done.
        OperatorError: the file cannot be read or written, or is damaged.
        UnsupportedVersion: a newer program made it, or this SQLite cannot be trusted with it.
    """

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        _check_library()
        self._path = path
        with _failures(path):
            self._connection = apsw.Connection(str(path), vfs=vfs)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
                self._connection.execute(f"PRAGMA {pragma}")
        with self._change():
            self._prepare()

    def close(self) -> None:
        """Let go of the file; where its log cannot be brought into it now, the next one to open it does."""
        with _failures(self._path):
            self._connection.close()

    def record(self, inspection: Inspection) -> Inspection:
        """Write a new record; it is given the next number of the station's sequence.

        It says of its image what holds if this program dies now, and is not sent before :meth:`settle`.
        """
        assert inspection.capture is not None
        with self._change():
            sequence = int(self._fact(_Fact.SEQUENCE) or 0) + 1
            numbered = replace(inspection, capture=replace(inspection.capture, sequence=sequence))
            self._keep_fact(_Fact.SEQUENCE, str(sequence))
            self._run("INSERT INTO records VALUES (?, ?, 0, ?)", (sequence, inspection.id, _text(numbered)))
        return numbered

    def settle(
        self, inspection: Inspection, blobs: Sequence[StoredBlob] = (), queue: Queue | None = None
    ) -> None:
        """Say what became of a record's image; from now on it is sent. ``queue`` holds it for a person."""
        with self._change():
            self._run(
                "UPDATE records SET body = ?, ready = 1 WHERE id = ?", (_text(inspection), inspection.id)
            )
            for blob in blobs:
                self._keep_blob(blob, inspection.id)
            if queue is not None:
                self._hold(inspection, queue)
        self._checkpoint()

    def reap(self) -> int:
        """Let go what a killed program left unsettled: as written, without an image. Gives how many."""
        with self._change():
            self._run("UPDATE records SET ready = 1 WHERE ready = 0")
            return int(self._connection.changes())

    def waiting(self, limit: int) -> Waiting:
        """What to deliver next: settled records in order, up to the first that is not, and reviews."""
        first_open = self._rows("SELECT min(sequence) FROM records WHERE ready = 0")[0][0]
        records = self._rows(
            "SELECT id, body FROM records WHERE sequence < ? ORDER BY sequence LIMIT ?",
            (first_open if first_open is not None else 2**62, limit),
        )
        reviews = self._rows("SELECT id, body FROM reviews ORDER BY id LIMIT ?", (limit,))
        return Waiting(tuple(records), tuple(reviews))

    def receipted(self, accepted: Sequence[str], refused: Mapping[str, str], wanted: Sequence[str]) -> None:
        """Forget what is safe on the hub, put aside what it refuses, and offer the blobs it wants."""
        with self._change():
            for identifier in accepted:
                self._run("DELETE FROM records WHERE id = ?", (identifier,))
                self._run("DELETE FROM reviews WHERE id = ?", (identifier,))
                self._run(
                    "UPDATE blobs SET state = ? WHERE record = ? AND state = ?",
                    (_BlobState.SENT, identifier, _BlobState.WAITING),
                )
            for digest in wanted:
                self._run("UPDATE blobs SET state = ? WHERE digest = ?", (_BlobState.WANTED, digest))
            for identifier, reason in refused.items():
                self._put_aside(identifier, reason)

    def wanted(self, limit: int) -> tuple[StoredBlob, ...]:
        """Blobs the hub waits for, the most worth first."""
        rows = self._rows(
            "SELECT digest, size, content, worth FROM blobs WHERE state = ? ORDER BY worth DESC LIMIT ?",
            (_BlobState.WANTED, limit),
        )
        return tuple(StoredBlob(*row) for row in rows)

    def uploaded(self, digest: Digest) -> None:
        """The hub has this blob, or does not want it any more."""
        with self._change():
            self._run("UPDATE blobs SET state = ? WHERE digest = ?", (_BlobState.SENT, digest))

    def spent(self, limit: int) -> tuple[StoredBlob, ...]:
        """Blobs that nobody needs here any more: the hub has them and nobody waits to see them."""
        return self._blobs(
            "state = ? AND digest NOT IN (SELECT blob FROM held WHERE blob IS NOT NULL) LIMIT ?",
            (_BlobState.SENT, limit),
        )

    def cheapest(self, limit: int) -> tuple[StoredBlob, ...]:
        """Image files in the order they are given up: sent ones, then the least worth, oldest first."""
        return self._blobs("content IS NULL ORDER BY state <> 'sent', worth, rowid LIMIT ?", (limit,))

    def forget(self, digest: Digest) -> None:
        """A blob's bytes are gone: records that were not sent yet say that their image is lost."""
        with self._change():
            records = self._rows(
                "SELECT r.body FROM records r JOIN blobs b ON b.record = r.id WHERE b.digest = ?", (digest,)
            )
            for (body,) in records:
                lost = with_image_lost(from_json(Inspection, json.loads(body)))
                self._run("UPDATE records SET body = ? WHERE id = ?", (_text(lost), lost.id))
            self._run("UPDATE held SET blob = NULL WHERE blob = ?", (digest,))
            self._run("DELETE FROM blobs WHERE digest = ?", (digest,))

    def image_bytes(self) -> int:
        """Bytes of all image files on the disk."""
        return self._totals()["image bytes"]

    def thumbnail(self, digest: Digest) -> bytes | None:
        """A thumbnail's bytes while they are here."""
        rows = self._rows("SELECT content FROM blobs WHERE digest = ?", (digest,))
        return rows[0][0] if rows else None

    def counts(self) -> tuple[int, int, int]:
        """Records without a receipt, parts that wait for a person, records and reviews put aside."""
        totals = self._totals()
        return totals["records"], totals["held"], totals["aside"]

    def held(self, limit: int) -> tuple[HeldPart, ...]:
        """Parts that wait for a person, newest first."""
        rows = self._rows("SELECT queue, body FROM held ORDER BY id DESC LIMIT ?", (limit,))
        return tuple(HeldPart(Queue(q), from_json(Inspection, json.loads(body))) for q, body in rows)

    def find_held(self, inspection: str) -> HeldPart | None:
        """One part that waits for a person; None where it does not."""
        rows = self._rows("SELECT queue, body FROM held WHERE id = ?", (inspection,))
        return HeldPart(Queue(rows[0][0]), from_json(Inspection, json.loads(rows[0][1]))) if rows else None

    def review(self, review: Review) -> None:
        """Keep what a person said until the hub has it; the part waits no longer."""
        with self._change():
            self._run(
                "INSERT OR IGNORE INTO reviews VALUES (?, ?)", (review.id, json.dumps(to_json(review)))
            )
            self._run("DELETE FROM held WHERE id = ?", (review.inspection,))

    def hub_key(self) -> str | None:
        """The public key of the hub this station belongs to; None before it met one."""
        return self._fact(_Fact.HUB_KEY)

    def keep_hub_key(self, text: str) -> None:
        """Belong to the hub with this key."""
        with self._change():
            self._keep_fact(_Fact.HUB_KEY, text)

    def floor(self) -> int:
        """The highest counter of an assignment that ever ran here; 0 before the first."""
        return int(self._fact(_Fact.FLOOR) or 0)

    def assignment(self) -> str | None:
        """The signed assignment that ran last, as JSON; None before the first."""
        return self._fact(_Fact.ASSIGNMENT)

    def keep_assignment(self, text: str, counter: int) -> None:
        """Run this from now on, also after a restart, and nothing older."""
        with self._change():
            self._keep_fact(_Fact.ASSIGNMENT, text)
            self._keep_fact(_Fact.FLOOR, str(max(counter, self.floor())))

    def _prepare(self) -> None:
        version = self._rows("PRAGMA user_version")[0][0]
        if version > VERSION:
            raise UnsupportedVersion(
                f"{self._path} was made by a newer Andon (format {version}, this one reads {VERSION})",
                "Install a newer Andon.",
            )
        if version == 0:
            self._run(SCHEMA)
            for table in ("records", "held", "aside"):
                self._run(COUNTED.format(table=table))
            self._run(MEASURED)
            self._run(f"PRAGMA user_version = {VERSION}")

    def _hold(self, inspection: Inspection, queue: Queue) -> None:
        blob = inspection.capture.blob if inspection.capture else None
        row = (inspection.id, queue.value, blob, _text(inspection))
        self._run("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?)", row)
        self._run(
            "DELETE FROM held WHERE id NOT IN (SELECT id FROM held ORDER BY id DESC LIMIT ?)", (MAX_HELD,)
        )

    def _keep_blob(self, blob: StoredBlob, record: str) -> None:
        row = (blob.digest, blob.size, blob.content, blob.worth, _BlobState.WAITING, record)
        self._run(
            "INSERT INTO blobs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
            " SET worth = excluded.worth, state = excluded.state, record = excluded.record",
            row,
        )

    def _put_aside(self, identifier: str, reason: str) -> None:
        for table in ("records", "reviews"):
            self._run(
                f"INSERT OR IGNORE INTO aside SELECT id, body, ? FROM {table} WHERE id = ?",
                (reason, identifier),
            )
            self._run(f"DELETE FROM {table} WHERE id = ?", (identifier,))

    def _totals(self) -> dict[str, int]:
        return dict(self._rows("SELECT name, value FROM totals"))

    def _blobs(self, where: str, bindings: tuple[object, ...]) -> tuple[StoredBlob, ...]:
        rows = self._rows(f"SELECT digest, size, content, worth FROM blobs WHERE {where}", bindings)
        return tuple(StoredBlob(*row) for row in rows)

    def _fact(self, name: str) -> str | None:
        rows = self._rows("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def _keep_fact(self, name: str, value: str) -> None:
        self._run("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _run(self, statement: str, bindings: tuple[object, ...] = ()) -> None:
        self._connection.execute(statement, bindings)

    def _rows(self, statement: str, bindings: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with _failures(self._path):
            return list(self._connection.execute(statement, bindings))

    @contextmanager
    def _change(self) -> Iterator[None]:
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

    def _checkpoint(self) -> None:
        """Bring the log into the file once it is long; a failure leaves the log as it is, which is safe."""
        with _failures(self._path):
            pages, moved = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            if pages > CHECKPOINT_PAGES and moved < pages:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def with_image_lost(inspection: Inspection) -> Inspection:
    """The record of a part whose image was to be kept and is gone."""
    capture = inspection.capture
    if capture is None or capture.kept is not Kept.KEPT:
        return inspection
    return replace(inspection, capture=replace(capture, kept=Kept.LOST, blob=None, size=0))


def _text(inspection: Inspection) -> str:
    return json.dumps(to_json(inspection), separators=(",", ":"))


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
