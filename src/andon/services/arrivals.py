"""What all that stations hand over has in common: the form it must have, and the two lists of a receipt."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from andon.errors import InvalidInput
from andon.units import is_timestamp
from andon.wire.deliveries import Refusal

MAX_TEXT = 500
"""Characters of a name."""

MAX_NOTE = 10_000
"""Characters of a person's note."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Arrived:
    """Ids of what is recorded now, and what never will be. What is in neither may come again."""

    accepted: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


def check_form(identity: str, at: str) -> None:
    """Return where an id is a UUID and a time is one.

    Raises:
        InvalidInput: one of them is not.
    """
    if not _ID.fullmatch(identity):
        raise InvalidInput(f"{identity[:80]!r} is no UUID")
    if not is_timestamp(at):
        raise InvalidInput(f"{at[:80]!r} is no time", "Write it as 2026-03-01T06:00:00.000000Z.")


def check_texts(texts: Iterable[str], limit: int) -> None:
    """Return where every text has at most ``limit`` characters that any database takes.

    Raises:
        InvalidInput: one has not.
    """
    for text in texts:
        if len(text) > limit:
            raise InvalidInput(f"a text has {len(text)} characters, at most {limit} are taken")
        if "\0" in text or not _is_unicode(text):
            raise InvalidInput(f"{text[:60]!r} holds characters that no database takes")


def _is_unicode(text: str) -> bool:
    """Halves of surrogate pairs come through JSON and through nothing else."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
