"""Parts that wait for a person, and what people said of them until the hub has it."""

import json
from dataclasses import dataclass

from andon.domain.feedback import Queue, Review
from andon.domain.inspections import Inspection
from andon.domain.serial import from_json
from andon.station.spool.amendments import text_of
from andon.station.spool.database import Database

MAX_HELD = 500
"""Parts that wait for a person; beyond, the oldest are only on the hub."""


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part that waits for a person."""

    queue: Queue
    inspection: Inspection


class Reviews:
    """The held parts and reviews of one spool.

    Raises:
        DiskFull, OperatorError: as :class:`andon.station.spool.database.Database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self, limit: int) -> tuple[HeldPart, ...]:
        """Parts that wait for a person, newest first."""
        rows = self._database.rows("SELECT queue, body FROM held ORDER BY id DESC LIMIT ?", (limit,))
        return tuple(_held(*row) for row in rows)

    def find_held(self, inspection: str) -> HeldPart | None:
        """One part that waits for a person; None where it does not."""
        rows = self._database.rows("SELECT queue, body FROM held WHERE id = ?", (inspection,))
        return _held(*rows[0]) if rows else None

    def hold(self, inspection: Inspection, queue: Queue) -> None:
        """Let a part wait for a person. Inside of a change."""
        blob = inspection.capture.blob if inspection.capture else None
        row = (inspection.id, queue.value, blob, text_of(inspection))
        self._database.run("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?)", row)
        self._database.run(
            "DELETE FROM held WHERE id NOT IN (SELECT id FROM held ORDER BY id DESC LIMIT ?)", (MAX_HELD,)
        )

    def add(self, review: Review) -> None:
        """Keep what a person said; the part waits no longer. Inside of a change."""
        self._database.run("INSERT OR IGNORE INTO reviews VALUES (?, ?)", (review.id, text_of(review)))
        self._database.run("DELETE FROM held WHERE id = ?", (review.inspection,))


def _held(queue: str, body: str) -> HeldPart:
    return HeldPart(Queue(queue), from_json(Inspection, json.loads(body)))
