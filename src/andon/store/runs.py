"""Runs, how they ended, and their metric curves."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from andon.domain.runs import MetricPoint, Miss, Run, RunState, TrainSettings
from andon.domain.serial import from_json
from andon.errors import NotFound
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import as_text, by_prefix, from_text, matching
from andon.store.tables import run_endings, run_metrics, runs
from andon.units import Digest, Timestamp


def start(tx: Connection, run: Run) -> None:
    """Record that ``run`` starts.

    Raises:
        Conflict: a run has that id.
    """
    values = {
        "run": run.id,
        "snapshot": run.snapshot,
        "settings": as_text(run.settings),
        "code_version": run.code_version,
        "author": run.author,
        "at": run.started_at,
    }
    tx.execute(runs.insert(), values)


def finish(tx: Connection, run_id: str, steps: int, package: Digest, by: tuple[str, Timestamp]) -> None:
    """Record that a run gave ``package`` after ``steps``; ``by`` is author and time.

    Raises:
        NotFound: there is no such run.
    """
    _end(tx, run_id, {"state": RunState.FINISHED, "steps": steps, "package": package}, by)


def fail(tx: Connection, run_id: str, reason: str, by: tuple[str, Timestamp]) -> None:
    """Record that a run ended without a package; ``by`` is author and time.

    Raises:
        NotFound: there is no such run.
    """
    _end(tx, run_id, {"state": RunState.FAILED, "reason": reason}, by)


def add_metrics(tx: Connection, run_id: str, points: Sequence[MetricPoint]) -> None:
    """Append to the metric curve.

    Raises:
        NotFound: there is no such run.
        InvalidInput: a value is NaN or infinite.
    """
    key = _id(tx, run_id)
    rows = [
        {
            "run_id": key,
            "step": p.step,
            "seconds": p.seconds,
            "points": as_text(p.values),
            "worst": as_text(p.worst) if p.worst else None,
        }
        for p in points
    ]
    if rows:
        tx.execute(run_metrics.insert(), rows)


def metrics(tx: Connection, run_id: str) -> tuple[MetricPoint, ...]:
    """The metric curve by step; where a resumed run did a step again, its last values.

    Raises:
        NotFound: there is no such run.
    """
    found = tx.execute(
        select(run_metrics).where(run_metrics.c.run_id == _id(tx, run_id)).order_by(run_metrics.c.id)
    )
    last = {row.step: _point(row) for row in found}
    return tuple(point for _, point in sorted(last.items()))


def get(tx: Connection, start: str) -> Run:
    """The run whose id is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    row = by_prefix(tx, select(runs), runs.c.run, start, "run")
    return _runs(tx, [row])[0]


def find(tx: Connection, run_id: str) -> Run | None:
    """The run with exactly that id, or None."""
    row = tx.execute(select(runs).where(runs.c.run == run_id)).one_or_none()
    return None if row is None else _runs(tx, [row])[0]


def page(tx: Connection, after: int | None, limit: int) -> Page[Run]:
    """Runs, newest first."""
    found = newest_first(tx, select(runs), runs, Cut(after, limit), lambda row: row)
    return Page(_runs(tx, found.rows), found.next)


def unfinished(tx: Connection, snapshot: Digest, settings: TrainSettings) -> Run | None:
    """The latest run of this snapshot and these settings that did not end: it runs, or was killed."""
    return _latest_in(tx, snapshot, settings, RunState.RUNNING)


def finished(tx: Connection, snapshot: Digest, settings: TrainSettings) -> Run | None:
    """The latest run of this snapshot and these settings that gave a package."""
    return _latest_in(tx, snapshot, settings, RunState.FINISHED)


def _latest_in(tx: Connection, snapshot: Digest, settings: TrainSettings, state: RunState) -> Run | None:
    same = (runs.c.snapshot == snapshot, runs.c.settings == as_text(settings))
    found = tx.execute(select(runs).where(*same).order_by(runs.c.id.desc())).all()
    return next((run for run in _runs(tx, found) if run.state is state), None)


def _id(tx: Connection, run_id: str) -> int:
    found: int | None = tx.execute(select(runs.c.id).where(runs.c.run == run_id)).scalar()
    if found is None:
        raise NotFound(f"there is no run {run_id!r}")
    return found


def _end(tx: Connection, run_id: str, values: dict[str, object], by: tuple[str, Timestamp]) -> None:
    tx.execute(run_endings.insert(), values | {"run_id": _id(tx, run_id), "author": by[0], "at": by[1]})


def _runs(tx: Connection, rows: Sequence[Row[Any]]) -> tuple[Run, ...]:
    statement = select(run_endings).order_by(run_endings.c.id)
    found = matching(tx, statement, run_endings.c.run_id, [row.id for row in rows])
    endings = {ending.run_id: ending for ending in found}
    return tuple(_run(row, endings.get(row.id)) for row in rows)


def _run(row: Row[Any], ending: Row[Any] | None) -> Run:
    return Run(
        id=row.run,
        snapshot=row.snapshot,
        settings=from_json(TrainSettings, from_text(row.settings)),
        state=RunState(ending.state) if ending else RunState.RUNNING,
        author=row.author,
        started_at=row.at,
        finished_at=ending.at if ending else None,
        steps=ending.steps if ending else None,
        package=ending.package if ending else None,
        reason=ending.reason if ending else None,
        code_version=row.code_version,
    )


def _point(row: Row[Any]) -> MetricPoint:
    worst = () if row.worst is None else from_json(tuple[Miss, ...], from_text(row.worst))
    return MetricPoint(row.step, row.seconds, from_text(row.points), worst)
