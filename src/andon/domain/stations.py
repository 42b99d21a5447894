"""Stations: what each is told to do, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.feedback import SendPolicy
from andon.domain.inspections import Verdict
from andon.domain.models import Variant
from andon.domain.recipes import Recipe
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp

MAX_DEADLINE = 60_000.0
"""Milliseconds from frame to verdict that a station may be given."""

USUAL_DEADLINE = 200.0
"""Milliseconds from frame to verdict of a station that was never told how many."""


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """Which images a station keeps and which passes it shows to people; rejects and reviews always are.

    Attributes:
        passes: share of PASS images kept without loss, 0..1.
        audit: share of PASS parts that people look at, 0..1; their images are kept.
        max_bytes: of images on the disk; beyond, PASS images go first, then REJECT, records never.
    """

    passes: float = 0.01
    audit: float = 0.01
    max_bytes: int = 20 * 2**30

    def __post_init__(self) -> None:
        for name, share in (("passes", self.passes), ("audit", self.audit)):
            if not 0 <= share <= 1:
                raise InvalidInput(f"the share of {name} is {share:g}", "Give a share from 0 to 1.")


@dataclass(frozen=True, slots=True)
class Runnable:
    """A recipe, whole, with its calibration, and the variants of its package that passed parity; a station
    takes the fastest whose golden images reproduce."""

    recipe: Recipe
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """When a station gives up what it was switched to and goes back by itself, without asking the hub.

    Rates are compared by their exact bounds, never by their values, so that few parts decide nothing.

    Attributes:
        seconds: how long after the switch is watched, at least.
        parts: how many parts it has to decide while it is watched, at least; the watch ends when both are
            over, so that a line that stood still has not let anything through unwatched.
        rejects: share of REJECT and REVIEW that is expected (from the shadow, or from what ran before);
            None: not watched. factor: how many times as many are too many.
        undecided: share of NO-DECISION that is too much.
        p99: milliseconds from frame to verdict that are too many; None: not watched.
        contradicted: share of judged parts that people contradict (missed or false alarm) that is too much.
            People judge rejects above all, and where defects are rare most of those are false alarms.
        missed: share that people call missed of the PASS parts drawn for them, that is too much by itself.
    """

    seconds: float = 1800.0
    rejects: float | None = None
    factor: float = 2.0
    undecided: float = 0.05
    p99: float | None = None
    contradicted: float = 0.8
    parts: int = 200
    missed: float = 0.3

    def __post_init__(self) -> None:
        shares = (self.rejects or 0.0, self.undecided, self.contradicted, self.missed)
        if not all(0 <= share <= 1 for share in shares) or self.factor < 1 or not self.seconds > 0:
            raise InvalidInput("watched shares lie between 0 and 1, the factor is 1 or more, time positive")
        if self.parts < 1:
            raise InvalidInput(f"a watch of {self.parts} parts sees nothing", "Give 1 part or more.")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one station runs, said by the hub and signed with its key.

    Attributes:
        counter: rises with every assignment of the station; an older one is refused.
        recipe: whole, with its calibration; ``recipe.package`` is the package to run.
        variants: those that passed parity; the station takes the fastest whose golden images reproduce.
        deadline: milliseconds from frame to verdict; later is NO-DECISION.
        send: which pictures travel to the hub; None: all that are kept.
        shadow: what judges beside, when there is time to spare; dropped first.
        fallback: what ran before; the station goes back to it by itself or by one touch.
        watch: when it does so by itself; None: never.
        release: which release this belongs to.
    """

    station: str
    counter: int
    recipe: Recipe
    variants: tuple[Variant, ...]
    keep: KeepPolicy
    deadline: float
    author: str
    at: Timestamp
    send: SendPolicy | None = None
    shadow: Runnable | None = None
    fallback: Runnable | None = None
    watch: WatchLimits | None = None
    release: str | None = None


class AlarmCode(StrEnum):
    """What a station can complain of; the page says what to do about each."""

    NO_ASSIGNMENT = "no-assignment"
    PACKAGE_REFUSED = "package-refused"
    INSPECTOR_DIED = "inspector-died"
    CAMERA_STALLED = "camera-stalled"
    BAD_IMAGES = "bad-images"
    LATE = "late"
    OUTPUT_LOST = "output-lost"
    ANSWERS_UNHEARD = "answers-unheard"
    HUB_AWAY = "hub-away"
    DISK_LOW = "disk-low"
    DISK_FULL = "disk-full"
    RECORDS_REFUSED = "records-refused"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that needs a person. ``message`` says what is wrong, ``todo`` what to do."""

    code: AlarmCode
    message: str
    todo: str
    since: Timestamp


class RollbackCause(StrEnum):
    """What made a station go back; each but PERSON is watched for."""

    PERSON = "person"
    REJECTS = "rejects"
    UNDECIDED = "undecided"
    SLOW = "slow"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A station went back to its fallback.

    Attributes:
        counter: of the assignment it left; it runs that one's fallback until a newer one comes.
        reason: what was seen, with numbers, or that a person asked for it.
        author: "watch", or the name of the person on the station.
        count, of: parts that showed the cause, of all that were looked at; 0 where a person asked.
    """

    counter: int
    reason: str
    author: str
    at: Timestamp
    cause: RollbackCause = RollbackCause.PERSON
    count: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class ShadowCount:
    """How the model that judges beside does.

    Attributes:
        judged, dropped: parts it judged, and those for which there was no time or no room, since it began
            or the program was started.
        note: why it does not judge at all, e.g. that its package was refused; empty where it does.
    """

    recipe: str
    recipe_version: int
    judged: int
    dropped: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sending:
    """Pictures that a station's policy chose.

    Attributes:
        waiting: choices whose picture has not gone yet.
        sent_today: pictures that went since midnight UTC.
        held: why the next one waits: ``hours``, ``quota`` or ``bandwidth``; empty where it does not.
    """

    waiting: int
    sent_today: int
    held: str = ""


@dataclass(frozen=True, slots=True)
class StationReport:
    """What a station says of itself, every few seconds.

    Attributes:
        counter: of the assignment that runs; 0 without one.
        parts: verdicts since the program started. per_second: over the last ten seconds.
        p50, p99: milliseconds from frame to verdict over the last thousand parts; 0 before the first.
        spool: records not yet receipted. held: parts waiting for a person.
        camera, output: one word each, ``ok`` or what is wrong.
        page: address of the station's own page.
    """

    station: str
    line: str
    at: Timestamp
    started_at: Timestamp
    program: str
    counter: int
    recipe: str
    recipe_version: int
    package: Digest | None
    variant: str
    parts: Mapping[Verdict, int]
    per_second: float
    p50: float
    p99: float
    spool: int
    held: int
    disk_free: int
    camera: str
    output: str
    alarms: tuple[Alarm, ...] = ()
    page: str = ""
    shed: Mapping[str, int] = field(default_factory=dict)
    rolled_back: RolledBack | None = None
    shadow: ShadowCount | None = None
    sending: Sending | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """A station as the hub knows it: its last report, when it came, and the assignment it should run."""

    name: str
    line: str
    author: str
    at: Timestamp
    report: StationReport | None = None
    reported_at: Timestamp | None = None
    assignment: Assignment | None = None
