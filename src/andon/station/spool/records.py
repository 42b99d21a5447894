"""The spool: records, reviews and small pictures that the hub has not receipted, in one SQLite file.

A record is written before its part is answered, marked when the answer is out, and settled when its image's
fate is known.  Whatever a killed program left unmarked was perhaps never answered: it becomes NO-DECISION.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from andon.domain.feedback import Queue, Review
from andon.domain.inspections import Decision, Inspection, Kept, Reason, ReasonCode, Verdict
from andon.domain.serial import from_json, to_json
from andon.station.spool.database import Database
from andon.units import Digest

MAX_HELD = 500
"""Parts that wait for a person; beyond, the oldest are only on the hub."""


class _Fact:
    SEQUENCE = "sequence"
    FLOOR = "assignment-floor"
    ASSIGNMENT = "assignment"
    HUB_KEY = "hub-key"


class _Stage(IntEnum):
    """Of a record. Only what is settled is sent (the schema has an index of the others)."""

    WRITTEN = 0
    ANSWERED = 1
    SETTLED = 2


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
        worth: what is given up first when the disk runs out has the lowest.
    """

    digest: Digest
    size: int
    content: bytes | None
    worth: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A record whose part's answer is out; ``told`` where that differs from what was written before it."""

    id: str
    told: Inspection | None = None


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
        self._database = Database(path, vfs)
        self._run, self._rows = self._database.run, self._database.rows
        self._change = self._database.change

    def close(self) -> None:
        """Let go of the file; where its log cannot be brought into it now, the next one to open it does."""
        self._database.close()

    def record(self, inspection: Inspection, answered: Sequence[Answered] = ()) -> Inspection:
        """Write a new record; it is given the next number of the station's sequence.

        It says of its image what holds if this program dies now, and is not sent before :meth:`settle`.
        Parts that were ``answered`` since are marked so in the same transaction.
        """
        assert inspection.capture is not None
        with self._change():
            self._mark(answered)
            sequence = int(self._fact(_Fact.SEQUENCE) or 0) + 1
            numbered = replace(inspection, capture=replace(inspection.capture, sequence=sequence))
            self._keep_fact(_Fact.SEQUENCE, str(sequence))
            row = (sequence, inspection.id, _Stage.WRITTEN, _text(numbered))
            self._run("INSERT INTO records VALUES (?, ?, ?, ?)", row)
        return numbered

    def settle(
        self,
        inspection: Inspection,
        blobs: Sequence[StoredBlob] = (),
        queue: Queue | None = None,
        answered: Sequence[Answered] = (),
    ) -> None:
        """Say what became of a record's image; from now on it is sent. ``queue`` holds it for a person.

        Parts that were ``answered`` since are marked so in the same transaction.
        """
        with self._change():
            self._mark(answered)
            row = (_text(inspection), _Stage.SETTLED, inspection.id)
            self._run("UPDATE records SET body = ?, stage = ? WHERE id = ?", row)
            for blob in blobs:
                self._keep_blob(blob, inspection.id)
            if queue is not None:
                self._hold(inspection, queue)
        self._database.checkpoint()

    def reap(self) -> int:
        """Let go what a killed program left unsettled: without an image, and undecided where the plant
        perhaps heard nothing. Gives how many.
        """
        with self._change():
            query = "SELECT body FROM records WHERE stage = ?"
            for (body,) in self._rows(query, (_Stage.WRITTEN,)):
                why = "the station ended before it could answer, or note that it had"
                silent = _silent(from_json(Inspection, json.loads(body)), why)
                self._run("UPDATE records SET body = ? WHERE id = ?", (_text(silent), silent.id))
            self._run("UPDATE records SET stage = ? WHERE stage < 2", (_Stage.SETTLED,))
            return self._database.changes()

    def waiting(self, limit: int) -> Waiting:
        """What to deliver next: settled records in order, up to the first that is not, and reviews."""
        first_open = self._rows("SELECT min(sequence) FROM records WHERE stage < 2")[0][0]
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
                self._release(identifier)
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
            "state = ? AND digest NOT IN (SELECT blob FROM held WHERE blob IS NOT NULL)"
            " AND digest NOT IN (SELECT digest FROM uses) LIMIT ?",
            (_BlobState.SENT, limit),
        )

    def cheapest(self, limit: int) -> tuple[StoredBlob, ...]:
        """Image files in the order they are given up: sent ones, then the least worth, oldest first."""
        return self._blobs("content IS NULL ORDER BY state <> 'sent', worth, rowid LIMIT ?", (limit,))

    def forget(self, digest: Digest) -> None:
        """A blob's bytes are gone: records that were not sent yet say that their image is lost."""
        with self._change():
            records = self._rows(
                "SELECT r.body FROM records r JOIN uses u ON u.record = r.id WHERE u.digest = ?", (digest,)
            )
            for (body,) in records:
                lost = with_image_lost(from_json(Inspection, json.loads(body)))
                self._run("UPDATE records SET body = ? WHERE id = ?", (_text(lost), lost.id))
            self._run("UPDATE held SET blob = NULL WHERE blob = ?", (digest,))
            self._run("DELETE FROM uses WHERE digest = ?", (digest,))
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

    def _hold(self, inspection: Inspection, queue: Queue) -> None:
        blob = inspection.capture.blob if inspection.capture else None
        row = (inspection.id, queue.value, blob, _text(inspection))
        self._run("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?)", row)
        self._run(
            "DELETE FROM held WHERE id NOT IN (SELECT id FROM held ORDER BY id DESC LIMIT ?)", (MAX_HELD,)
        )

    def _mark(self, answered: Sequence[Answered]) -> None:
        for part in answered:
            body = None if part.told is None else _text(part.told)
            row = (_Stage.ANSWERED, body, part.id, _Stage.WRITTEN)
            self._run(
                "UPDATE records SET stage = ?, body = coalesce(?, body) WHERE id = ? AND stage = ?", row
            )

    def _keep_blob(self, blob: StoredBlob, record: str) -> None:
        """Pictures that are equal are one blob; it stays for the last record that shows it."""
        row = (blob.digest, blob.size, blob.content, blob.worth, _BlobState.WAITING)
        self._run(
            "INSERT INTO blobs VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
            " SET worth = max(worth, excluded.worth),"
            " state = CASE state WHEN 'sent' THEN excluded.state ELSE state END",
            row,
        )
        self._run("INSERT OR IGNORE INTO uses VALUES (?, ?)", (record, blob.digest))

    def _release(self, record: str) -> None:
        """The hub has this record: pictures that no other one shows need not wait any longer."""
        self._run(
            "UPDATE blobs SET state = ? WHERE state = ?"
            " AND digest IN (SELECT digest FROM uses WHERE record = ?)"
            " AND NOT EXISTS (SELECT 1 FROM uses WHERE digest = blobs.digest AND record <> ?)",
            (_BlobState.SENT, _BlobState.WAITING, record, record),
        )
        self._run("DELETE FROM uses WHERE record = ?", (record,))

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


def with_image_lost(inspection: Inspection) -> Inspection:
    """The record of a part whose image was to be kept and is gone."""
    capture = inspection.capture
    if capture is None or capture.kept is not Kept.KEPT:
        return inspection
    return replace(inspection, capture=replace(capture, kept=Kept.LOST, blob=None, size=0))


def not_heard(inspection: Inspection) -> Inspection:
    """The record of a part whose answer did not reach the plant."""
    return _silent(inspection, "the answer did not reach the plant")


def _silent(inspection: Inspection, why: str) -> Inspection:
    """Silence means NO-DECISION, and that is what is recorded; once is enough."""
    judged, reasons = inspection.decision.verdict, inspection.decision.reasons
    if any(reason.code is ReasonCode.NOT_ANSWERED for reason in reasons):
        return inspection
    reason = Reason(ReasonCode.NOT_ANSWERED, None, f"{why}; it had judged {judged.value}")
    already = reasons if judged is Verdict.NO_DECISION else ()
    return undecided(inspection, reason, *already)


def undecided(inspection: Inspection, *reasons: Reason) -> Inspection:
    """The same part without a verdict; it is no PASS drawn for an audit any more."""
    capture = inspection.capture and replace(inspection.capture, audit=0.0)
    return replace(inspection, decision=Decision(Verdict.NO_DECISION, reasons), capture=capture)


def _text(inspection: Inspection) -> str:
    return json.dumps(to_json(inspection), separators=(",", ":"))
