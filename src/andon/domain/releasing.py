"""Releasing: which step a station of a release takes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from andon.domain.recipes import Recipe
from andon.domain.releases import HUB, LEAST_REJECTED, Release, ReleaseEvent, ReleaseStep
from andon.domain.stations import Assignment, RolledBack, Station, StationReport
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
        main_rejected: REJECT alone by what ran. freed: those of them that the shadow would have passed.
    """

    judged: int = 0
    disagreeing: int = 0
    rejects: int = 0
    main_rejects: int = 0
    main_rejected: int = 0
    freed: int = 0

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
        many_rejects: its rejects show, beyond chance, that it has more than ``factor`` times as many as
            what runs.
        before: what it was told to run when the release was made; None: nothing.
        parts: that the release's recipe decided there since it was watched.
        counters: of the assignments of this release that tell what the one in force tells.
        may_begin: all stations of the waves before are DONE.
        approved: the release's model may go to stations now.
        known: the hub knows the recipe version that the station says it runs.
    """

    report: StationReport | None
    told: Assignment | None
    shadow: ShadowTally = ShadowTally()
    many_rejects: bool = False
    before: Recipe | None = None
    parts: int = 0
    counters: frozenset[int] = frozenset()
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
    if _is_overtaken(release, last.step, seen):
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


def _event(
    release: Release, station: str, what: tuple[ReleaseStep, str], by: tuple[str, Timestamp]
) -> ReleaseEvent:
    return ReleaseEvent(release.id, station, what[0], what[1], by[0], by[1])


def _version(release: Release) -> tuple[str, int]:
    return release.recipe, release.recipe_version


def _is_overtaken(release: Release, step: ReleaseStep, seen: Seen) -> bool:
    told = seen.told
    if step is ReleaseStep.WAITING:
        return told is not None and is_replaced(release, told.recipe, seen.before)
    return step in _ON_THEIR_WAY and (told is None or told.release != release.id)


def is_replaced(release: Release, told: Recipe, before: Recipe | None) -> bool:
    """Whether a release that waits at a station ends there, since somebody told it to run another version.

    Args:
        release: that waits.
        told: what the station is told to run.
        before: what it was told to run when the release was made; None: nothing.
    """
    same = before is not None and (told.name, told.version) == (before.name, before.version)
    return not same and not _is_released(release, told)


def _is_released(release: Release, recipe: Recipe) -> bool:
    return (recipe.name, recipe.version) == _version(release)


def _overtaken(seen: Seen) -> str:
    told = seen.told
    if told is None:
        return "its assignment is gone"
    return f"it was told to run {told.recipe.name}@{told.recipe.version} meanwhile"


def _went_back(release: Release, seen: Seen) -> RolledBack | None:
    """What the station says of going back from what this release told it.

    It may have gone back before it heard of a newer assignment that tells the same, e.g. with another send
    policy: what it says of the one before counts as well.
    """
    back = seen.report.rolled_back if seen.report else None
    if back is None or seen.told is None or seen.told.release != release.id:
        return None
    return back if back.counter == seen.told.counter or back.counter in seen.counters else None


def _begin(release: Release, seen: Seen, report: StationReport, now: Timestamp) -> _Next:
    before = f"{report.recipe}@{report.recipe_version}"
    if not seen.approved:
        return ReleaseStep.STOPPED, UNAPPROVED
    if report.recipe and not seen.known:
        return ReleaseStep.STOPPED, f"it runs {before}, which this hub does not know: there is no way back"
    if not seen.may_begin or _lags(seen, report, now):
        return None
    runs_it = runs(report, *_version(release))
    told_so = seen.told is not None and _is_released(release, seen.told.recipe)
    if runs_it and told_so and _runs_what_it_was_told(seen, report):
        return ReleaseStep.DONE, "it runs that version already, and keeps its way back"
    if report.recipe and not runs_it and release.settings.shadow_parts:
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
    enough = tally.judged >= settings.shadow_parts
    if not enough and not (is_over and (tally.judged or (count and count.dropped))):
        return None
    bad = _bad_shadow(release, seen)
    if not enough:
        words = f"{words}; for more there was no time in {passed:.0f} s"
    return (ReleaseStep.STOPPED, bad) if bad else (ReleaseStep.SWITCHED, words)


def _bad_shadow(release: Release, seen: Seen) -> str:
    """Why what was judged beside is for a person to decide; empty where nothing speaks against it."""
    tally, settings = seen.shadow, release.settings
    if not tally.judged:
        return "it judged no part beside: there was no time for any, so nothing is known of it"
    if seen.many_rejects:
        return (
            f"it would not pass {tally.rejects} of {tally.judged} parts, and what runs did not pass"
            f" {tally.main_rejects}: more than {settings.watch.factor:g} times as many are not allowed"
        )
    rejected = tally.main_rejected
    if rejected >= LEAST_REJECTED and tally.freed > settings.shadow_passes * rejected:
        return (
            f"it would pass {tally.freed} of {rejected} parts that what runs rejected: more than"
            f" {100 * settings.shadow_passes:g} % are not allowed"
        )
    return ""


def _switched(release: Release, seen: Seen, report: StationReport) -> _Next:
    runs_it = runs(report, *_version(release))
    if not runs_it or not _runs_what_it_was_told(seen, report):
        return None
    return ReleaseStep.WATCHED, f"it runs it as {report.variant}"


def _watched(release: Release, seen: Seen, report: StationReport, passed: float) -> _Next:
    """Over, once the time is, and enough parts were decided: time alone shows nothing."""
    still, watch = runs(report, *_version(release)), release.settings.watch
    if passed < watch.seconds or seen.parts < watch.parts or not still:
        return None
    parts = "1 part" if seen.parts == 1 else f"{seen.parts:,} parts"
    return ReleaseStep.DONE, f"{parts} in {passed:.0f} s, and it did not go back"


def _runs_what_it_was_told(seen: Seen, report: StationReport) -> bool:
    return seen.told is not None and report.counter == seen.told.counter


def expected_rejects(rejects: int, parts: int) -> float | None:
    """The share of REJECT and REVIEW to be expected; None with fewer than ``FEW`` parts.

    One more of each is counted (Laplace's rule of succession): after 200 parts without a reject the first
    one is no alarm.

    Args:
        rejects: parts rejected or to be reviewed.
        parts: parts judged.
    """
    return (rejects + 1) / (parts + 2) if parts >= FEW else None
