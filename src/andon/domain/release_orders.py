"""What a station of a release is told with each step, and what takes it back."""

from dataclasses import dataclass, replace

from andon.domain.releases import Release, ReleaseEvent, ReleaseSettings, ReleaseStep
from andon.domain.stations import USUAL_DEADLINE, Assignment, KeepPolicy, Runnable, WatchLimits
from andon.units import Timestamp

TIMES_SLOWER, SLOWER = 2.0, 20.0
"""So many times, and at least so many milliseconds more, may the slowest 1 of 100 parts take as before."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What an assignment is made of.

    Attributes:
        new: what is released. running: what the station really runs; None: nothing.
        told: the assignment in force. before: the last one that is not of this release.
        rejects: expected share of REJECT and REVIEW; None: not known.
        p99: milliseconds that the station reported before the switch; None: not known.
    """

    new: Runnable
    running: Runnable | None
    told: Assignment | None
    before: Assignment | None = None
    rejects: float | None = None
    p99: float | None = None


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
        same = running is not None and _is_same(running, pieces.new)
        before = _kept_fallback(running, told) if running is not None and same else running
        watch = _watch(release.settings.watch, pieces)
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
    """What a station is told when a person takes it back to what ran before; None: nothing did.

    What it keeps and sends, and its deadline, stay as they are now.
    """
    before = told.fallback
    if before is None:
        return None
    changed = replace(told, counter=counter, recipe=before.recipe, variants=before.variants)
    return replace(changed, shadow=None, fallback=None, watch=None, author=by[0], at=by[1])


def _assignment(
    release: Release, event: ReleaseEvent, what: tuple[Runnable, Assignment | None, int]
) -> Assignment:
    runnable, told, counter = what
    settings = release.settings if event.step is ReleaseStep.SWITCHED else ReleaseSettings()
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


def _watch(limits: WatchLimits, pieces: Pieces) -> WatchLimits:
    rejects = pieces.rejects if limits.rejects is None else limits.rejects
    slow = None if pieces.p99 is None else max(TIMES_SLOWER * pieces.p99, pieces.p99 + SLOWER)
    return replace(limits, rejects=rejects, p99=slow if limits.p99 is None else limits.p99)
