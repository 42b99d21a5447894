"""Gates: the same parts through what runs and through what shall replace it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from andon.domain.inspections import Verdict
from andon.domain.models import Costs
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp


class Purpose(StrEnum):
    """What a part is held back from training for."""

    GOLDEN = "golden"
    MUST_CATCH = "must-catch"


@dataclass(frozen=True, slots=True)
class Holdout:
    """A part that is never learned from; somebody said so, or took it back (``held`` False). The latest
    row of part and purpose counts."""

    part: str
    purpose: Purpose
    held: bool
    reason: str
    author: str
    at: Timestamp


HELD_SHARE = 0.3
"""Of the parts that come back from lines."""


def is_held(part: str) -> bool:
    """Whether a part that came back from a line is kept for gates: decided by its key alone, for ever.

    Parts that models learn from say nothing about how they judge others, and which ones to keep must not
    depend on what anybody thinks of them.
    """
    drawn = int.from_bytes(hashlib.sha256(part.encode()).digest()[:8])
    return drawn < HELD_SHARE * 2**64


class CaseSource(StrEnum):
    """Where a part of a gate comes from. AUDIT parts passed and were drawn with a known probability."""

    GOLDEN = "golden"
    MUST_CATCH = "must-catch"
    HISTORY = "history"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class ReviewModel:
    """What a person does with a part in REVIEW; stated, because the cost of a model depends on it.

    Attributes:
        catches: share of the defective parts a person recognises, 0..1.
        wrongly_rejects: share of the good parts a person rejects, 0..1.
        seconds: for one part. wage: of an hour, in the currency of the costs.
    """

    catches: float = 0.95
    wrongly_rejects: float = 0.02
    seconds: float = 10.0
    wage: float = 40.0

    def __post_init__(self) -> None:
        if not (0 <= self.catches <= 1 and 0 <= self.wrongly_rejects <= 1):
            raise InvalidInput("shares of a review lie between 0 and 1")
        if not (0 <= self.seconds < float("inf") and 0 <= self.wage < float("inf")):
            raise InvalidInput("time and wage of a review are not negative")


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What a candidate must keep to.

    Attributes:
        margin: the 95 % upper bound on net new escapes, as a share of the defective parts.
        overkill_margin: the same for net new rejects of good parts, as a share of the good ones.
        review_margin: the same for good parts that are stopped at all, by REVIEW too.
        naming_margin: the same for defects that are found under a wrong name.
        min_defective: parts with a defect that must have been replayed.
        min_good: good parts that what runs now does not reject, likewise.
        cost_ratio: expected cost of a part, reviews included, against what runs now.
        latency_ratio: median inspection time against what runs now. memory_ratio: likewise.
    """

    margin: float = 0.05
    overkill_margin: float = 0.1
    review_margin: float = 0.2
    naming_margin: float = 0.1
    min_defective: int = 20
    min_good: int = 20
    cost_ratio: float = 1.25
    latency_ratio: float = 1.5
    memory_ratio: float = 2.0

    def __post_init__(self) -> None:
        margins = (self.margin, self.overkill_margin, self.review_margin, self.naming_margin)
        if not all(0 <= margin <= 1 for margin in margins) or min(self.min_defective, self.min_good) < 1:
            raise InvalidInput(
                "margins of a gate lie between 0 and 1, and it needs at least one part of either truth"
            )
        if not all(ratio > 0 for ratio in (self.cost_ratio, self.latency_ratio, self.memory_ratio)):
            raise InvalidInput("limits on cost, time and memory of a gate are positive")


def wider_than_usual(limits: GateLimits) -> tuple[str, ...]:
    """Limits that let through what the usual ones would not, in words; they need a reason."""
    return wider_than(limits, GateLimits())


def wider_than(limits: GateLimits, others: GateLimits) -> tuple[str, ...]:
    """Limits that let through what ``others`` would not, in words."""
    least = ("min_defective", "min_good")
    wider = []
    for one in fields(GateLimits):
        asked, common = getattr(limits, one.name), getattr(others, one.name)
        if asked < common if one.name in least else asked > common:
            wider.append(f"{one.name.replace('_', ' ')} {asked:g} instead of {common:g}")
    return tuple(wider)


UNNAMED = "defect"
"""What stands for a defect that a person confirmed without saying which."""


@dataclass(frozen=True, slots=True)
class GateCase:
    """One part as both recipes judge it.

    Attributes:
        part: its key. images: all pictures of it that were replayed; the first is shown.
        source: why it is in the gate. weight: how many parts of the line it stands for.
        truth: defects on it; None where no person has said (such parts are never counted, but shown).
        old, new: verdict by what runs and by the candidate. reasons: in words, worst first.
        scores: highest score by either.
        old_found, new_found: defects that either stopped it for.
    """

    part: str
    images: tuple[Digest, ...]
    source: CaseSource
    weight: float
    truth: tuple[str, ...] | None
    old: Verdict
    new: Verdict
    old_reasons: tuple[str, ...] = ()
    new_reasons: tuple[str, ...] = ()
    scores: tuple[float, float] = (0.0, 0.0)
    old_found: tuple[str, ...] = ()
    new_found: tuple[str, ...] = ()

    @property
    def flipped(self) -> bool:
        """Whether the two disagree."""
        return self.old is not self.new

    @property
    def unjudged(self) -> bool:
        """Whether neither came to a verdict: that says nothing of the two."""
        return self.old is self.new is Verdict.NO_DECISION

    @property
    def new_escape(self) -> bool:
        """A defective part that was stopped and would pass."""
        return bool(self.truth) and self.new is Verdict.PASS and self.old is not Verdict.PASS


@dataclass(frozen=True, slots=True)
class Check:
    """One question a gate asks: what was measured, what is allowed, in words."""

    name: str
    passed: bool
    measured: str
    allowed: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Paired:
    """Net change on the same parts: ``worse`` minus ``better``, as a share of ``of``, with its upper bound.

    ``worse``, ``better`` and ``of`` are weighted counts; ``parts`` is how many parts were replayed.
    """

    worse: float
    better: float
    of: float
    parts: int
    net: float
    upper: float
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What a gate found.

    Attributes:
        escapes, overkill: paired changes; None where there was nothing to count.
        costs: per 1,000 parts of old and new, reviews by people included.
        milliseconds: median of old and new on this machine, p95: 95 of 100 are faster. memory: peak bytes
            of each. The old ones are 0 where the candidate stands alone.
        reviews, misnamed: paired changes of good parts stopped, and of defects found under a wrong name.
        counts: verdicts of old and new, by source.
        flips: every part on which they disagree, new escapes first, every must-catch part, and those that
            neither could judge.
        remarks: what a reader must know.
    """

    checks: tuple[Check, ...]
    escapes: Paired | None
    overkill: Paired | None
    costs: tuple[float, float] | None
    milliseconds: tuple[float, float]
    memory: tuple[int, int]
    flips: tuple[GateCase, ...]
    parts: int
    unknown: int
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    p95: tuple[float, float] = (0.0, 0.0)
    reviews: Paired | None = None
    misnamed: Paired | None = None

    @property
    def passed(self) -> bool:
        """Every question was answered well."""
        return bool(self.checks) and all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True)
class GateRequest:
    """What is compared, as ``NAME@VERSION``; without ``baseline`` the candidate stands alone and only the
    golden set, must-catch parts and absolute limits are asked.

    Attributes:
        costs: of the line; None: those the candidate's recipe was made with.
        threads: of the CPU, for either model.
        history: parts that came from lines, at most, the latest first.
        reason: why limits are wider than usual, where they are.
    """

    candidate: str
    baseline: str | None = None
    limits: GateLimits = GateLimits()
    review: ReviewModel = ReviewModel()
    costs: Costs | None = None
    threads: int = 1
    history: int = 10_000
    reason: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= 256 or self.history < 0:
            raise InvalidInput("the threads of a gate are 1 to 256, and its history is not negative")


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate as recorded; its outcome never changes."""

    id: str
    request: GateRequest
    package: Digest
    outcome: GateOutcome
    author: str
    at: Timestamp
