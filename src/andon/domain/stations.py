"""Stations: what each is told to do, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.inspections import Verdict
from andon.domain.models import Variant
from andon.domain.recipes import Recipe
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp


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
class Assignment:
    """What one station runs, said by the hub and signed with its key.

    Attributes:
        counter: rises with every assignment of the station; an older one is refused.
        recipe: whole, with its calibration; ``recipe.package`` is the package to run.
        variants: those that passed parity; the station takes the fastest whose golden images reproduce.
        deadline: milliseconds from frame to verdict; later is NO-DECISION.
    """

    station: str
    counter: int
    recipe: Recipe
    variants: tuple[Variant, ...]
    keep: KeepPolicy
    deadline: float
    author: str
    at: Timestamp


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


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that needs a person. ``message`` says what is wrong, ``todo`` what to do."""

    code: AlarmCode
    message: str
    todo: str
    since: Timestamp


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
