"""Pictures on the station: which blobs there are, who needs them, and in what order they are given up."""

from collections.abc import Sequence
from dataclasses import dataclass

from andon.station.spool.database import Database
from andon.station.spool.keeping import UNCHOSEN
from andon.units import Digest

DAYS_KEPT = 31
"""Days of which it is known how many pictures were sent."""


class _BlobState:
    """A blob waits for its records' receipts, is then wanted by the hub or not, and is gone or held."""

    WAITING = "waiting"
    WANTED = "wanted"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """One picture of a record.

    Attributes:
        content: the bytes of a thumbnail; None where they are a file known by the digest.
        worth: what is given up first when the disk runs out has the lowest; below 1 what no policy chose.
    """

    digest: Digest
    size: int
    content: bytes | None
    worth: int


class Pictures:
    """The blobs of one spool.

    Raises:
        DiskFull, OperatorError: as :class:`andon.station.spool.database.Database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._run, self._rows = database.run, database.rows

    def wanted(self, limit: int, least: int = -UNCHOSEN) -> tuple[StoredBlob, ...]:
        """Blobs the hub waits for, the most worth first, none worth less than ``least``."""
        return self._blobs(
            "state = ? AND worth >= ? ORDER BY worth DESC LIMIT ?", (_BlobState.WANTED, least, limit)
        )

    def sent_on(self, day: str) -> int:
        """How many image files the hub got on a day, ``YYYY-MM-DD``."""
        rows = self._rows("SELECT pictures FROM days WHERE day = ?", (day,))
        return int(rows[0][0]) if rows else 0

    def sent(self, digest: Digest, day: str) -> None:
        """The hub has this blob; an image file counts as one of ``day``. Inside of a change."""
        self._run(
            "INSERT INTO days SELECT ?, 1 FROM blobs WHERE digest = ? AND content IS NULL AND state <> ?"
            " ON CONFLICT (day) DO UPDATE SET pictures = pictures + 1",
            (day, digest, _BlobState.SENT),
        )
        self._run(
            "DELETE FROM days WHERE day NOT IN (SELECT day FROM days ORDER BY day DESC LIMIT ?)",
            (DAYS_KEPT,),
        )
        self.unwanted(digest)

    def unwanted(self, digest: Digest) -> None:
        """The hub has this blob or will not take it. Inside of a change."""
        self._run("UPDATE blobs SET state = ? WHERE digest = ?", (_BlobState.SENT, digest))

    def raise_worth(self, digest: Digest, worth: int) -> None:
        """Let a blob be worth at least so much. Inside of a change."""
        self._run("UPDATE blobs SET worth = max(worth, ?) WHERE digest = ?", (worth, digest))

    def spent(self, limit: int) -> tuple[StoredBlob, ...]:
        """Blobs that nobody needs here any more: the hub has them and nobody waits to see them."""
        return self._blobs(
            "state = ? AND digest NOT IN (SELECT blob FROM held WHERE blob IS NOT NULL)"
            " AND digest NOT IN (SELECT digest FROM uses) LIMIT ?",
            (_BlobState.SENT, limit),
        )

    def cheapest(self, limit: int) -> tuple[StoredBlob, ...]:
        """Image files in the order they are given up: sent ones, then the least worth, oldest first."""
        return self._blobs("content IS NULL ORDER BY state <> 'sent', worth, rowid LIMIT ?", (limit,))

    def thumbnail(self, digest: Digest) -> bytes | None:
        """A thumbnail's bytes while they are here."""
        rows = self._rows("SELECT content FROM blobs WHERE digest = ?", (digest,))
        return rows[0][0] if rows else None

    def keep(self, blob: StoredBlob, record: str) -> None:
        """Pictures that are equal are one blob; it stays for the last record (or choice) that shows it.

        Inside of a change.
        """
        row = (blob.digest, blob.size, blob.content, blob.worth, _BlobState.WAITING)
        self._run(
            "INSERT INTO blobs VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
            " SET worth = max(worth, excluded.worth),"
            " state = CASE state WHEN 'sent' THEN excluded.state ELSE state END",
            row,
        )
        self._run("INSERT OR IGNORE INTO uses VALUES (?, ?)", (record, blob.digest))

    def release(self, record: str) -> None:
        """The hub has this record: pictures that no other one shows need not wait. Inside of a change."""
        self._run(
            "UPDATE blobs SET state = ? WHERE state = ?"
            " AND digest IN (SELECT digest FROM uses WHERE record = ?)"
            " AND NOT EXISTS (SELECT 1 FROM uses WHERE digest = blobs.digest AND record <> ?)",
            (_BlobState.SENT, _BlobState.WAITING, record, record),
        )
        self._run("DELETE FROM uses WHERE record = ?", (record,))

    def offer(self, wanted: Sequence[str]) -> None:
        """The hub waits for these blobs. Inside of a change."""
        for digest in wanted:
            self._run("UPDATE blobs SET state = ? WHERE digest = ?", (_BlobState.WANTED, digest))

    def forget(self, digest: Digest) -> None:
        """A blob's bytes are gone. Inside of a change."""
        self._run("UPDATE held SET blob = NULL WHERE blob = ?", (digest,))
        self._run("DELETE FROM uses WHERE digest = ?", (digest,))
        self._run("DELETE FROM blobs WHERE digest = ?", (digest,))

    def _blobs(self, where: str, bindings: tuple[object, ...]) -> tuple[StoredBlob, ...]:
        rows = self._rows(f"SELECT digest, size, content, worth FROM blobs WHERE {where}", bindings)
        return tuple(StoredBlob(*row) for row in rows)
