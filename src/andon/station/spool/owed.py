"""Pictures that the hub waits for, and those for which it should wait no longer."""

from collections.abc import Sequence

from andon.station.spool.database import Database
from andon.units import Digest

_PART = "coalesce((SELECT c.inspection FROM chosen c WHERE c.id = u.record), u.record)"
"""Whose picture is used: that of a record, or of the part that a choice is about."""


class Owed:
    """Which inspections, of which the hub has the record, a blob is owed to.

    Raises:
        DiskFull, OperatorError: as :class:`andon.station.spool.database.Database`.
    """

    def __init__(self, database: Database) -> None:
        self._run, self._rows = database.run, database.rows

    def owe(self, record: str) -> None:
        """The hub has this record, and perhaps waits for its picture. In a change, before its release."""
        self._run(
            f"INSERT OR IGNORE INTO owed SELECT {_PART}, u.digest FROM uses u"
            " JOIN blobs b ON b.digest = u.digest WHERE u.record = ? AND b.content IS NULL",
            (record,),
        )

    def check(self, records: Sequence[str]) -> None:
        """The hub said which blobs it wants: others are owed to nobody. Inside of a change."""
        wanted = "SELECT 1 FROM blobs b WHERE b.digest = owed.digest AND b.state = 'wanted'"
        part = "coalesce((SELECT c.inspection FROM chosen c WHERE c.id = ?), ?)"
        for record in records:
            delete = f"DELETE FROM owed WHERE inspection = {part} AND NOT EXISTS ({wanted})"
            self._run(delete, (record, record))

    def paid(self, blob: Digest) -> None:
        """The hub has this picture. Inside of a change."""
        self._run("DELETE FROM owed WHERE digest = ?", (blob,))

    def give_up(self, blob: Digest) -> None:
        """This picture will never come: the hub is to be told. Inside of a change.

        Also of records without a receipt: the hub may have one whose receipt was lost on its way.
        """
        self._run(
            "INSERT OR IGNORE INTO given_up SELECT part, NOT EXISTS (SELECT 1 FROM records WHERE id = part)"
            " FROM (SELECT inspection AS part FROM owed WHERE digest = ?"
            f" UNION SELECT {_PART} FROM uses u JOIN blobs b ON b.digest = u.digest"
            " WHERE u.digest = ? AND b.content IS NULL)",
            (blob, blob),
        )
        self.paid(blob)

    def given_up(self, limit: int) -> tuple[str, ...]:
        """Inspections whose picture will never come; the hub has their records."""
        rows = self._rows(
            "SELECT inspection FROM given_up WHERE ready = 1 ORDER BY inspection LIMIT ?", (limit,)
        )
        return tuple(inspection for (inspection,) in rows)

    def told(self, inspection: str) -> None:
        """The hub knows; while the record is here, the receipt was of that. In a change, before it goes."""
        self._run(
            "DELETE FROM given_up WHERE inspection = ? AND NOT EXISTS (SELECT 1 FROM records WHERE id = ?)",
            (inspection, inspection),
        )
        self._run("UPDATE given_up SET ready = 1 WHERE inspection = ?", (inspection,))
