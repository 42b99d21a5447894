"""How far releases are, and what each station really runs, as the station reports it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from andon.domain.lines import is_silent
from andon.domain.needs import Need
from andon.domain.releases import (
    HUB,
    Release,
    ReleaseEvent,
    ReleaseState,
    ReleaseStep,
    state_of,
)
from andon.domain.releasing import LAG_SECONDS, ShadowTally, by_its_clock, runs, seconds_between
from andon.domain.stations import Station
from andon.services.assignments import is_approved
from andon.services.jobs import ago
from andon.services.loops import models_in_hand
from andon.services.release_seen import LAST_PARTS
from andon.services.release_steps import BAD_ENDS, Hindrance, Steps, hindrance, hindrances, last_steps
from andon.services.stations import SILENT_SECONDS
from andon.services.workspaces import Workspace, now
from andon.store import inspections as stored_inspections
from andon.store import releases as stored_releases
from andon.store import stations as stored_stations
from andon.store.paging import Page
from andon.store.releases import Flip, Gated, Trial
from andon.units import Timestamp

MAX_FLIPS = 24
"""Parts of a station that a release's page shows."""

MAX_UNRELEASED = 20
MAX_CANDIDATES = 100
WEEK_SECONDS = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """A release and the last step of each of its stations."""

    release: Release
    state: ReleaseState
    steps: Steps


@dataclass(frozen=True, slots=True)
class ShownFlip:
    """A part on which shadow and verdict disagree; ``has_picture``: the hub has one of it."""

    flip: Flip
    has_picture: bool


@dataclass(frozen=True, slots=True)
class StationProgress:
    """One station of a release.

    Attributes:
        wave: 1 for the first.
        last: its last step. events: all of them, first to last.
        station: its report and the assignment in force.
        silent: it said nothing of late, so what is shown is what it said last.
        runs: it says that it judges with the released version.
        can_go_back: the assignment in force is this release's and says what ran before.
        shadow: what the released recipe judged beside. flips: parts on which it disagrees, worst first.
        parts: that it judged really, of the station's last ``LAST_PARTS``.
        watch_left: seconds; None while it is not watched.
        needs_person: it ended badly there, and nobody has done or said anything since.
        hindrance: what keeps the hub from taking the step that is due; None: nothing, or none is due.
    """

    wave: int
    last: ReleaseEvent
    events: tuple[ReleaseEvent, ...]
    station: Station
    silent: bool
    runs: bool
    can_go_back: bool
    shadow: ShadowTally
    flips: tuple[ShownFlip, ...]
    parts: int
    watch_left: float | None
    needs_person: bool
    hindrance: Hindrance | None = None


@dataclass(frozen=True, slots=True)
class ReleaseProgress:
    """A release with every station of it, first wave first, and all steps, newest first."""

    release: Release
    state: ReleaseState
    stations: tuple[StationProgress, ...]
    events: tuple[ReleaseEvent, ...]

    @property
    def may_stop(self) -> bool:
        """Whether a station waits or judges beside."""
        return any(one.last.step in (ReleaseStep.WAITING, ReleaseStep.SHADOW) for one in self.stations)

    @property
    def needs_person(self) -> bool:
        """Whether a station of it ended badly, and nobody has done or said anything since."""
        return any(one.needs_person for one in self.stations)

    @property
    def may_go_back(self) -> tuple[str, ...]:
        """Stations that can be taken back to what ran before."""
        return tuple(one.station.name for one in self.stations if one.can_go_back)


def page_of_releases(workspace: Workspace, after: int | None, limit: int) -> Page[ReleaseSummary]:
    """Releases, newest first."""
    with workspace.database.read() as tx:
        found = stored_releases.page(tx, after, limit)
        events = stored_releases.events_of(tx, [one.id for one in found.rows])
    return Page(tuple(_summary(one, events[one.id]) for one in found.rows), found.next)


def _summary(of: Release, events: tuple[ReleaseEvent, ...]) -> ReleaseSummary:
    steps = last_steps(events)
    return ReleaseSummary(of, state_of(tuple(steps.values())), steps)


def progress(workspace: Workspace, start: str) -> ReleaseProgress:
    """One release: the one whose id is ``start`` or begins with it.

    Raises:
        NotFound, Conflict: no release, or several, begin so.
    """
    with workspace.database.read() as tx:
        of = stored_releases.get(tx, start)
        events = stored_releases.events(tx, of.id)
        stations = tuple(
            _station(workspace, tx, (of, number), [event for event in events if event.station == name])
            for number, wave in enumerate(of.waves, 1)
            for name in wave
        )
    state = state_of([one.last.step for one in stations])
    return ReleaseProgress(of, state, stations, events[::-1])


def _station(
    workspace: Workspace, tx: Connection, which: tuple[Release, int], events: list[ReleaseEvent]
) -> StationProgress:
    of, wave = which
    last = events[-1]
    station = stored_stations.get(tx, last.station)
    trial = Trial(last.station, of.recipe, of.recipe_version, by_its_clock(of.at, station))
    told = station.assignment
    ours = told is not None and told.release == of.id
    switched = last.step in (ReleaseStep.SWITCHED, ReleaseStep.WATCHED, ReleaseStep.DONE)
    judged = stored_releases.verdicts(tx, trial, LAST_PARTS)
    left = of.settings.watch.seconds - seconds_between(last.at, now())
    found = stored_releases.flips(tx, trial, MAX_FLIPS)
    stuck = hindrance(workspace, tx, station)
    return StationProgress(
        wave=wave,
        last=last,
        events=tuple(events),
        station=station,
        silent=is_silent(station, ago(SILENT_SECONDS)),
        runs=runs(station.report, of.recipe, of.recipe_version),
        can_go_back=bool(ours and switched and told and told.fallback),
        shadow=stored_releases.tally(tx, trial),
        flips=tuple(ShownFlip(flip, _has_picture(workspace, tx, flip)) for flip in found),
        parts=sum(judged.values()),
        watch_left=max(0.0, left) if last.step is ReleaseStep.WATCHED else None,
        needs_person=_is_open(last, station),
        hindrance=stuck if stuck is not None and stuck.release == of.id else None,
    )


def _has_picture(workspace: Workspace, tx: Connection, flip: Flip) -> bool:
    capture = stored_inspections.get(tx, flip.inspection).capture
    blobs = (capture.blob, capture.thumbnail) if capture else ()
    return any(blob is not None and workspace.blobs.has(blob) for blob in blobs)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe version that has been through a gate. ``hindrance``: why it cannot be released, or empty."""

    recipe: str
    version: int
    gate: str
    at: Timestamp
    hindrance: str

    @property
    def name(self) -> str:
        """As ``NAME@VERSION``."""
        return f"{self.recipe}@{self.version}"


def candidates(workspace: Workspace) -> tuple[Candidate, ...]:
    """What could be released, the newest gate first, with what hinders it."""
    with workspace.database.read() as tx:
        return tuple(
            Candidate(one.recipe, one.version, one.gate, one.at, _hindrance(tx, one))
            for one in stored_releases.gated(tx, MAX_CANDIDATES)
        )


def _hindrance(tx: Connection, one: Gated) -> str:
    if not one.passed:
        return "its gate refused it"
    return "" if is_approved(tx, one.package) else "its model is not approved"


def lag_of(station: Station) -> float | None:
    """Seconds for which a station that reports has not run what it was told; None where it does.

    One that went back by itself runs what it was told to go back to.
    """
    told, report = station.assignment, station.report
    if told is None or report is None or report.counter == told.counter:
        return None
    return max(0.0, seconds_between(told.at, now()))


def release_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Releases that stopped, went back or cannot go on, stations that do not run what they were told, what
    waits for a release or for the approval before it."""
    with workspace.database.read() as tx:
        stations = {one.name: one for one in stored_stations.everyone(tx)}
        broken = [one for one in stored_releases.last_of_all(tx) if _is_open(one, stations[one.station])]
        stuck = hindrances(workspace, tx)
        named = dict.fromkeys([*(one.release for one in broken), *(one.release for one in stuck)])
        releases = {name: stored_releases.get(tx, name) for name in named}
        waiting = unreleased(tx)
        approved = [is_approved(tx, one.package) for one in waiting]
    ended = dict.fromkeys(event.release for event in broken)
    return (
        *(_broken(releases[name], [e for e in broken if e.release == name]) for name in ended),
        *(_stuck(releases[one.release], one) for one in stuck),
        *(_lagging(one) for one in stations.values() if _lags(one)),
        *(_unreleased(one, is_free) for one, is_free in zip(waiting, approved, strict=True)),
    )


def unreleased(tx: Connection) -> tuple[Gated, ...]:
    """Newest recipe versions that passed their gate, run nowhere, and wait for a release or the approval
    before it; without those that an open turn of the loop sees to."""
    stations, in_hand = stored_stations.everyone(tx), models_in_hand(tx)
    return tuple(
        one
        for one in stored_releases.unreleased(tx, MAX_UNRELEASED)
        if one.package not in in_hand and not _runs_somewhere(one, stations)
    )


def _runs_somewhere(one: Gated, stations: Iterable[Station]) -> bool:
    return any(runs(station.report, one.recipe, one.version) for station in stations)


def _is_open(event: ReleaseEvent, station: Station) -> bool:
    """Whether a release ended badly there of late, and nobody on the hub did it or did anything since."""
    told, back = station.assignment, station.report.rolled_back if station.report else None
    if told is None or event.step not in BAD_ENDS or told.at > event.at or event.at < ago(WEEK_SECONDS):
        return False
    by_a_touch_there = back is not None and back.counter == told.counter and back.author == event.author
    return by_a_touch_there or event.author == HUB or event.author.startswith("station/")


def _broken(of: Release, events: list[ReleaseEvent]) -> Need:
    """One word for all its stations; the first that broke tells why."""
    first = min(events, key=lambda event: (event.step is not ReleaseStep.ROLLED_BACK, event.at))
    went = "went back" if first.step is ReleaseStep.ROLLED_BACK else "stopped"
    what = f"The release of {of.recipe}@{of.recipe_version} {went} at {first.station}: {first.reason}"
    todo = "Look at what happened, then release another version, assign one, or note that it may stay so."
    return Need(what, todo, True, f"/releases/{of.id}", first.at)


def _stuck(of: Release, hindrance: Hindrance) -> Need:
    what = f"The release of {of.recipe}@{of.recipe_version} cannot go on at {hindrance.station}"
    todo = f"{hindrance.todo or 'Mend it.'} It goes on with the station's next report."
    return Need(f"{what}: {hindrance.message}", todo, True, f"/releases/{of.id}")


def _lags(station: Station) -> bool:
    lag = lag_of(station)
    return lag is not None and lag > LAG_SECONDS and not is_silent(station, ago(SILENT_SECONDS))


def _lagging(station: Station) -> Need:
    told, report = station.assignment, station.report
    assert told is not None
    assert report is not None
    runs_now = f"{report.recipe}@{report.recipe_version}" if report.recipe else "nothing"
    what = f"{station.name} runs {runs_now} and was told to run {told.recipe.name}@{told.recipe.version}"
    todo = "Look at its alarms: it may have refused the model, or it cannot fetch it."
    return Need(what, todo, True, f"/stations/{station.name}", told.at)


def _unreleased(one: Gated, approved: bool) -> Need:
    name = f"{one.recipe}@{one.version}"
    if approved:
        what, todo = f"{name} passed its gate and is approved", "Release it to stations, or leave it."
        return Need(what, todo, False, f"/releases/new?recipe={name}", one.at)
    what = f"{name} passed its gate and waits for an approval"
    return Need(what, "Look at its flips, then approve its model.", False, f"/models/{one.package}", one.at)
