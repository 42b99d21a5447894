"""Runs: begin or resume, record what is measured, end; list and show."""

from typing import Any

from andon import __version__
from andon.domain.models import Package
from andon.domain.runs import MetricPoint, Run, RunState, TrainSettings
from andon.domain.serial import to_json
from andon.services.workspaces import Workspace, new_id, now
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


def record_metrics(workspace: Workspace, run: Run, point: MetricPoint) -> None:
    """Keep one point of the run's curve."""
    with workspace.database.write() as tx:
        stored_runs.add_metrics(tx, run.id, [point])


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
    with workspace.database.read() as tx:
        return [_facts(run) for run in stored_runs.page(tx, None, limit).rows]


def show_run(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """One run with its settings and metric curve.

    Raises:
        NotFound, Conflict: no run, or several, begin with ``run_id``.
    """
    with workspace.database.read() as tx:
        run = stored_runs.get(tx, run_id)
        points = stored_runs.metrics(tx, run.id)
    return _facts(run) | {"settings": to_json(run.settings), "metrics": [_point(point) for point in points]}


def _facts(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "state": str(run.state),
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
    return {"step": point.step, "seconds": point.seconds, "values": dict(point.values)}
