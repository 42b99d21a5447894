"""Runs: begin or resume, record what is measured, end; list and show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from andon import __version__
from andon.domain.datasets import Snapshot, Split
from andon.domain.jobs import ENDED, Job, JobKind, JobState
from andon.domain.models import Package
from andon.domain.presets import checked
from andon.domain.requests import TrainJob
from andon.domain.runs import Family, MetricPoint, Run, RunState, TrainSettings
from andon.domain.serial import to_json
from andon.errors import Conflict, NotPossible
from andon.services.datasets import load_snapshot
from andon.services.jobs import cancel_job, enqueue, retry_job
from andon.services.truths import is_located, learnable_concepts, refuse_unlearnable
from andon.services.workspaces import Workspace, new_id, now
from andon.store import datasets as stored_datasets
from andon.store import jobs as stored_jobs
from andon.store import models as stored_models
from andon.store import runs as stored_runs
from andon.units import Digest


def begin_run(workspace: Workspace, snapshot: Digest, settings: TrainSettings) -> Run:
    """A new run, or the unfinished one of the same snapshot and settings, which is then resumed."""
    with workspace.database.write() as tx:
        unfinished = stored_runs.unfinished(tx, snapshot, settings)
        if unfinished is not None:
            return unfinished
        run = Run(
            id=new_id(),
            snapshot=snapshot,
            settings=settings,
            state=RunState.RUNNING,
            author=workspace.who,
            started_at=now(),
            code_version=__version__,
        )
        stored_runs.start(tx, run)
    return run


def finished_run(workspace: Workspace, snapshot: Digest, settings: TrainSettings) -> Run | None:
    """A run that gave a package with this snapshot and these settings; another would give the same."""
    with workspace.database.read() as tx:
        return stored_runs.finished(tx, snapshot, settings)


def start_run(workspace: Workspace, dataset: str, settings: TrainSettings) -> Run:
    """Ask a worker for a training; one of the same snapshot and settings that did not end goes on.

    Raises:
        NotFound: there is no such data set. InvalidInput: a setting is not possible.
        NotPossible: as :func:`refuse_unlearnable`. Conflict: that training is under way.
    """
    snapshot = load_snapshot(workspace, dataset)
    checked(settings)
    refuse_unlearnable(snapshot, settings)
    run = begin_run(workspace, snapshot.digest, settings)
    job = job_of_run(workspace, run)
    if job is not None and job.state not in ENDED:
        raise Conflict(
            f"run {run.id[:8]} learns from this data set with these settings already ({job.state})",
            "Wait for it, or choose another seed for another model.",
        )
    if job is not None and job.state is not JobState.FINISHED:
        retry_job(workspace, job.id)
    else:
        request = to_json(TrainJob(snapshot.digest, settings))
        enqueue(workspace, JobKind.TRAIN, request, run.id)
    return run


def usual_family(snapshot: Snapshot) -> tuple[Family, str]:
    """What is trained where no family is named, and why, in a sentence.

    Without a defect in the training group there are clean images alone to learn from.  Where no defect
    there has a mask or polygon, there is no place to learn; else places and bare labels are learned
    together.
    """
    concepts, learned = learnable_concepts(snapshot), snapshot.of(Split.TRAIN)
    if not concepts:
        return Family.PATCHES, (
            "Family patches: the training group shows no defect, so the model learns what its "
            f"{len(learned)} clean images have in common."
        )
    shown = [item for item in learned if item.concepts() & set(concepts)]
    placed = sum(is_located(item, concepts) for item in shown)
    if not placed:
        return Family.CLASSIFY, (
            f"Family classify: {len(shown)} training images show a defect, no mask or polygon says where."
        )
    return Family.SEGMENT, (
        f"Family segment: of {len(shown)} training images with a defect {placed} have masks or polygons "
        "that say where."
    )


def job_of_run(workspace: Workspace, run: Run) -> Job | None:
    """The latest job of a worker on a run; None where a command line does it."""
    with workspace.database.read() as tx:
        return stored_jobs.latest_for(tx, JobKind.TRAIN, [run.id]).get(run.id)


def stop_run(workspace: Workspace, run_id: str) -> Job:
    """Ask that the training of a run stops; asking for it again goes on from its last checkpoint.

    Raises:
        NotFound: there is no such run. Conflict: it ended, or a command line does it.
    """
    with workspace.database.read() as tx:
        run = stored_runs.get(tx, run_id)
    job = job_of_run(workspace, run)
    if job is None:
        raise Conflict(f"no worker does run {run.id[:8]}", "Press Ctrl-C where `andon train` runs.")
    return cancel_job(workspace, job.id)


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run with its job, and what it learns from."""

    run: Run
    job: Job | None
    dataset: str


def state_of(line: RunLine) -> str:
    """How a run is, in a word: queued, running, stopping, stopped, finished, failed.

    It is "begun" where a command line does it, or did: nobody can tell whether that one still works.
    """
    if line.run.state is not RunState.RUNNING:
        return str(line.run.state)
    if line.job is None:
        return "begun"
    if line.job.state is JobState.CANCELLED:
        return "stopped"
    return "stopping" if line.job.cancelling else str(line.job.state)


def page_of_runs(
    workspace: Workspace, after: int | None, limit: int
) -> tuple[tuple[RunLine, ...], int | None]:
    """Runs, newest first, with what to ask the next page with."""
    with workspace.database.read() as tx:
        page = stored_runs.page(tx, after, limit)
        jobs = stored_jobs.latest_for(tx, JobKind.TRAIN, [run.id for run in page.rows])
        lines = [RunLine(run, jobs.get(run.id), _dataset(tx, run.snapshot)) for run in page.rows]
    return tuple(lines), page.next


@dataclass(frozen=True, slots=True)
class RunStory:
    """One run with everything known about it; ``points`` by step."""

    line: RunLine
    points: tuple[MetricPoint, ...]

    @property
    def wrong_now(self) -> MetricPoint | None:
        """The last point that told which images are wrong."""
        return next((point for point in reversed(self.points) if point.worst), None)


def story_of_run(workspace: Workspace, run_id: str) -> RunStory:
    """One run.

    Raises:
        NotFound, Conflict: no run, or several, begin with ``run_id``.
    """
    with workspace.database.read() as tx:
        run = stored_runs.get(tx, run_id)
        job = stored_jobs.latest_for(tx, JobKind.TRAIN, [run.id]).get(run.id)
        return RunStory(RunLine(run, job, _dataset(tx, run.snapshot)), stored_runs.metrics(tx, run.id))


def _dataset(tx: Connection, snapshot: Digest) -> str:
    return stored_datasets.find(tx, snapshot).dataset


def record_metrics(workspace: Workspace, run: Run, point: MetricPoint) -> None:
    """Keep one point of the run's curve."""
    with workspace.database.write() as tx:
        stored_runs.add_metrics(tx, run.id, [point])


CHECKPOINT = "model.pt"
"""In the folder of a run: the weights that were chosen. See ``training.checkpoints``."""


def checkpoint_of(workspace: Workspace, package: Package) -> Path:
    """The file with the trained weights of a package, to begin another training with.

    Raises:
        NotPossible: they are gone; a package itself holds only what is needed to judge.
    """
    if package.manifest.origin is not None:
        raise nothing_to_start_from(package)
    file = workspace.runs / (package.run or "-") / CHECKPOINT
    if not file.is_file():
        raise NotPossible(
            f"the trained weights of model {package.digest[:12]} are not in this workspace any more",
            "Start from another model, or train anew.",
        )
    return file


def nothing_to_start_from(package: Package) -> NotPossible:
    """What to say where an imported model shall be trained further."""
    return NotPossible(
        f"model {package.digest[:12]} is imported: there is nothing to fine-tune from",
        "Start from a model that was trained here, or train anew.",
    )


def end_run(workspace: Workspace, run: Run, steps: int, package: Package) -> None:
    """Record the package and that the run finished, in one transaction."""
    with workspace.database.write() as tx:
        stored_models.add(tx, package, author=workspace.who, at=now())
        stored_runs.finish(tx, run.id, steps=steps, package=package.digest, by=(workspace.who, now()))


def fail_run(workspace: Workspace, run: Run, reason: str) -> None:
    """Record why a run ended without a package."""
    with workspace.database.write() as tx:
        stored_runs.fail(tx, run.id, reason=reason, by=(workspace.who, now()))


def find_run(workspace: Workspace, run_id: str) -> Run | None:
    """The run with exactly that id, or None."""
    with workspace.database.read() as tx:
        return stored_runs.find(tx, run_id)


def list_runs(workspace: Workspace, limit: int) -> list[dict[str, Any]]:
    """Runs, newest first, as JSON values."""
    return [_facts(line) for line in page_of_runs(workspace, None, limit)[0]]


def show_run(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """One run with its settings and metric curve.

    Raises:
        NotFound, Conflict: no run, or several, begin with ``run_id``.
    """
    story = story_of_run(workspace, run_id)
    settings = to_json(story.line.run.settings)
    return _facts(story.line) | {"settings": settings, "metrics": [_point(point) for point in story.points]}


def _facts(line: RunLine) -> dict[str, Any]:
    run = line.run
    return {
        "id": run.id,
        "state": state_of(line),
        "family": str(run.settings.family),
        "snapshot": run.snapshot,
        "steps": run.steps,
        "model": run.package,
        "reason": run.reason,
        "author": run.author,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "code_version": run.code_version,
    }


def _point(point: MetricPoint) -> dict[str, Any]:
    told = {"step": point.step, "seconds": point.seconds, "values": dict(point.values)}
    return told | {"worst": [to_json(miss) for miss in point.worst]} if point.worst else told
