"""What a second model said, until the hub has it: a file of its own, so that no record waits for it."""

import json
from collections.abc import Sequence
from pathlib import Path

from andon.domain.inspections import Shadow
from andon.domain.serial import to_json
from andon.station.spool.database import Database
from andon.wire.deliveries import shadow_id

MAX_SHADOWS = 50_000
"""The last so many are kept while the hub is away, or has no record of their parts."""

_STEPS = (
    "CREATE TABLE shadows (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, asked INTEGER NOT NULL,"
    " body TEXT NOT NULL); CREATE INDEX shadows_asked ON shadows (asked, number);",
)


class ShadowSpool:
    """The file of one station; used by one thread at a time.

    Raises:
        DiskFull: no space is left; nothing of the call was done.
        OperatorError: the file cannot be read or written, or is damaged.
        UnsupportedVersion: a newer program made it, or this SQLite cannot be trusted with it.
    """

    def __init__(self, path: Path, vfs: str | None = None, most: int = MAX_SHADOWS) -> None:
        self._database = Database(path, vfs, _STEPS)
        self._most = most

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def keep(self, shadows: Sequence[Shadow]) -> int:
        """Write them in one transaction; gives how many of the oldest were given up for them."""
        with self._database.change():
            for shadow in shadows:
                row = (shadow_id(shadow), json.dumps(to_json(shadow), separators=(",", ":")))
                self._database.run("INSERT OR IGNORE INTO shadows (id, asked, body) VALUES (?, 0, ?)", row)
            newest = "SELECT max(number) FROM shadows"
            self._database.run(f"DELETE FROM shadows WHERE number <= ({newest}) - ?", (self._most,))
            given_up = self._database.changes()
        self._database.checkpoint()
        return given_up

    def waiting(self, limit: int) -> tuple[tuple[str, str], ...]:
        """Ids and JSON texts to deliver next: the seldomest asked for first, then in order."""
        query = "SELECT id, body FROM shadows ORDER BY asked, number LIMIT ?"
        return tuple(self._database.rows(query, (limit,)))

    def receipted(self, sent: Sequence[str], done: Sequence[str]) -> None:
        """Forget what the hub has or will never take; the others of ``sent`` stand back for newer ones."""
        with self._database.change():
            for identifier in done:
                self._database.run("DELETE FROM shadows WHERE id = ?", (identifier,))
            for identifier in sent:
                self._database.run("UPDATE shadows SET asked = asked + 1 WHERE id = ?", (identifier,))
        self._database.checkpoint()
