"""Feedback: what people on the line say of a verdict."""

from dataclasses import dataclass
from enum import StrEnum

from andon.units import Timestamp


class Answer(StrEnum):
    """One touch. MISSED is said of a part that passed, FALSE_ALARM of one that did not."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false-alarm"
    MISSED = "missed"
    UNSURE = "unsure"


class Queue(StrEnum):
    """Why a part was shown to a person; AUDIT parts passed and were drawn by chance."""

    REJECT = "reject"
    REVIEW = "review"
    AUDIT = "audit"
    PICKED = "picked"


@dataclass(frozen=True, slots=True)
class Review:
    """What one person said of one inspection; a later review of the same inspection counts instead.

    Attributes:
        id: UUIDv7, also the idempotency key.
        concept: which defect was missed or is meant, where the person said so.
    """

    id: str
    inspection: str
    answer: Answer
    queue: Queue
    author: str
    at: Timestamp
    concept: str | None = None
    note: str = ""
