"""What the pages of stations show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import Form as Field

from andon.domain.feedback import SendPolicy
from andon.domain.lines import Light, light_of
from andon.domain.recipes import Recipe
from andon.domain.stations import USUAL_DEADLINE, Assignment, KeepPolicy, Station
from andon.errors import Refused
from andon.hub.web.feedback_views import waits_in_words
from andon.hub.web.send_forms import SendForm
from andon.services.approvals import approved_packages
from andon.services.jobs import ago
from andon.services.recipes import page_of_recipes
from andon.services.releases import ended_by, open_release_of
from andon.services.sending import words_of
from andon.services.stations import SILENT_SECONDS, Plan, all_stations, assignments_of, find_station
from andon.services.workspaces import Workspace
from andon.units import Timestamp

RECIPES_SHOWN = 200
GIBIBYTE = 2**30

LIGHTS: Mapping[Light, str] = {
    Light.RUNNING: "running",
    Light.ATTENTION: "needs attention",
    Light.STOPPED: "stopped",
    Light.OFFLINE: "offline",
}


@dataclass(frozen=True, slots=True)
class StationCard:
    """One station.

    Attributes:
        assigned: in words, whether it runs what it was told.
        is_behind: it was told something that it does not run.
        page: address of the station's own page, empty where it is none.
    """

    station: Station
    light: Light
    words: str
    assigned: str
    is_behind: bool
    page: str

    @property
    def silent_since(self) -> Timestamp | None:
        """When a silent station last said something."""
        return self.station.reported_at if self.light is Light.OFFLINE else None


@dataclass(frozen=True, slots=True)
class StationList:
    """Stations by line."""

    lines: tuple[tuple[str, tuple[StationCard, ...]], ...]


@dataclass(frozen=True, slots=True)
class StationView:
    """One station, and what it was told, newest first.

    Attributes:
        sends: counter -> which pictures travel, in words.
        waits: chosen pictures that have not gone, and why not; empty where none waits.
    """

    card: StationCard
    history: tuple[Assignment, ...]
    sends: Mapping[int, str]
    waits: str


@dataclass(frozen=True, slots=True)
class RecipeChoice:
    """A recipe version that could be assigned; only those of approved models can."""

    recipe: Recipe
    name: str
    approved: bool


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the form; shares in percent, disk in GiB, deadline in milliseconds."""

    recipe: Annotated[str, Field()]
    passes: Annotated[float, Field()]
    audit: Annotated[float, Field()]
    gibibytes: Annotated[float, Field()]
    deadline: Annotated[float, Field()]


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """The form that assigns a recipe, and what would happen, sentence by sentence.

    Attributes:
        happens: empty as long as no recipe is chosen.
        cautions: what is probably not meant.
        refused: why the chosen recipe may not run there; None where it may.
    """

    card: StationCard
    choices: tuple[RecipeChoice, ...]
    form: Form
    send: SendForm
    happens: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    refused: Refused | None = None

    @property
    def runs(self) -> str:
        """What the station says that it runs, as ``NAME@VERSION``; empty where that is nothing."""
        report = self.card.station.report
        return f"{report.recipe}@{report.recipe_version}" if report and report.recipe else ""

    @property
    def wants_gate(self) -> bool:
        """Whether the chosen recipe is refused though its model is approved."""
        approved = {choice.name for choice in self.choices if choice.approved}
        return self.refused is not None and bool(self.runs) and self.form.recipe in approved

    @property
    def any_approved(self) -> bool:
        """Whether there is anything to assign."""
        return any(choice.approved for choice in self.choices)


def list_view(workspace: Workspace) -> StationList:
    """All stations."""
    cards = [_card(station) for station in all_stations(workspace)]
    lines = groupby(cards, lambda card: card.station.line)
    return StationList(tuple((line, tuple(members)) for line, members in lines))


def station_view(workspace: Workspace, name: str) -> StationView:
    """One station.

    Raises:
        NotFound: there is none.
    """
    station, history = find_station(workspace, name), assignments_of(workspace, name)
    sends = {told.counter: words_of(told.send) for told in history}
    waits = waits_in_words(station.report.sending if station.report else None)
    return StationView(_card(station), history, sends, waits)


def usual_form(station: Station, recipe: str) -> Form:
    """The form as the station runs now."""
    assignment = station.assignment
    keep = assignment.keep if assignment else KeepPolicy()
    deadline = assignment.deadline if assignment else USUAL_DEADLINE
    return Form(recipe, 100 * keep.passes, 100 * keep.audit, keep.max_bytes / GIBIBYTE, deadline)


def assignment_view(
    workspace: Workspace, station: Station, forms: tuple[Form, SendForm], planned: Plan | Refused | None
) -> AssignmentView:
    """The form with ``forms`` in it; ``planned`` is None as long as no recipe is chosen."""
    approved = approved_packages(workspace)
    found = page_of_recipes(workspace, None, RECIPES_SHOWN).rows
    choices = tuple(
        RecipeChoice(recipe, f"{recipe.name}@{recipe.version}", recipe.package in approved)
        for recipe in found
    )
    card = _card(station)
    if planned is None:
        return AssignmentView(card, choices, *forms)
    if isinstance(planned, Refused):
        return AssignmentView(card, choices, *forms, refused=planned)
    happens = tuple(_happens(planned, forms[1].policy()))
    cautions = (*_of_release(workspace, planned), *_cautions(planned))
    return AssignmentView(card, choices, *forms, happens, cautions)


def _card(station: Station) -> StationCard:
    light = light_of(station, ago(SILENT_SECONDS))
    said = station.report.page if station.report else ""
    words, is_behind = _assigned(station, light)
    page = said if said.startswith(("http://", "https://")) else ""
    return StationCard(station, light, LIGHTS[light], words, is_behind, page)


def _assigned(station: Station, light: Light) -> tuple[str, bool]:
    assignment, report = station.assignment, station.report
    if assignment is None:
        return "Nothing is assigned yet: every part is NO-DECISION.", False
    name = f"{assignment.recipe.name} v{assignment.recipe.version}"
    runs = report.counter if report else 0
    back = report.rolled_back if report else None
    if report and back and back.counter == assignment.counter:
        return f"Was told to run {name}, and went back to {report.recipe} v{report.recipe_version}.", True
    if runs == assignment.counter:
        runs_it = "Ran" if light is Light.OFFLINE else "Runs"
        return f"{runs_it} what was assigned: {name}.", False
    if runs > assignment.counter:
        return f"Runs assignment {runs}; this hub knows only {assignment.counter}, from a backup?", True
    return f"Was told to run {name} and has not taken it up yet.", True


def _happens(planned: Plan, send: SendPolicy | None) -> Iterator[str]:
    station, recipe = planned.station, planned.recipe
    new = f"recipe {recipe.name} v{recipe.version}"
    report = station.report
    if report and report.recipe:
        before = f"instead of recipe {report.recipe} v{report.recipe_version}"
        yield f"{station.name} judges with {new} {before} as soon as it has fetched and tried it."
    else:
        yield f"{station.name} begins to judge, with {new}, as soon as it has fetched and tried it."
    yield "It changes between two parts: no part is missed, and every record says which version judged it."
    names = " or ".join(str(variant) for variant in planned.variants)
    fastest = ", whichever is fastest there" if len(planned.variants) > 1 else ""
    yield (
        f"Model {planned.package.manifest.name} {planned.package.digest[:12]} runs as {names}{fastest}, if"
        " it reproduces its golden images; if not, the station keeps what it runs and raises an alarm."
    )
    yield (
        f"A part without a verdict after {planned.deadline:g} ms is NO-DECISION, which outputs treat as"
        " REJECT."
    )
    keep = planned.keep
    yield (
        f"It keeps the images of all rejects and reviews and of {100 * keep.passes:g} % of passed parts,"
        f" and shows {100 * keep.audit:g} % of passed parts to people. Beyond"
        f" {keep.max_bytes / GIBIBYTE:g} GiB images of passed parts make room first,"
        " then those of rejects, records never."
    )
    yield (
        f"Pictures that travel to this hub: {words_of(send)} Records, answers and small pictures always do."
    )
    if light_of(station, ago(SILENT_SECONDS)) is Light.OFFLINE:
        yield f"{station.name} is offline: it takes the assignment up when it is back."
    yield "To undo it, assign what ran before."


def _of_release(workspace: Workspace, planned: Plan) -> Iterator[str]:
    station = planned.station
    ended = ended_by(workspace, station, planned.recipe)
    if ended is not None:
        yield (
            f"A release is on its way here ({ended.step.value}). This assignment ends it at"
            " this station, and it does not begin at others."
        )
    elif open_release_of(workspace, station.name) is not None:
        yield "A release waits here for its wave. It goes on after this assignment."


def _cautions(planned: Plan) -> Iterator[str]:
    station, recipe = planned.station, planned.recipe
    report, calibration = station.report, recipe.calibration
    if report and report.p99 > planned.deadline:
        yield (
            f"1 part in 100 took more than {report.p99:.1f} ms there of late: with {planned.deadline:g} ms"
            " such parts would be NO-DECISION."
        )
    if calibration and calibration.station != station.name:
        yield (
            f"The recipe measures with the calibration of {calibration.station} / {calibration.view}."
            f" Is a millimetre as many pixels at {station.name}?"
        )
