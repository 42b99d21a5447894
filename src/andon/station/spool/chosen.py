"""Parts whose pictures are sent and why, until the hub has both the choice and the picture."""

from collections.abc import Sequence

from andon.domain.feedback import Chosen, SendReason
from andon.station.spool.amendments import Text, text_of
from andon.station.spool.database import Database
from andon.station.spool.pictures import StoredBlob
from andon.units import Digest

_RANKS = {reason: rank for rank, reason in enumerate(SendReason)}


class ChosenParts:
    """The choices of one spool.

    Raises:
        DiskFull, OperatorError: as :class:`andon.station.spool.database.Database`.
    """

    def __init__(self, database: Database) -> None:
        self._run, self._rows = database.run, database.rows

    def add(self, chosen: Sequence[Chosen], blob: Digest) -> None:
        """Send the picture ``blob`` for these reasons. Inside of a change."""
        for one in chosen:
            row = (one.id, one.inspection, blob, _RANKS[one.reason], text_of(one))
            self._run("INSERT OR IGNORE INTO chosen VALUES (?, ?, ?, ?, ?, 0)", row)

    def untold(self, limit: int) -> tuple[Text, ...]:
        """Choices that the hub gave no receipt for, oldest first."""
        return tuple(self._rows("SELECT id, body FROM chosen WHERE told = 0 ORDER BY id LIMIT ?", (limit,)))

    def wanted(self, limit: int, last: SendReason) -> tuple[StoredBlob, ...]:
        """Pictures that the hub waits for and that were chosen for ``last`` or a more urgent reason, the
        most urgent first, then the oldest."""
        rows = self._rows(
            "SELECT b.digest, b.size, b.content, b.worth FROM chosen c JOIN blobs b ON b.digest = c.blob"
            " WHERE b.state = 'wanted' AND c.rank <= ? ORDER BY c.rank, c.id LIMIT ?",
            (_RANKS[last], limit),
        )
        return tuple(dict.fromkeys(StoredBlob(*row) for row in rows))

    def count(self) -> int:
        """Choices that wait, for their picture to go or for the hub to hear of them."""
        return int(self._rows("SELECT value FROM totals WHERE name = 'chosen'")[0][0])

    def told(self, accepted: Sequence[str]) -> None:
        """The hub has these choices; each stays here until its picture went, if the hub wants it.

        Other ids are passed over. In a change, after the blobs that are wanted were offered.
        """
        for identifier in accepted:
            self._run("UPDATE chosen SET told = 1 WHERE id = ?", (identifier,))
            self._run(
                "DELETE FROM chosen WHERE id = ? AND NOT EXISTS"
                " (SELECT 1 FROM blobs b WHERE b.digest = chosen.blob AND b.state <> 'sent')",
                (identifier,),
            )

    def gone(self, blob: Digest) -> None:
        """The hub has this picture, or never will. Inside of a change."""
        self._run("DELETE FROM chosen WHERE blob = ? AND told = 1", (blob,))
