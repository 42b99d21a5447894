"""Needs: what calls for a person now."""

from dataclasses import dataclass

from andon.units import Timestamp


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person: ``what`` is wrong or due, ``todo`` what to do, ``link`` where.

    ``wrong`` tells what went wrong from what is merely due.
    """

    what: str
    todo: str
    wrong: bool
    link: str = ""
    since: Timestamp | None = None
