"""What lists of images are filtered by, as it stands in an address."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query

from andon.domain.images import ImageFilter
from andon.errors import InvalidInput
from andon.units import Timestamp

Words = Annotated[str, Query(max_length=1000)]


class Looked(StrEnum):
    """What people said about an image, roughly; ANY is said by leaving it out."""

    ANY = ""
    CLEAN = "clean"
    DEFECTIVE = "defective"
    LABELLED = "labelled"
    UNLABELLED = "unlabelled"


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Filters of a list of images; empty ones do not filter.

    Attributes:
        taken_from, taken_to: days (2026-03-01) or times (2026-03-01T06:00:00Z); the last day counts whole.
    """

    part_type: Words = ""
    line: Words = ""
    station: Words = ""
    lot: Words = ""
    concept: Words = ""
    labels: Looked = Looked.ANY
    source: Words = ""
    taken_from: Words = ""
    taken_to: Words = ""

    def filter(self) -> ImageFilter:
        """The same as a question to the records.

        Raises:
            InvalidInput: a time is none.
        """
        clean = {Looked.CLEAN: True, Looked.DEFECTIVE: False}.get(self.labels)
        labelled = {Looked.LABELLED: True, Looked.UNLABELLED: False}.get(self.labels)
        return ImageFilter(
            part_type=self.part_type or None,
            line=self.line or None,
            station=self.station or None,
            lot=self.lot or None,
            concept=self.concept or None,
            clean=clean,
            source=self.source or None,
            captured_from=_moment(self.taken_from, last=False) if self.taken_from else None,
            captured_before=_moment(self.taken_to, last=True) if self.taken_to else None,
            labelled=labelled,
        )

    def given(self) -> dict[str, str]:
        """The filters that filter, by name."""
        values = {one.name: str(getattr(self, one.name)) for one in fields(self)}
        return {name: value for name, value in values.items() if value}

    def address(self, **changed: object) -> str:
        """What stands behind ``?`` for these filters; ``changed`` sets some, None or "" takes them out."""
        values = self.given() | {name: "" if v is None else str(v) for name, v in changed.items()}
        return urlencode({name: value for name, value in values.items() if value})


def _moment(text: str, last: bool) -> Timestamp:
    """The time; of a day its start, or where it is the ``last`` its end. Without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        whole_day = len(text) <= len("2026-03-01")
        if last:
            moment += timedelta(days=1) if whole_day else timedelta(microseconds=1)
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as cause:
        raise InvalidInput(f"{text[:40]!r} is no day and no time", "Write it as 2026-03-01.") from cause
    return Timestamp(f"{utc:%Y-%m-%dT%H:%M:%S.%fZ}")
