"""Inspections: record them, list them, tell one part's story."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from andon.domain.inspections import Inspection, Verdict
from andon.domain.jobs import Job, JobKind
from andon.domain.serial import to_json
from andon.errors import InvalidInput
from andon.services.workspaces import Workspace, new_id, now
from andon.store import inspections as stored_inspections
from andon.store import jobs as stored_jobs

PAGE = 1000


def results_folder(workspace: Workspace, job: Job) -> Path:
    """Where an inspection leaves its overlays and results."""
    out = job.request.get("out")
    return Path(out) if out else workspace.inspections / job.id


def begin_job(workspace: Workspace, kind: JobKind, subject: str) -> Job:
    """A new job, or the unfinished one about the same subject, which is then continued."""
    with workspace.database.write() as tx:
        unfinished = stored_jobs.running_for(tx, kind, subject)
        if unfinished is not None:
            return unfinished
        return stored_jobs.start(tx, new_id(), kind, subject, (workspace.who, now()))


def finish_job(workspace: Workspace, job: Job, outcome: str) -> None:
    """Record that a job is done."""
    with workspace.database.write() as tx:
        stored_jobs.finish(tx, job.id, outcome, now())


def store_inspections(workspace: Workspace, job: Job, inspections: Sequence[Inspection], done: int) -> None:
    """Record a batch and the job's progress in one transaction."""
    with workspace.database.write() as tx:
        stored_inspections.add(tx, inspections, author=workspace.who)
        stored_jobs.progress(tx, job.id, done)


def of_job(workspace: Workspace, job: str) -> list[Inspection]:
    """All inspections of a job, in order of their names."""
    found = _all(workspace, stored_inspections.Query(job=job))
    return sorted(found, key=lambda inspection: inspection.name)


def of_station(workspace: Workspace, station: str) -> list[Inspection]:
    """All inspections of a station, in order of arrival; for lines that ran for minutes, not years."""
    return _all(workspace, stored_inspections.Query(station=station))[::-1]


def _all(workspace: Workspace, query: stored_inspections.Query) -> list[Inspection]:
    """Newest first."""
    found: list[Inspection] = []
    after = None
    with workspace.database.read() as tx:
        while True:
            page = stored_inspections.page(tx, query, after, PAGE)
            found += page.rows
            if page.next is None:
                return found
            after = page.next


def recorded_names(workspace: Workspace, job: str) -> frozenset[str]:
    """Names of the images that a job has judged already."""
    return frozenset(inspection.name for inspection in of_job(workspace, job))


def list_inspections(
    workspace: Workspace, recipe: str | None, verdict: str | None, limit: int
) -> list[dict[str, Any]]:
    """Inspections, newest first.

    Raises:
        InvalidInput: the verdict is none.
    """
    if verdict is not None and verdict not in list(Verdict):
        raise InvalidInput(f"{verdict!r} is no verdict", f"Verdicts: {', '.join(Verdict)}.")
    query = stored_inspections.Query(recipe=recipe, verdict=Verdict(verdict) if verdict else None)
    with workspace.database.read() as tx:
        return [_line(inspection) for inspection in stored_inspections.page(tx, query, None, limit).rows]


def _line(inspection: Inspection) -> dict[str, Any]:
    return {
        "id": inspection.id,
        "name": inspection.name,
        "part": inspection.part,
        "verdict": str(inspection.decision.verdict),
        "recipe": _recipe(inspection),
        "at": inspection.at,
        "ms": round(inspection.milliseconds, 3),
    }


def _recipe(inspection: Inspection) -> str | None:
    return f"{inspection.recipe}@{inspection.recipe_version}" if inspection.recipe else None


def show_inspection(workspace: Workspace, inspection_id: str) -> dict[str, Any]:
    """One part's story: pixels, scores, findings, reasons, verdict, and the versions of everything.

    Raises:
        NotFound, Conflict: no inspection, or several, begin with this id.
    """
    with workspace.database.read() as tx:
        inspection = stored_inspections.get(tx, inspection_id)
        rescorings = stored_inspections.rescorings(tx, inspection.id)
    return _line(inspection) | {
        "reasons": [to_json(reason) for reason in inspection.decision.reasons],
        "findings": [_finding(finding) for finding in to_json(inspection.findings)],
        "scores": dict(inspection.scores),
        "versions": {
            "image": inspection.image,
            "model": inspection.package,
            "variant": inspection.variant,
            "recipe": _recipe(inspection),
            "job": inspection.job,
        },
        "rescorings": [
            {
                "recipe": f"{row.recipe}@{row.recipe_version}",
                "verdict": str(row.decision.verdict),
                "reasons": "; ".join(f"{r.concept or r.code}: {r.detail}" for r in row.decision.reasons),
                "by": row.author,
                "at": row.at,
            }
            for row in rescorings
        ],
    }


def _finding(finding: dict[str, Any]) -> dict[str, Any]:
    box = finding["box"]
    x, y = finding["centroid"]
    return {
        "concept": finding["concept"],
        "score": round(finding["score"], 4),
        "area px": round(finding["area"], 1),
        "length px": round(finding["length"], 1),
        "at px": f"{x:.0f}, {y:.0f}",
        "box px": "whole image"
        if box is None
        else " ".join(f"{box[k]:.0f}" for k in ("x", "y", "width", "height")),
    }
