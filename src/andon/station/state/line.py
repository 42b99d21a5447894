"""The live state of one station: what page, metrics, report and alarms read. Written on the loop only."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from andon.domain.feedback import Answer
from andon.domain.inspections import Inspection, Verdict
from andon.domain.stations import AlarmCode, Assignment, RolledBack, Sending, ShadowCount, StationReport
from andon.station.state.alarms import Raised
from andon.station.state.recent import Judged, Recent
from andon.station.state.trial import Trial
from andon.units import Timestamp

LAST_PARTS = 60
"""Parts of the strip."""

LATENCIES = 1000
RATE_SECONDS = 10.0


@dataclass(slots=True)
class LineState:
    """What is known now. Values are replaced, never changed in place, so any thread may read them.

    Attributes:
        assignment: that runs; None without one. variant, machine: of the inspector that runs.
        proven: monotonic seconds at which the inspector last judged a part or a golden image; None before.
        camera, output: one word each, ``ok`` or what is wrong.
        parts: verdicts since the program started, as far as they are known.
        settled: the same of parts of which no more will be known; none of these numbers ever falls.
        live: the last part. strip: the last parts, newest last, without pictures.
        recent: pictures of the last parts, as far as memory allows.
        latencies: milliseconds from frame to verdict of the last parts.
        moments: monotonic seconds of the last verdicts.
        spool: records not yet receipted. held: parts waiting for a person. disk_free: bytes.
        shed: what was given up for lack of disk, counted by kind.
        unheard: answers that did not reach the plant, since the program started.
        alarms: those that stand, by code.
        trial: what was seen since the last switch; None where nothing is watched.
        rolled_back: why the fallback of the assignment runs; None where it does not.
        asked_back: counter of the assignment that a person wants to leave, and who it is.
        shadow: how the model does that judges beside; None without one.
        sending: pictures that the policy chose; None where all that is kept is sent.
    """

    station: str
    line: str
    program: str
    started_at: Timestamp
    page: str = ""
    assignment: Assignment | None = None
    variant: str = ""
    machine: str = ""
    proven: float | None = None
    camera: str = "starting"
    output: str = "starting"
    parts: Counter[Verdict] = field(default_factory=Counter)
    settled: Counter[Verdict] = field(default_factory=Counter)
    live: Judged | None = None
    strip: deque[Inspection] = field(default_factory=lambda: deque(maxlen=LAST_PARTS))
    recent: Recent = field(default_factory=Recent)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES))
    moments: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES))
    spool: int = 0
    held: int = 0
    disk_free: int = 0
    shed: Counter[str] = field(default_factory=Counter)
    unheard: int = 0
    alarms: dict[AlarmCode, Raised] = field(default_factory=dict)
    trial: Trial | None = None
    rolled_back: RolledBack | None = None
    asked_back: tuple[int, str] | None = None
    shadow: ShadowCount | None = None
    sending: Sending | None = None

    def judged(self, part: Judged, monotonic: float) -> None:
        """Count one answered part."""
        self.parts[part.inspection.decision.verdict] += 1
        self.live = part
        self.strip.append(part.inspection)
        self.recent.put(part)
        self.latencies.append(part.inspection.milliseconds)
        self.moments.append(monotonic)
        if self.trial is not None:
            self.trial.judged(part.inspection, monotonic)

    def answered(self, inspection: Inspection, answer: Answer, drawn: bool = False) -> None:
        """A person said something of a part; ``drawn``: it was drawn from all that passed."""
        if self.trial is not None:
            self.trial.answered(inspection, answer, drawn)

    def settle(self, told: Inspection, inspection: Inspection) -> None:
        """What is known at last of a part that was judged as ``told``: its verdict, and of its image."""
        before, after = told.decision.verdict, inspection.decision.verdict
        self.parts[before] -= 1
        self.parts[after] += 1
        self.settled[after] += 1
        if self.live is not None and self.live.inspection.id == inspection.id:
            self.live = replace(self.live, inspection=inspection)
        for place, known in enumerate(self.strip):
            if known.id == inspection.id:
                self.strip[place] = inspection

    def raise_alarm(self, alarm: Raised) -> None:
        """Let an alarm stand; one that stands already keeps its time and takes the newer words."""
        standing = self.alarms.get(alarm.code)
        since = alarm.since if standing is None else standing.since
        self.alarms = {**self.alarms, alarm.code: replace(alarm, since=since)}

    def clear_alarm(self, code: AlarmCode) -> None:
        """The cause is gone."""
        if code in self.alarms:
            self.alarms = {known: alarm for known, alarm in self.alarms.items() if known is not code}

    def per_second(self, monotonic: float) -> float:
        """Parts per second over the last ten seconds."""
        return sum(monotonic - moment <= RATE_SECONDS for moment in list(self.moments)) / RATE_SECONDS

    def report(self, at: Timestamp, monotonic: float) -> StationReport:
        """What the hub is told."""
        latencies = sorted(self.latencies)
        runs = self.assignment
        return StationReport(
            station=self.station,
            line=self.line,
            at=at,
            started_at=self.started_at,
            program=self.program,
            counter=runs.counter if runs else 0,
            recipe=runs.recipe.name if runs else "",
            recipe_version=runs.recipe.version if runs else 0,
            package=runs.recipe.package if runs else None,
            variant=self.variant,
            parts=dict(self.parts),
            per_second=self.per_second(monotonic),
            p50=percentile(latencies, 0.50),
            p99=percentile(latencies, 0.99),
            spool=self.spool,
            held=self.held,
            disk_free=self.disk_free,
            camera=self.camera,
            output=self.output,
            alarms=tuple(alarm.reported() for alarm in self.alarms.values()),
            page=self.page,
            shed=dict(self.shed),
            rolled_back=self.rolled_back,
            shadow=self.shadow,
            sending=self.sending,
        )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``ordered`` (ascending) lies; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
