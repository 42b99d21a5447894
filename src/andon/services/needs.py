"""What needs a person now, from every noun that has something to say."""

from collections.abc import Callable

from andon.domain.needs import Need
from andon.services import (
    approvals,
    feedback,
    gates,
    jobs,
    loops,
    quality,
    release_progress,
    selections,
    signals,
    stations,
)
from andon.services.workspaces import Workspace

SOURCES: tuple[Callable[[Workspace], tuple[Need, ...]], ...] = (
    stations.alarm_needs,
    jobs.waiting_needs,
    release_progress.release_needs,
    signals.signal_needs,
    quality.quality_needs,
    stations.review_needs,
    loops.turn_needs,
    feedback.unsaid_needs,
    selections.label_needs,
    gates.gate_needs,
    jobs.failure_needs,
    approvals.approval_needs,
)
"""In order of cost. Each reads what it needs by itself, with every look at Overview."""


def needs(workspace: Workspace) -> tuple[Need, ...]:
    """Everything that needs a person now, in order of cost."""
    return tuple(need for source in SOURCES for need in source(workspace))
