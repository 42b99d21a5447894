"""Lines: stations that inspect the same stream of parts, and the andon light that stands for them."""

from collections.abc import Iterable
from enum import StrEnum

from andon.domain.stations import AlarmCode, Station
from andon.units import Timestamp

STOPPING = frozenset(
    {
        AlarmCode.NO_ASSIGNMENT,
        AlarmCode.PACKAGE_REFUSED,
        AlarmCode.INSPECTOR_DIED,
        AlarmCode.CAMERA_STALLED,
        AlarmCode.OUTPUT_LOST,
        AlarmCode.DISK_FULL,
    }
)
"""While one of these stands, parts are answered NO-DECISION or nobody hears the answer."""


class Light(StrEnum):
    """What the andon light shows, best first."""

    RUNNING = "running"
    ATTENTION = "attention"
    STOPPED = "stopped"
    OFFLINE = "offline"


def is_silent(station: Station, silent_since: Timestamp) -> bool:
    """Whether the station has not reported after ``silent_since``."""
    return station.reported_at is None or station.reported_at <= silent_since


def light_of(station: Station, silent_since: Timestamp) -> Light:
    """The light of one station: what it last said, or that it says nothing."""
    if station.report is None or is_silent(station, silent_since):
        return Light.OFFLINE
    codes = {alarm.code for alarm in station.report.alarms}
    if codes & STOPPING:
        return Light.STOPPED
    return Light.ATTENTION if codes else Light.RUNNING


def worst(lights: Iterable[Light]) -> Light:
    """The light of a line is that of its worst station; OFFLINE only where all of them are.

    A line of which one station went silent needs attention at least.
    """
    shown = set(lights)
    if shown <= {Light.OFFLINE}:
        return Light.OFFLINE
    if Light.STOPPED in shown:
        return Light.STOPPED
    return Light.RUNNING if shown == {Light.RUNNING} else Light.ATTENTION
