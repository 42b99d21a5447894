"""The spool: records, reviews and small pictures that the hub has not receipted, in one SQLite file.

A record is written before its part is answered, marked when the answer is out, and settled when its image's
fate is known.  Whatever a killed program left unmarked was perhaps never answered: it becomes NO-DECISION.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from andon.domain.feedback import Chosen, Queue, Review
from andon.domain.inspections import Inspection
from andon.domain.serial import from_json
from andon.station.spool.amendments import Text, silent, text_of, with_image_lost
from andon.station.spool.chosen import ChosenParts
from andon.station.spool.database import Database
from andon.station.spool.facts import Facts
from andon.station.spool.keeping import REVIEW_WORTH
from andon.station.spool.owed import Owed
from andon.station.spool.pictures import Pictures, StoredBlob
from andon.station.spool.reviews import Reviews
from andon.units import Digest


class _Stage(IntEnum):
    """Of a record. Only what is settled is sent (the schema has an index of the others)."""

    WRITTEN = 0
    ANSWERED = 1
    SETTLED = 2


@dataclass(frozen=True, slots=True)
class Answered:
    """A record whose part's answer is out; ``told`` where that differs from what was written before it."""

    id: str
    told: Inspection | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the next delivery holds, as JSON texts with their ids, oldest first.

    Each field but records may only be known to a newer hub; what is empty is not said.
    """

    records: tuple[Text, ...] = ()
    reviews: tuple[Text, ...] = ()
    chosen: tuple[Text, ...] = ()
    given_up: tuple[Text, ...] = ()


class Spool:
    """The file of one station; ``facts``, ``pictures`` and ``reviews`` are asked for what is theirs alone.

    Raises:
        DiskFull: no space is left; nothing of the call was done.
        OperatorError: the file cannot be read or written, or is damaged.
        UnsupportedVersion: a newer program made it, or this SQLite cannot be trusted with it.
    """

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        self._database = Database(path, vfs)
        self._run, self._rows = self._database.run, self._database.rows
        self._change = self._database.change
        self.facts = Facts(self._database)
        self.pictures = Pictures(self._database)
        self.reviews = Reviews(self._database)
        self.chosen = ChosenParts(self._database)
        self.owed = Owed(self._database)

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
            sequence = self.facts.next_number()
            numbered = replace(inspection, capture=replace(inspection.capture, sequence=sequence))
            row = (sequence, inspection.id, _Stage.WRITTEN, text_of(numbered))
            self._run("INSERT INTO records VALUES (?, ?, ?, ?)", row)
        return numbered

    def settle(
        self,
        inspection: Inspection,
        blobs: Sequence[StoredBlob] = (),
        queue: Queue | None = None,
        answered: Sequence[Answered] = (),
        chosen: Sequence[Chosen] = (),
    ) -> None:
        """Say what became of a record's image; from now on it is sent. ``queue`` holds it for a person.

        Reasons for which the image was ``chosen`` count where it was kept. Parts that were ``answered``
        since are marked so in the same transaction.
        """
        with self._change():
            self._mark(answered)
            row = (text_of(inspection), _Stage.SETTLED, inspection.id)
            self._run("UPDATE records SET body = ?, stage = ? WHERE id = ?", row)
            for blob in blobs:
                self.pictures.keep(blob, inspection.id)
            if queue is not None:
                self.reviews.hold(inspection, queue)
            self._choose(inspection, chosen)
        self._database.checkpoint()

    def reap(self) -> int:
        """Let go what a killed program left unsettled: without an image, and undecided where the plant
        perhaps heard nothing. Gives how many.
        """
        with self._change():
            query = "SELECT body FROM records WHERE stage = ?"
            for (body,) in self._rows(query, (_Stage.WRITTEN,)):
                why = "the station ended before it could answer, or note that it had"
                undecided = silent(from_json(Inspection, json.loads(body)), why)
                self._run("UPDATE records SET body = ? WHERE id = ?", (text_of(undecided), undecided.id))
            self._run("UPDATE records SET stage = ? WHERE stage < 2", (_Stage.SETTLED,))
            return self._database.changes()

    def waiting(self, limit: int) -> Waiting:
        """What to deliver next: settled records in order, up to the first that is not, and the rest."""
        first_open = self._rows("SELECT min(sequence) FROM records WHERE stage < 2")[0][0]
        records = self._rows(
            "SELECT id, body FROM records WHERE sequence < ? ORDER BY sequence LIMIT ?",
            (first_open if first_open is not None else 2**62, limit),
        )
        reviews = self._rows("SELECT id, body FROM reviews ORDER BY id LIMIT ?", (limit,))
        given_up = tuple((name, json.dumps(name)) for name in self.owed.given_up(limit))
        return Waiting(tuple(records), tuple(reviews), self.chosen.untold(limit), given_up)

    def receipted(self, accepted: Sequence[str], refused: Mapping[str, str], wanted: Sequence[str]) -> None:
        """Forget what is safe on the hub, put aside what it refuses, and offer the blobs it wants."""
        with self._change():
            for identifier in accepted:
                self.owed.told(identifier)
                self.owed.owe(identifier)
                self._run("DELETE FROM records WHERE id = ?", (identifier,))
                self._run("DELETE FROM reviews WHERE id = ?", (identifier,))
                self.pictures.release(identifier)
            self.pictures.offer(wanted)
            self.owed.check(accepted)
            self.chosen.told(accepted)
            for identifier, reason in refused.items():
                self._put_aside(identifier, reason)

    def uploaded(self, digest: Digest, day: str) -> None:
        """The hub has this blob; ``day`` (``YYYY-MM-DD``) is the day that its picture counts for."""
        with self._change():
            self.pictures.sent(digest, day)
            self.owed.paid(digest)
            self.chosen.gone(digest)

    def not_taken(self, digest: Digest) -> None:
        """The hub will never take this blob."""
        with self._change():
            self.owed.give_up(digest)
            self.pictures.unwanted(digest)
            self.chosen.gone(digest)

    def forget(self, digest: Digest) -> None:
        """A blob's bytes are gone: records that were not sent yet say that their image is lost."""
        with self._change():
            records = self._rows(
                "SELECT r.body FROM records r JOIN uses u ON u.record = r.id WHERE u.digest = ?", (digest,)
            )
            for (body,) in records:
                lost = with_image_lost(from_json(Inspection, json.loads(body)))
                self._run("UPDATE records SET body = ? WHERE id = ?", (text_of(lost), lost.id))
            self.owed.give_up(digest)
            self.pictures.forget(digest)
            self.chosen.gone(digest)

    def review(
        self, review: Review, chosen: Chosen | None = None, picture: Digest | StoredBlob | None = None
    ) -> None:
        """Keep what a person said until the hub has it; the part waits no longer.

        Args:
            review: what was said.
            chosen: that the part's picture is sent for it, if there is one.
            picture: what the part's record names, or what was kept only now.
        """
        with self._change():
            self.reviews.add(review)
            if chosen is None or picture is None:
                return
            if isinstance(picture, StoredBlob):
                self.pictures.keep(picture, chosen.id)
                picture = picture.digest
            self.chosen.add([chosen], picture)
            self.pictures.raise_worth(picture, REVIEW_WORTH)

    def counts(self) -> tuple[int, int, int]:
        """Records without a receipt, parts that wait for a person, records and reviews put aside."""
        totals = self._totals()
        return totals["records"], totals["held"], totals["aside"]

    def image_bytes(self) -> int:
        """Bytes of all image files on the disk."""
        return self._totals()["image bytes"]

    def _choose(self, inspection: Inspection, chosen: Sequence[Chosen]) -> None:
        blob = inspection.capture.blob if inspection.capture else None
        if blob is not None:
            self.chosen.add(chosen, blob)

    def _mark(self, answered: Sequence[Answered]) -> None:
        for part in answered:
            body = None if part.told is None else text_of(part.told)
            row = (_Stage.ANSWERED, body, part.id, _Stage.WRITTEN)
            self._run(
                "UPDATE records SET stage = ?, body = coalesce(?, body) WHERE id = ? AND stage = ?", row
            )

    def _put_aside(self, identifier: str, reason: str) -> None:
        if self._rows("SELECT 1 FROM chosen WHERE id = ?", (identifier,)):
            self.pictures.release(identifier)
        for table in ("records", "reviews", "chosen"):
            self._run(
                f"INSERT OR IGNORE INTO aside SELECT id, body, ? FROM {table} WHERE id = ?",
                (reason, identifier),
            )
            self._run(f"DELETE FROM {table} WHERE id = ?", (identifier,))
        self._run("DELETE FROM chosen WHERE inspection = ?", (identifier,))
        self.owed.told(identifier)

    def _totals(self) -> dict[str, int]:
        return dict(self._rows("SELECT name, value FROM totals"))
