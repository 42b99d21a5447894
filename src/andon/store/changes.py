"""Marks by which one sees that a noun was written to, without reading it."""

from collections.abc import Mapping

from sqlalchemy import Connection, Table, func, select

from andon.domain.jobs import JobState
from andon.store.tables import (
    annotations,
    approvals,
    assignments,
    attestations,
    feedback,
    gates,
    holdouts,
    image_sources,
    images,
    inspections,
    job_events,
    jobs,
    labellings,
    lost_images,
    packages,
    plans,
    recipes,
    release_events,
    releases,
    rescorings,
    reviews,
    run_endings,
    run_metrics,
    runs,
    selections,
    shadows,
    signals,
    snapshots,
    stations,
    turn_events,
    turns,
)

_ONLY_ADDED_TO: Mapping[str, tuple[Table, ...]] = {
    "images": (images, image_sources, annotations),
    "datasets": (snapshots,),
    "runs": (runs, run_endings, run_metrics),
    "models": (packages, attestations, approvals),
    "recipes": (recipes,),
    "inspections": (inspections, rescorings),
    "reviews": (reviews,),
    "gates": (gates, holdouts),
    "selections": (selections, labellings),
    "feedback": (feedback, lost_images),
    "releases": (releases, release_events, shadows),
    "signals": (signals, plans, turns, turn_events),
}
"""Nouns whose tables only grow: their highest row tells."""

Mark = tuple[object, ...]


def marks(tx: Connection) -> Mapping[str, Mark]:
    """Noun -> what differs as soon as something of that noun was written. Costs some index look-ups."""
    found: dict[str, Mark] = {
        noun: tuple(_highest(tx, table) for table in tables) for noun, tables in _ONLY_ADDED_TO.items()
    }
    found["jobs"] = (_highest(tx, jobs), _highest(tx, job_events), *_open_jobs(tx))
    found["stations"] = (_highest(tx, assignments), *_reported(tx))
    return found


def _highest(tx: Connection, table: Table) -> object:
    return tx.execute(select(func.max(table.c.id))).scalar()


def _open_jobs(tx: Connection) -> Mark:
    """Those that can still change, with what changes about them."""
    shown = (jobs.c.id, jobs.c.state, jobs.c.done, jobs.c.total, jobs.c.caption, jobs.c.usage)
    is_open = jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING))
    return tuple(tuple(row) for row in tx.execute(select(*shown).where(is_open).order_by(jobs.c.id)))


def _reported(tx: Connection) -> Mark:
    return tuple(
        tuple(row)
        for row in tx.execute(select(stations.c.id, stations.c.reported_at).order_by(stations.c.id))
    )
