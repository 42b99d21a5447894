"""Quality: what is known of escapes, overkill and cost when only some parts were looked at.

Operators see rejects, reviews and an audit sample of passes, and err.  A second look, by somebody who sits
down with the picture, corrects them: at every part whose verdict they contradicted, and at a share of the
others that the part's own id draws, so that its probability is known.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.feedback import Queue
from andon.domain.inspections import Verdict
from andon.units import Timestamp

SECOND_LOOK_SHARE = 0.25
"""Of the parts whose verdict people confirmed."""


def contradicts(verdict: Verdict, defective: bool) -> bool:
    """Whether who calls a part defective, or good, says that its verdict was wrong."""
    return defective is (verdict is Verdict.PASS)


def second_look_probability(inspection: str, contradicted: bool) -> float:
    """With which probability a part that people judged gets a second look; 0 where it was not drawn.

    Decided by the inspection's id alone, so that nobody chooses whom to check.
    """
    if contradicted:
        return 1.0
    drawn = int.from_bytes(hashlib.sha256(f"second look {inspection}".encode()).digest()[:8])
    return SECOND_LOOK_SHARE if drawn < SECOND_LOOK_SHARE * 2**64 else 0.0


class Cohort(StrEnum):
    """By what parts are told apart in a report."""

    ALL = "all"
    STATION = "station"
    PART_TYPE = "part-type"
    CONCEPT = "concept"
    DAY = "day"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Inspected:
    """How many parts were inspected: one verdict of one release on one station and day.

    Attributes:
        part_type, day, release: as in :class:`Judged`.
    """

    station: str
    part_type: str
    day: str
    release: str
    verdict: Verdict
    parts: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One inspected part as far as people looked at it.

    Attributes:
        part, station, part_type, day, release: what it is counted by; day is UTC, ``2026-03-01``;
            release is ``RECIPE@VERSION``.
        probability: with which a part of this verdict was shown to people: 1 for rejects and reviews, that
            of the audit for passes; 0 for a pass that was not drawn.
        queue: where it waited for people; None where nobody was to see it.
        said: whether a person called it defective; None where nobody has said anything.
        checked: whether a second look (a label by somebody who sat down with the picture) calls it
            defective; None without one. check_probability: with which it gets that second look; one that
            happened all the same (0) is no sample of anything and corrects no estimate.
        concepts: the model's findings, or what people said, that name a defect.
        pictured: whether its picture is here; nobody can look a second time without it.
    """

    part: str
    station: str
    part_type: str
    day: str
    release: str
    verdict: Verdict
    probability: float
    queue: Queue | None
    said: bool | None
    checked: bool | None
    check_probability: float = 1.0
    concepts: tuple[str, ...] = ()
    pictured: bool = True


class Found(StrEnum):
    """Parts that a report lists.

    DUE: drawn for a second look that nobody has taken; not of reviews, as the model was not sure and no
    estimate needs them. MODEL: people first let it pass and a second look
    found it defective, as the model had. PEOPLE: the model let it pass, people caught it, and no second
    look says otherwise.
    """

    DUE = "due"
    MODEL = "model"
    PEOPLE = "people"


def is_found(part: Judged, what: Found) -> bool:
    """Whether a part that people judged belongs into that list."""
    if part.said is None:
        return False
    passed = part.verdict is Verdict.PASS
    match what:
        case Found.DUE:
            counts = part.probability > 0 or contradicts(part.verdict, part.said)
            counts = counts and part.verdict in {Verdict.PASS, Verdict.REJECT}
            return counts and part.checked is None and part.check_probability > 0
        case Found.MODEL:
            return not passed and part.said is False and part.checked is True
        case Found.PEOPLE:
            return passed and part.said and part.checked is not False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A count or a rate of the whole, estimated from parts that were looked at.

    Attributes:
        value: the point estimate. low, high: bounds at ``confidence``.
        looked_at: parts people judged that bear on it. of: parts it speaks of; fewer than were inspected
            where on some station nobody looked at any part of a release.
        checked: second looks corrected what operators said; False: there were too few, or some that are
            due were not taken (those that were are then no sample), and it is an estimate of what operators
            say or would say.
    """

    value: float
    low: float
    high: float
    looked_at: int
    of: int
    confidence: float = 0.95
    checked: bool = True


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One cohort.

    Attributes:
        name: of the cohort, e.g. the station's.
        parts: inspected. counts: by verdict. For a concept: of all parts, whatever was found on them.
        escapes: defective parts among all that passed. overkill: good parts among the rejected.
            Both per part inspected (0..1); None where nobody looked.
        cost: per 1,000 parts, in the currency of the costs; None where escapes or overkill are not known.
        model_found: parts that people first let pass and a second look found defective, as the model had.
        people_found: defective parts the model let pass and people caught.
    """

    name: str
    parts: int
    counts: Mapping[Verdict, int]
    escapes: Estimate | None
    overkill: Estimate | None
    cost: Estimate | None
    model_found: int = 0
    people_found: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The release that runs against the one before it; differences are new minus old.

    Attributes:
        new, old: ``RECIPE@VERSION``.
        escapes, overkill: differences of rates; cost: of costs per 1,000 parts; None where one is unknown.
    """

    new: str
    old: str
    escapes: Estimate | None
    overkill: Estimate | None
    cost: Estimate | None


@dataclass(frozen=True, slots=True)
class Quality:
    """A report over a time; rows by cohort, and remarks a reader must know.

    Attributes:
        against: None before a second release has run.
        due: parts that wait for a second look.
    """

    since: Timestamp | None
    before: Timestamp | None
    rows: Mapping[Cohort, tuple[QualityRow, ...]]
    remarks: tuple[str, ...] = field(default_factory=tuple)
    against: Comparison | None = None
    due: int = 0
