"""Alarms as they stand: what is wrong as a case and values; the sentence is made where it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.inspections import ReasonCode
from andon.domain.stations import Alarm, AlarmCode
from andon.errors import AndonError, DiskFull
from andon.look.words import Words
from andon.units import Timestamp

Value = str | int | float | tuple[ReasonCode, ...]


class Case(StrEnum):
    """Everything a station can complain of; before the dot is the alarm's code.

    The sentence of each is ``alarm.<case>`` in the catalogue of words.
    """

    NOTHING_ASSIGNED = "no-assignment.none"
    ASSIGNMENT_REFUSED = "package-refused.assignment"
    PACKAGE_REFUSED = "package-refused.package"
    FALLBACK_REFUSED = "package-refused.fallback"
    INSPECTOR_DIED = "inspector-died.died"
    INSPECTOR_STUCK = "inspector-died.stuck"
    INSPECTOR_NOT_STARTED = "inspector-died.not-started"
    CAMERA_STALLED = "camera-stalled.stalled"
    CAMERA_ENDED = "camera-stalled.ended"
    CAMERA_LOST = "camera-stalled.lost"
    BAD_IMAGES = "bad-images.some"
    LATE = "late.some"
    OUTPUT_AWAY = "output-lost.away"
    OUTPUT_SLOW = "output-lost.slow"
    UNHEARD = "answers-unheard.some"
    HUB_SILENT = "hub-away.silent"
    HUB_REFUSES = "hub-away.refuses"
    DISK_LOW = "disk-low.low"
    DISK_STUCK = "disk-low.stuck"
    DISK_FULL = "disk-full.full"
    DISK_UNUSABLE = "disk-full.unusable"
    RECORDS_REFUSED = "records-refused.aside"
    SENT_BACK = "rolled-back.person"
    TOO_MANY_REJECTS = "rolled-back.rejects"
    TOO_MANY_UNDECIDED = "rolled-back.undecided"
    TOO_SLOW = "rolled-back.slow"
    CONTRADICTED = "rolled-back.contradicted"

    @property
    def code(self) -> AlarmCode:
        """Of the alarm that this case is one of."""
        return AlarmCode(self.value.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Raised:
    """One alarm.

    Attributes:
        message, todo: in plain English, for logs and for reports to the hub; what a program said is in it.
        values: what the sentence of the case is filled with.
    """

    case: Case
    message: str
    todo: str
    since: Timestamp
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def code(self) -> AlarmCode:
        """One alarm of each code stands at a time."""
        return self.case.code

    def reported(self) -> Alarm:
        """As the hub is told."""
        return Alarm(self.code, self.message, self.todo, self.since)

    def sentence(self, words: Words) -> str:
        """What is wrong, in the language of a page."""
        told = {name: _told(value, words) for name, value in self.values.items()}
        return words(f"alarm.{self.case.value}", **told)


def disk_case(cause: AndonError) -> Case:
    """What an error of the spool or of image files says of the disk."""
    return Case.DISK_FULL if isinstance(cause, DiskFull) else Case.DISK_UNUSABLE


def _told(value: Value, words: Words) -> str:
    if isinstance(value, tuple):
        return ", ".join(words(f"reason.{code.value}") for code in value)
    return value if isinstance(value, str) else words.number(value)
