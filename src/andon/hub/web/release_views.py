"""What the pages of releases show."""

from collections.abc import Mapping
from dataclasses import dataclass

from andon.analysis.bounds import interval
from andon.domain.needs import Need
from andon.domain.releases import ReleaseState, ReleaseStep
from andon.domain.stations import Station
from andon.errors import AndonError
from andon.hub.web.release_forms import STATION, WAVES, usual_form
from andon.look.figures import Figure, figure_of
from andon.services.release_progress import (
    Candidate,
    ReleaseProgress,
    ReleaseSummary,
    StationProgress,
    candidates,
    page_of_releases,
    progress,
    release_needs,
)
from andon.services.stations import all_stations
from andon.services.workspaces import Workspace


@dataclass(frozen=True, slots=True)
class Words:
    """A step for people: ``mark`` names its shape, ``name`` is one or two words, ``means`` a sentence."""

    mark: str
    name: str
    means: str


STEPS: Mapping[ReleaseStep, Words] = {
    ReleaseStep.WAITING: Words("wait", "waits", "Its wave has not begun; it begins with its next report."),
    ReleaseStep.SHADOW: Words(
        "shadow", "shadow", "The new version judges beside; what runs and what the line hears is unchanged."
    ),
    ReleaseStep.SWITCHED: Words("switch", "switched", "It was told to run the new version."),
    ReleaseStep.WATCHED: Words(
        "watch", "watched", "It runs the new version, and goes back by itself where that is bad."
    ),
    ReleaseStep.DONE: Words("done", "done", "The new version runs, and its watch ended well."),
    ReleaseStep.ROLLED_BACK: Words("back", "rolled back", "It runs what ran before, or was told to."),
    ReleaseStep.STOPPED: Words("stop", "stopped", "It goes no further here."),
}

STATES: Mapping[ReleaseState, str] = {
    ReleaseState.UNDER_WAY: "run",
    ReleaseState.DONE: "done",
    ReleaseState.STOPPED: "stop",
    ReleaseState.ROLLED_BACK: "back",
}
"""Shapes of the states of whole releases."""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release in the list. ``counts``: stations by their last step, in the order of the way."""

    summary: ReleaseSummary
    mark: str
    counts: tuple[tuple[Words, int], ...]


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """A page of the list; ``needs`` is what of releases needs a person now."""

    rows: tuple[ReleaseRow, ...]
    next: int | None
    is_first: bool
    needs: tuple[Need, ...]
    steps: Mapping[ReleaseStep, Words]


@dataclass(frozen=True, slots=True)
class StationRow:
    """One station of a release. ``disagreement`` is None where nothing was judged beside."""

    progress: StationProgress
    words: Words
    disagreement: Figure | None


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """One release."""

    progress: ReleaseProgress
    mark: str
    stations: tuple[StationRow, ...]
    steps: Mapping[ReleaseStep, Words]


@dataclass(frozen=True, slots=True)
class ReleaseForm:
    """The form of a new release, with what is wrong with what was asked for.

    Attributes:
        form: what stands in its fields, by name.
        station_field: what stands before a station's name in the name of its field.
        waves: as many waves can be chosen.
    """

    candidates: tuple[Candidate, ...]
    stations: tuple[Station, ...]
    form: Mapping[str, str]
    problem: AndonError | None
    station_field: str = STATION
    waves: int = WAVES

    @property
    def any_releasable(self) -> bool:
        """Whether there is anything to release."""
        return any(not one.hindrance for one in self.candidates)


def list_view(workspace: Workspace, after: int | None, limit: int) -> ReleaseList:
    """Releases, newest first."""
    found = page_of_releases(workspace, after, limit)
    needs = release_needs(workspace) if after is None else ()
    return ReleaseList(tuple(_row(one) for one in found.rows), found.next, after is None, needs, STEPS)


def _row(summary: ReleaseSummary) -> ReleaseRow:
    taken = list(summary.steps.values())
    counts = tuple((words, taken.count(step)) for step, words in STEPS.items() if step in taken)
    return ReleaseRow(summary, STATES[summary.state], counts)


def release_view(workspace: Workspace, start: str) -> ReleaseView:
    """One release.

    Raises:
        NotFound, Conflict: no release, or several, begin so.
    """
    found = progress(workspace, start)
    rows = tuple(StationRow(one, STEPS[one.last.step], _disagreement(one)) for one in found.stations)
    return ReleaseView(found, STATES[found.state], rows, STEPS)


def _disagreement(one: StationProgress) -> Figure | None:
    if not one.shadow.judged:
        return None
    return figure_of("would have another verdict", interval(one.shadow.disagreeing, one.shadow.judged))


def form_view(
    workspace: Workspace, form: Mapping[str, str], problem: AndonError | None = None
) -> ReleaseForm:
    """The form with ``form`` in it."""
    stations = all_stations(workspace)
    return ReleaseForm(candidates(workspace), stations, usual_form() | dict(form), problem)
