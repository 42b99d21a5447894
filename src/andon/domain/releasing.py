"""Releasing: which step a station of a release takes next, and what it is told with that step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.domain.releases import HUB, Release, ReleaseEvent, ReleaseStep
from andon.domain.stations import (
    USUAL_DEADLINE,
    Assignment,
    KeepPolicy,
    RolledBack,
    Runnable,
    Station,
    StationReport,
    WatchLimits,
)
from andon.units import Timestamp

LAG_SECONDS = 60.0
"""A station that does not run what it was told for longer needs a person."""

FEW = 30
"""With fewer parts a share says nothing that could be watched."""


@dataclass(frozen=True, slots=True)
class ShadowTally:
    """Parts that a recipe judged beside, against what was really answered.

    Attributes:
        disagreeing: parts with another verdict.
        rejects, main_rejects: REJECT and REVIEW by the shadow and by what ran.
    """

    judged: int = 0
    disagreeing: int = 0
    rejects: int = 0
    main_rejects: int = 0

    @property
    def disagreement(self) -> float:
        """Share of the judged parts, 0..1; 0 where there are none."""
        return self.disagreeing / self.judged if self.judged else 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a station when its next step is decided.

    Attributes:
        report: what it said last; None: nothing yet.
        told: the assignment in force; None: it was never told anything.
        shadow: what the release's recipe judged beside since that began.
        parts: that the release's recipe judged there since the switch.
        may_begin: all stations of the waves before are DONE.
        approved: the release's model may go to stations now.
        known: the hub knows the recipe version that the station says it runs.
    """

    report: StationReport | None
    told: Assignment | None
    shadow: ShadowTally = ShadowTally()
    parts: int = 0
    may_begin: bool = True
    approved: bool = True
    known: bool = True


UNAPPROVED = "the model's approval was taken back"

_Next = tuple[ReleaseStep, str] | None


def next_step(
    release: Release, history: Sequence[ReleaseEvent], seen: Seen, now: Timestamp
) -> ReleaseEvent | None:
    """The step that follows the last one of ``history``, the station's own, first to last; None: not yet.

    A station that says nothing takes none. ``now`` and the times of ``history`` are the hub's.
    """
    last, report = history[-1], seen.report
    if report is None:
        return None
    if last.step in _ON_THEIR_WAY and _is_overtaken(release, seen):
        author = seen.told.author if seen.told else HUB
        return _event(release, last.station, (ReleaseStep.STOPPED, _overtaken(seen)), (author, now))
    back = _went_back(release, seen)
    if back is not None and last.step in _CAN_GO_BACK:
        author = f"station/{last.station}" if back.author == "watch" else back.author
        step = ReleaseStep.STOPPED if last.step is ReleaseStep.SHADOW else ReleaseStep.ROLLED_BACK
        return _event(release, last.station, (step, back.reason), (author, now))
    passed = seconds_between(last.at, now)
    match last.step:
        case ReleaseStep.WAITING:
            found = _begin(release, seen, report, now)
        case ReleaseStep.SHADOW:
            found = _shadowed(release, seen, report, passed)
        case ReleaseStep.SWITCHED:
            found = _switched(release, seen, report)
        case ReleaseStep.WATCHED:
            found = _watched(release, seen, report, passed)
        case _:
            found = None
    return None if found is None else _event(release, last.station, found, (HUB, now))


_ON_THEIR_WAY = frozenset({ReleaseStep.SHADOW, ReleaseStep.SWITCHED, ReleaseStep.WATCHED})
_CAN_GO_BACK = _ON_THEIR_WAY | {ReleaseStep.DONE}


def seconds_between(earlier: Timestamp, later: Timestamp) -> float:
    """Seconds from one to the other; negative where the second is the earlier."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def by_its_clock(at: Timestamp, station: Station) -> Timestamp:
    """A time of the hub as the clock of a station shows it, by what the two said at its last report."""
    if station.report is None or station.reported_at is None:
        return at
    ahead = timedelta(seconds=seconds_between(station.reported_at, station.report.at))
    moment = datetime.fromisoformat(at) + ahead
    return Timestamp(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def runs(report: StationReport | None, recipe: str, version: int) -> bool:
    """Whether a station says that it judges with this recipe version."""
    return report is not None and (report.recipe, report.recipe_version) == (recipe, version)


def to_stop(steps: Mapping[str, ReleaseStep]) -> tuple[str, ...]:
    """Stations of a release, by their last steps, that are to stop: another one stopped or went back.

    Those that were switched already stay: each of them is watched for itself.
    """
    broken = {ReleaseStep.STOPPED, ReleaseStep.ROLLED_BACK} & set(steps.values())
    before_switch = (ReleaseStep.WAITING, ReleaseStep.SHADOW)
    return tuple(name for name, step in steps.items() if broken and step in before_switch)


def may_begin(release: Release, station: str, steps: Mapping[str, ReleaseStep]) -> bool:
    """Whether all stations of the waves before that of ``station`` are DONE."""
    for wave in release.waves:
        if station in wave:
            return True
        if any(steps.get(name) is not ReleaseStep.DONE for name in wave):
            return False
    return False


@dataclass(frozen=True, slots=True)
class Pieces:
    """What an assignment is made of.

    Attributes:
        new: what is released. running: what the station really runs; None: nothing.
        told: the assignment in force. before: the last one that is not of this release.
        rejects: expected share of REJECT and REVIEW; None: not known.
    """

    new: Runnable
    running: Runnable | None
    told: Assignment | None
    before: Assignment | None = None
    rejects: float | None = None


def assignment_for(
    release: Release, event: ReleaseEvent, pieces: Pieces, counter: int
) -> Assignment | None:
    """What the station is told with ``event``; None: what it was told stays.

    STOPPED ends the shadow; ROLLED_BACK by the station itself needs no word, since it went back already.
    """
    running, told = pieces.running, pieces.told
    if event.step is ReleaseStep.SHADOW and running is not None:
        made = _assignment(release, event, (running, told, counter))
        return replace(made, shadow=pieces.new, fallback=_kept_fallback(running, told))
    if event.step is ReleaseStep.SWITCHED:
        made = _assignment(release, event, (pieces.new, told, counter))
        before = None if running is None or _is_same(running, pieces.new) else running
        watch = _watch(release.settings.watch, pieces.rejects)
        return replace(made, fallback=before, watch=watch)
    shadowed = told is not None and told.release == release.id and told.shadow is not None
    if event.step is ReleaseStep.STOPPED and shadowed and running is not None:
        return _as_before(_assignment(release, event, (running, told, counter)), pieces)
    return None


def _as_before(made: Assignment, pieces: Pieces) -> Assignment:
    """``made``, with all else as before the shadow, where the station still runs what it ran then."""
    before = pieces.before
    if before is None or before.recipe != made.recipe:
        fallback = None if pieces.running is None else _kept_fallback(pieces.running, pieces.told)
        return replace(made, release=None, fallback=fallback)
    again = replace(before, counter=made.counter, author=made.author, at=made.at)
    return replace(again, shadow=None, watch=None)


def way_back(told: Assignment, counter: int, by: tuple[str, Timestamp]) -> Assignment | None:
    """What a station is told when a person takes it back to what ran before; None: nothing did."""
    before = told.fallback
    if before is None:
        return None
    changed = replace(told, counter=counter, recipe=before.recipe, variants=before.variants)
    return replace(changed, shadow=None, fallback=None, watch=None, author=by[0], at=by[1])


def _event(
    release: Release, station: str, what: tuple[ReleaseStep, str], by: tuple[str, Timestamp]
) -> ReleaseEvent:
    return ReleaseEvent(release.id, station, what[0], what[1], by[0], by[1])


def _version(release: Release) -> tuple[str, int]:
    return release.recipe, release.recipe_version


def _is_overtaken(release: Release, seen: Seen) -> bool:
    return seen.told is None or seen.told.release != release.id


def _overtaken(seen: Seen) -> str:
    told = seen.told
    if told is None:
        return "its assignment is gone"
    return f"it was told to run {told.recipe.name}@{told.recipe.version} meanwhile"


def _went_back(release: Release, seen: Seen) -> RolledBack | None:
    """What the station says of going back from what this release told it."""
    back = seen.report.rolled_back if seen.report else None
    ours = seen.told is not None and seen.told.release == release.id
    return back if back and ours and seen.told and back.counter == seen.told.counter else None


def _begin(release: Release, seen: Seen, report: StationReport, now: Timestamp) -> _Next:
    before = f"{report.recipe}@{report.recipe_version}"
    if not seen.approved:
        return ReleaseStep.STOPPED, UNAPPROVED
    if report.recipe and not seen.known:
        return ReleaseStep.STOPPED, f"it runs {before}, which this hub does not know: there is no way back"
    if not seen.may_begin or _lags(seen, report, now):
        return None
    if report.recipe and not runs(report, *_version(release)) and release.settings.shadow_parts:
        return (
            ReleaseStep.SHADOW,
            f"beside {before}, until {release.settings.shadow_parts} parts are judged",
        )
    return ReleaseStep.SWITCHED, _without_shadow(release, report)


def _lags(seen: Seen, report: StationReport, now: Timestamp) -> bool:
    """Whether it is about to take up what it was told a moment ago."""
    told = seen.told
    return (
        told is not None and report.counter < told.counter and seconds_between(told.at, now) < LAG_SECONDS
    )


def _without_shadow(release: Release, report: StationReport) -> str:
    if not report.recipe:
        return "nothing ran before, so there is no shadow and no way back"
    if runs(report, *_version(release)):
        return "it runs that version already"
    return f"without a shadow, as asked; {report.recipe}@{report.recipe_version} ran before"


def _shadowed(release: Release, seen: Seen, report: StationReport, passed: float) -> _Next:
    settings, tally = release.settings, seen.shadow
    if not seen.approved:
        return ReleaseStep.STOPPED, UNAPPROVED
    count = report.shadow
    if count and count.note and (count.recipe, count.recipe_version) == _version(release):
        return ReleaseStep.STOPPED, f"it cannot judge beside: {count.note}"
    is_over = passed >= settings.shadow_seconds and _runs_what_it_was_told(seen, report)
    of = tally.judged if is_over else max(tally.judged, settings.shadow_parts)
    words = f"{tally.disagreeing} of {tally.judged} parts would have another verdict"
    if tally.judged and tally.disagreeing > settings.shadow_flips * of:
        return ReleaseStep.STOPPED, f"{words}: more than {100 * settings.shadow_flips:g} % are not allowed"
    if tally.judged >= settings.shadow_parts:
        return ReleaseStep.SWITCHED, words
    if is_over and (tally.judged or (count and count.dropped)):
        return ReleaseStep.SWITCHED, f"{words}; for more there was no time in {passed:.0f} s"
    return None


def _switched(release: Release, seen: Seen, report: StationReport) -> _Next:
    runs_it = runs(report, *_version(release))
    if not runs_it or not _runs_what_it_was_told(seen, report):
        return None
    return ReleaseStep.WATCHED, f"it runs it as {report.variant}"


def _watched(release: Release, seen: Seen, report: StationReport, passed: float) -> _Next:
    """Over, once the time is, and at least one part was judged: time alone shows nothing."""
    still = runs(report, *_version(release))
    if passed < release.settings.watch.seconds or not seen.parts or not still:
        return None
    parts = "1 part" if seen.parts == 1 else f"{seen.parts:,} parts"
    return ReleaseStep.DONE, f"{parts} in {passed:.0f} s, and it did not go back"


def _runs_what_it_was_told(seen: Seen, report: StationReport) -> bool:
    return seen.told is not None and report.counter == seen.told.counter


def _assignment(
    release: Release, event: ReleaseEvent, what: tuple[Runnable, Assignment | None, int]
) -> Assignment:
    runnable, told, counter = what
    settings = release.settings
    return Assignment(
        station=event.station,
        counter=counter,
        recipe=runnable.recipe,
        variants=runnable.variants,
        keep=settings.keep or (told.keep if told else KeepPolicy()),
        deadline=settings.deadline or (told.deadline if told else USUAL_DEADLINE),
        author=release.author,
        at=event.at,
        send=settings.send or (told.send if told else None),
        release=release.id,
    )


def _kept_fallback(running: Runnable, told: Assignment | None) -> Runnable | None:
    """Where the station could go back to from what it runs, as long as that does not change."""
    if told is None or told.fallback is None or told.recipe != running.recipe:
        return None
    return told.fallback


def _is_same(one: Runnable, other: Runnable) -> bool:
    return (one.recipe.name, one.recipe.version) == (other.recipe.name, other.recipe.version)


def _watch(limits: WatchLimits, rejects: float | None) -> WatchLimits:
    return limits if limits.rejects is not None else replace(limits, rejects=rejects)


def expected_rejects(rejects: int, parts: int) -> float | None:
    """The share of REJECT and REVIEW to be expected; None with fewer than ``FEW`` parts.

    One more of each is counted (Laplace's rule of succession): after 200 parts without a reject the first
    one is no alarm.

    Args:
        rejects: parts rejected or to be reviewed.
        parts: parts judged.
    """
    return (rejects + 1) / (parts + 2) if parts >= FEW else None
