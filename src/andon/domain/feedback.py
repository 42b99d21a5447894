"""Feedback: what people on the line say of a verdict, and which pictures come back to learn from."""

from dataclasses import dataclass
from enum import StrEnum

from andon.domain.inspections import Verdict
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp


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


def truth_of(verdict: Verdict, said: Review | None) -> bool | None:
    """Whether a part is defective as far as a person said; None where nobody did, or could not say.

    CONFIRMED agrees with the verdict: a part that passed is good, any other one defective.
    """
    match said.answer if said else Answer.UNSURE:
        case Answer.MISSED:
            return True
        case Answer.FALSE_ALARM:
            return False
        case Answer.CONFIRMED:
            return None if verdict is Verdict.NO_DECISION else verdict is not Verdict.PASS
        case Answer.UNSURE:
            return None


def is_regression(said: Answer | None, defective: bool) -> bool:
    """Whether a part was judged wrongly on the line: a person said so, and its labels agree.

    ``said`` is the latest review of its inspection, ``defective`` what its labels say.
    """
    return said is (Answer.MISSED if defective else Answer.FALSE_ALARM)


class SendReason(StrEnum):
    """Why a station sends a part's picture to the hub, the most urgent first.

    AUDIT: drawn with a known probability: it passed, and people on the line judge it; or it was rejected,
    and somebody on the hub looks a second time. WRONG: a person contradicted the verdict.
    CONFUSED: the model was not sure. RULE: the plant asked for such parts. RANDOM: drawn by chance from all
    parts, whatever was decided; the control group that shows what choosing is worth.
    """

    AUDIT = "audit"
    WRONG = "wrong"
    CONFUSED = "confused"
    RULE = "rule"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class SendRule:
    """Parts the plant wants to see: all conditions that are stated must hold.

    Attributes:
        concept: the score of this concept lies in [low, high]; None: that of any.
        verdict: what was decided.
        part_type: of the part, as the camera or the line stated it.
    """

    concept: str | None = None
    low: float = 0.0
    high: float = 1.0
    verdict: Verdict | None = None
    part_type: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise InvalidInput(
                f"scores from {self.low:g} to {self.high:g} are no range", "0 <= low <= high <= 1."
            )


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """Which pictures a station sends, how many, when and how fast. Records and answers always travel.

    Audit samples are always sent: without them nothing is known about escapes and overkill.  The rest is
    sent in the order of :class:`SendReason` until the day's quota is used up.

    Attributes:
        wrong: send what a person contradicted.
        near: send a part of which a concept's score lies at most this far from one of its cuts, or that
            was REVIEW; None: do not.
        rules: send what fits any of them.
        random: share of all parts that is sent whatever was decided, 0..1.
        quota: pictures a day (UTC), audit samples included in the count; None: no limit.
        hours: from the first hour to before the second, UTC; (22, 6) goes over midnight. (0, 24): always.
        bytes_per_second: of pictures; None: no limit.
    """

    wrong: bool = True
    near: float | None = 0.05
    rules: tuple[SendRule, ...] = ()
    random: float = 0.01
    quota: int | None = None
    hours: tuple[int, int] = (0, 24)
    bytes_per_second: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.random <= 1 or not (self.near is None or 0 <= self.near <= 1):
            raise InvalidInput("the share sent by chance and the nearness to a cut lie between 0 and 1")
        if not all(0 <= hour <= 24 for hour in self.hours) or self.hours[0] == self.hours[1]:
            raise InvalidInput(f"pictures cannot be sent from {self.hours[0]} to {self.hours[1]} o'clock")
        if (self.quota is not None and self.quota < 0) or (self.bytes_per_second or 1) < 1:
            raise InvalidInput("the quota must not be negative, and the bandwidth at least 1 byte a second")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A part whose picture a station sends, and why.

    Attributes:
        id: UUIDv7, also the idempotency key.
        probability: with which such a part is sent, for RANDOM and AUDIT; 1 for the other reasons.
        detail: in words, e.g. "scratch 0.48, review cut 0.45".
        blob: of the picture, where it was kept only after the part's record was written; the record does
            not name it then.
    """

    id: str
    inspection: str
    reason: SendReason
    at: Timestamp
    probability: float = 1.0
    detail: str = ""
    blob: Digest | None = None
