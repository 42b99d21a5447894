"""In what condition a station is, in one word and the reason: for outputs, ``/health`` and the page."""

from dataclasses import dataclass
from enum import StrEnum

from andon.domain.stations import AlarmCode
from andon.station.state.line import LineState

FAULTS = (
    AlarmCode.DISK_FULL,
    AlarmCode.NO_ASSIGNMENT,
    AlarmCode.INSPECTOR_DIED,
    AlarmCode.CAMERA_STALLED,
    AlarmCode.OUTPUT_LOST,
)
"""Alarms under which no part gets a verdict that counts, the gravest first."""


class Word(StrEnum):
    """RUNNING means that verdicts are made and heard. OFFLINE is never said by the station itself alive."""

    STARTING = "starting"
    RUNNING = "running"
    FAULT = "fault"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Condition:
    """The word, and in a sentence why it is not RUNNING."""

    word: Word
    reason: str = ""


def condition_of(state: LineState, monotonic: float, patience: float) -> Condition:
    """What can be said of the station at this moment.

    Args:
        state: of the line.
        monotonic: now, seconds of the station's clock.
        patience: seconds without an inference after which the station does not count as running;
            infinite where a line that pauses is no fault.
    """
    for code in FAULTS:
        if code in state.alarms:
            return Condition(Word.FAULT, state.alarms[code].message)
    last = last_inference(state)
    if last is None:
        return Condition(Word.STARTING, "no model has judged anything yet")
    silent = monotonic - last
    if silent > patience:
        return Condition(Word.FAULT, f"a model last judged something {silent:.0f} s ago")
    return Condition(Word.RUNNING)


def last_inference(state: LineState) -> float | None:
    """Monotonic seconds at which a model last judged a part or, on a line that pauses, a golden image.

    None where none of the last parts was judged by a model, and no golden image either.
    """
    newest_first = zip(reversed(list(state.strip)), reversed(list(state.moments)), strict=False)
    part = next((moment for inspection, moment in newest_first if inspection.scores), None)
    return max((moment for moment in (part, state.proven) if moment is not None), default=None)
