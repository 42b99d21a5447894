"""What is known of a station when the next step of its release is decided, from what it reported."""

from collections.abc import Mapping

from sqlalchemy import Connection

from andon.analysis.watching import LEAST, exceeds
from andon.domain.inspections import Verdict
from andon.domain.recipes import Recipe
from andon.domain.releases import Release, ReleaseEvent, ReleaseStep
from andon.domain.releasing import (
    Seen,
    ShadowTally,
    by_its_clock,
    expected_rejects,
    may_begin,
    seconds_between,
)
from andon.domain.stations import Runnable, Station
from andon.services.assignments import is_approved, runnable
from andon.services.jobs import ago
from andon.store import assignments as stored_assignments
from andon.store import recipes as stored_recipes
from andon.store import releases as stored_releases
from andon.store import stations as stored_stations
from andon.store.releases import Trial
from andon.units import Timestamp

DAY_SECONDS = 86_400.0
LAST_PARTS = 5000
"""So many of a station's last parts are looked at, however many it judged."""

BACK = 10
"""Assignments that are looked through for what a station was told before."""


def seen_of(
    tx: Connection, of: Release, last: ReleaseEvent, moment: tuple[Mapping[str, ReleaseStep], Timestamp]
) -> Seen:
    """What is known of the station of ``last``, its last step in ``of``.

    Args:
        tx: where it is recorded.
        of: the release.
        last: the station's last step.
        moment: the last steps of all stations of the release, and the hub's time.
    """
    steps, at = moment
    station = stored_stations.get(tx, last.station)
    since = by_its_clock(last.at, station)
    trial = Trial(last.station, of.recipe, of.recipe_version, since)
    over = seconds_between(last.at, at) >= of.settings.watch.seconds
    counts = last.step is ReleaseStep.WATCHED and over
    shadow = stored_releases.tally(tx, trial) if last.step is ReleaseStep.SHADOW else ShadowTally()
    return Seen(
        report=station.report,
        told=station.assignment,
        shadow=shadow,
        many_rejects=_has_many(shadow, of.settings.watch.factor),
        before=told_before(tx, station, last.at) if last.step is ReleaseStep.WAITING else None,
        parts=_decided(tx, trial, of.settings.watch.parts) if counts else 0,
        counters=_counters(tx, of, station),
        may_begin=may_begin(of, last.station, steps),
        approved=is_approved(tx, of.package),
        known=runs_now(tx, station) is not None,
    )


def _has_many(shadow: ShadowTally, factor: float) -> bool:
    main = expected_rejects(shadow.main_rejects, shadow.judged)
    return main is not None and exceeds(shadow.rejects, shadow.judged, min(1.0, factor * main))


def told_before(tx: Connection, station: Station, at: Timestamp) -> Recipe | None:
    """What a station was told to run at a time, as far as ``BACK`` assignments go back; None: nothing."""
    told = station.assignment
    if told is None or told.at <= at:
        return None if told is None else told.recipe
    earlier = stored_assignments.history(tx, station.name, BACK)
    return next((one.recipe for one in earlier if one.at <= at), None)


def _decided(tx: Connection, trial: Trial, wanted: int) -> int:
    found = stored_releases.verdicts(tx, trial, max(LAST_PARTS, wanted))
    return sum(count for verdict, count in found.items() if verdict is not Verdict.NO_DECISION)


def _counters(tx: Connection, of: Release, station: Station) -> frozenset[int]:
    """Of the assignments of a release that tell its station the recipe version that the last one tells."""
    told = station.assignment
    if told is None or told.release != of.id or station.report is None or not station.report.rolled_back:
        return frozenset()
    earlier = stored_assignments.history(tx, station.name, BACK)
    which = (told.recipe.name, told.recipe.version)
    same = (one for one in earlier if (one.recipe.name, one.recipe.version) == which)
    return frozenset(one.counter for one in same if one.release == of.id)


def running(tx: Connection, station: Station) -> Runnable | None:
    """What the station says that it runs, with the variants of its model that passed parity.

    Raises:
        Refused: none did.
    """
    recipe = runs_now(tx, station)
    return None if recipe is None else runnable(tx, recipe)


def runs_now(tx: Connection, station: Station) -> Recipe | None:
    """What the station says that it runs, as far as it is known; what it should run is another thing."""
    report = station.report
    if report is None:
        return None
    version = (report.recipe, report.recipe_version)
    return stored_recipes.get(tx, *version) if stored_recipes.ids(tx, {version}) else None


def expected(tx: Connection, of: Release, station: Station) -> float | None:
    """Share of REJECT and REVIEW to be expected, at least ``LEAST``.

    From the shadow the lower of its own share and of that of what ran meanwhile: a recipe that rejects more
    must not set its own limit. Without a shadow what ran there of late.
    """
    history = stored_releases.events(tx, of.id)
    began = next(event.at for event in history if event.station == station.name)
    since = by_its_clock(began, station)
    tally = stored_releases.tally(tx, Trial(station.name, of.recipe, of.recipe_version, since))
    beside = expected_rejects(min(tally.rejects, tally.main_rejects), tally.judged)
    share = _of_late(tx, station) if beside is None else beside
    return None if share is None else max(LEAST, share)


def _of_late(tx: Connection, station: Station) -> float | None:
    """Share of REJECT and REVIEW of what runs there, over the last day."""
    runs = runs_now(tx, station)
    if runs is None:
        return None
    day = by_its_clock(ago(DAY_SECONDS), station)
    ran = Trial(station.name, runs.name, runs.version, day)
    of_late = stored_releases.verdicts(tx, ran, LAST_PARTS)
    rejects = of_late.get(Verdict.REJECT, 0) + of_late.get(Verdict.REVIEW, 0)
    return expected_rejects(rejects, sum(of_late.values()))
