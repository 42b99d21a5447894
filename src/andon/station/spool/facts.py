"""Single values that outlive a restart: the last number given, the hub's key, what runs and its floor."""

import json

from andon.domain.serial import canonical, from_json
from andon.domain.stations import RolledBack
from andon.station.spool.database import Database
from andon.units import Digest


class _Fact:
    SEQUENCE = "sequence"
    FLOOR = "assignment-floor"
    ASSIGNMENT = "assignment"
    BEFORE = "packages-before"
    HUB_KEY = "hub-key"
    SWITCHED = "switched"
    WATCHED = "watched"
    ROLLED_BACK = "rolled-back"


class Facts:
    """The facts of one spool; each is on the disk when the call that keeps it returns.

    Raises:
        DiskFull, OperatorError: as :class:`andon.station.spool.database.Database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def hub_key(self) -> str | None:
        """The public key of the hub this station belongs to; None before it met one."""
        return self._known(_Fact.HUB_KEY)

    def keep_hub_key(self, text: str) -> None:
        """Belong to the hub with this key."""
        with self._database.change():
            self._keep(_Fact.HUB_KEY, text)

    def floor(self) -> int:
        """The highest counter of an assignment that ever ran here; 0 before the first."""
        return int(self._known(_Fact.FLOOR) or 0)

    def assignment(self) -> str | None:
        """The signed assignment that ran last, as JSON; None before the first."""
        return self._known(_Fact.ASSIGNMENT)

    def packages_before(self) -> frozenset[Digest] | None:
        """What the assignment before named, see ``keep_assignment``; None where nobody wrote it down."""
        text = self._known(_Fact.BEFORE)
        return None if text is None else frozenset(Digest(one) for one in json.loads(text))

    def keep_assignment(
        self,
        text: str,
        counter: int,
        at: float,
        left: RolledBack | None = None,
        before: frozenset[Digest] | None = None,
    ) -> None:
        """Run this from now on (``at``, seconds since 1970), also after a restart, and nothing older.

        Args:
            text: the signed assignment, as JSON.
            counter: its own.
            at: now.
            left: run its fallback, because the station went back from the same already.
            before: packages of the assignment before that named others; None: not known.
        """
        with self._database.change():
            if before is not None:
                self._keep(_Fact.BEFORE, json.dumps(sorted(before)))
            if left is not None:
                self._keep(_Fact.ROLLED_BACK, canonical(left).decode())
            self._keep(_Fact.ASSIGNMENT, text)
            self._keep(_Fact.FLOOR, str(max(counter, self.floor())))
            self._keep(_Fact.SWITCHED, repr(at))

    def switched(self) -> float:
        """Seconds since 1970 at which the assignment began to run; 0 before the first."""
        return float(self._known(_Fact.SWITCHED) or 0)

    def watched(self) -> int:
        """Counter of the assignment whose watch ended well the last time; 0 before the first."""
        return int(self._known(_Fact.WATCHED) or 0)

    def keep_watched(self, counter: int) -> None:
        """Do not watch this assignment again after a restart."""
        with self._database.change():
            self._keep(_Fact.WATCHED, str(counter))

    def rolled_back(self) -> RolledBack | None:
        """The last time this station went back, from whichever assignment; None where it never did."""
        text = self._known(_Fact.ROLLED_BACK)
        return None if text is None else from_json(RolledBack, json.loads(text))

    def keep_rolled_back(self, fact: RolledBack) -> None:
        """Do not run what was left, also not after a restart."""
        with self._database.change():
            self._keep(_Fact.ROLLED_BACK, canonical(fact).decode())

    def next_number(self) -> int:
        """The next number of the station's sequence, from 1; used up. Inside of a change."""
        number = int(self._known(_Fact.SEQUENCE) or 0) + 1
        self._keep(_Fact.SEQUENCE, str(number))
        return number

    def _known(self, name: str) -> str | None:
        rows = self._database.rows("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def _keep(self, name: str, value: str) -> None:
        self._database.run("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
