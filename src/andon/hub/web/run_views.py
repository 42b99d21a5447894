"""What the pages of runs show."""

from collections.abc import Mapping
from dataclasses import dataclass

from andon.domain.jobs import JobState
from andon.domain.runs import Family, MetricPoint, TrainSettings
from andon.errors import AndonError, InvalidInput
from andon.hub.web.job_views import JobCard, job_card
from andon.hub.web.run_forms import CHANGES, FAMILIES, Change, changes_of, preset_of, settings_of
from andon.look.figures import Chart
from andon.services.datasets import list_snapshots, load_snapshot, split_table
from andon.services.jobs import nobody_works
from andon.services.run_charts import curves_of
from andon.services.runs import RunLine, RunStory, page_of_runs, state_of, story_of_run, usual_family
from andon.services.workspaces import Workspace
from andon.store.datasets import SnapshotRow

MOST_SNAPSHOTS = 200
"""Offered by the form, newest first."""


@dataclass(frozen=True, slots=True)
class State:
    """How a run is, in a word, with the mark of :mod:`job_views`."""

    state: str
    mark: str


@dataclass(frozen=True, slots=True)
class ListLine:
    """A run in the list."""

    line: RunLine
    state: State
    card: JobCard | None


@dataclass(frozen=True, slots=True)
class ListView:
    """The list of runs; ``can_train`` when there is a data set to learn from."""

    lines: tuple[ListLine, ...]
    next: int | None
    can_train: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """One run.

    Attributes:
        left: seconds that training probably still needs; None where unknown.
        table: parts of the snapshot per group: columns and rows. settings: name and value.
        no_worker: nobody is there to do it.
    """

    line: RunLine
    state: State
    card: JobCard | None
    chart: Chart | None
    left: float | None
    wrong: MetricPoint | None
    table: tuple[tuple[str, ...], list[list[object]]]
    settings: tuple[tuple[str, str], ...]
    no_worker: bool


@dataclass(frozen=True, slots=True)
class FormView:
    """The form as it is now, why this family is proposed, and what was wrong with it."""

    snapshots: tuple[SnapshotRow, ...]
    dataset: str
    settings: TrainSettings
    families: Mapping[Family, str]
    why: str
    changes: tuple[Change, ...]
    own_weights: str
    problem: AndonError | None


def list_view(workspace: Workspace, after: int | None, limit: int) -> ListView:
    """A page of runs."""
    lines, following = page_of_runs(workspace, after, limit)
    shown = tuple(
        ListLine(line, _state(line), None if line.job is None else job_card(line.job)) for line in lines
    )
    return ListView(shown, following, bool(list_snapshots(workspace, 1)))


def run_view(workspace: Workspace, run_id: str) -> RunView:
    """One run.

    Raises:
        NotFound, Conflict: no run, or several, begin with ``run_id``.
    """
    story = story_of_run(workspace, run_id)
    line = story.line
    return RunView(
        line=line,
        state=_state(line),
        card=None if line.job is None else job_card(line.job),
        chart=curves_of(story.points) if story.points else None,
        left=_left(story),
        wrong=story.wrong_now,
        table=split_table(load_snapshot(workspace, line.run.snapshot)),
        settings=tuple(_settings(line.run.settings)),
        no_worker=line.job is not None and line.job.state is JobState.QUEUED and nobody_works(workspace),
    )


def form_view(workspace: Workspace, form: Mapping[str, str], problem: AndonError | None = None) -> FormView:
    """The form: as it was sent, like another run, or with what is usual for a family."""
    snapshots = tuple(list_snapshots(workspace, MOST_SNAPSHOTS))
    named = next((row for row in snapshots if form.get("dataset") in (row.dataset, row.digest)), None)
    shown, why = named or next(iter(snapshots), None), ""
    if shown is not None and not form.get("family") and not form.get("like"):
        family, why = usual_family(load_snapshot(workspace, shown.digest))
        form = {**form, "family": family}
    settings = _filled(workspace, form, problem)
    own = "" if settings.weights in ("imagenet", "none") else settings.weights
    return FormView(
        snapshots=snapshots,
        dataset=shown.digest if shown else "",
        settings=settings,
        families=FAMILIES,
        why=why,
        changes=changes_of(settings),
        own_weights=own,
        problem=problem,
    )


def _filled(workspace: Workspace, form: Mapping[str, str], problem: AndonError | None) -> TrainSettings:
    if form.get("like"):
        return story_of_run(workspace, form["like"]).line.run.settings
    if problem is None:
        return preset_of(form.get("family", ""))
    try:
        return settings_of(form)
    except InvalidInput:
        return preset_of(form.get("family", ""))  # the problem that is shown says which field it is


MARKS = {
    "queued": "wait",
    "begun": "run",
    "running": "run",
    "stopping": "stop",
    "stopped": "stop",
    "finished": "done",
    "failed": "wrong",
}


def _state(line: RunLine) -> State:
    word = state_of(line)
    return State(word, MARKS[word])


def _left(story: RunStory) -> float | None:
    job = story.line.job
    if job is None or job.state is not JobState.RUNNING or not story.points or not job.total:
        return None
    last = story.points[-1]
    return last.seconds / max(1, last.step) * max(0, job.total - last.step)


def _settings(settings: TrainSettings) -> list[tuple[str, str]]:
    length = f"{settings.minutes:g} CPU-minutes" if settings.steps is None else f"{settings.steps} steps"
    off = [words for name, words in CHANGES.items() if not getattr(settings.augmentation, name)]
    return [
        ("family", str(settings.family)),
        ("encoder", "its own" if settings.family is Family.UNET else settings.encoder),
        ("starts from", settings.weights),
        ("length", length),
        ("input", f"{settings.width} x {settings.height} pixels"),
        ("images per step", str(settings.batch)),
        ("learning rate", f"{settings.learning_rate:g}"),
        ("share with a defect", f"{settings.defect_share:g}"),
        ("share of close-ups", f"{settings.crop:g}"),
        ("not changed", ", ".join(off) or "nothing is left out"),
        ("seed", str(settings.seed)),
        ("CPU threads", str(settings.threads)),
    ]
