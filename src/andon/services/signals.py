"""Signals: look at what is monitored, take note of what changed, start turns of the loop by themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from andon.domain.loops import LoopPlan, Turn
from andon.domain.needs import Need
from andon.domain.signals import Signal, SignalKind, SinceTurn, is_news, starts_turn
from andon.errors import Conflict
from andon.services.loops import go_on, start_turn
from andon.services.monitoring import look
from andon.services.workspaces import Workspace
from andon.store import loops as stored_loops
from andon.store import signals as stored_signals
from andon.store.signals import Key
from andon.units import Timestamp

LOOKS = 60
"""Looks at one thing that its chart shows."""

LOOP = "loop"
"""Author of looks, and of turns that nobody started by hand."""


@dataclass(frozen=True, slots=True)
class Monitored:
    """One thing that is monitored: its latest look, since when its state stands, and its last looks."""

    look: Signal
    since: Timestamp
    history: tuple[Signal, ...]


def tick(workspace: Workspace) -> tuple[Turn, ...]:
    """Look at everything, take note of what changed, and start the turns that plans ask for.

    Also asks for turns that a person has approved meanwhile.  Called again and again, by several workers
    too: what has not changed leaves no row, and a plan has one open turn at most.  Gives the turns that
    were started.
    """
    workspace = replace(workspace, who=LOOP)
    go_on(workspace)
    looks = look(workspace)
    take_note(workspace, looks)
    return tuple(_started(workspace, looks))


def take_note(workspace: Workspace, looks: Sequence[Signal]) -> tuple[Signal, ...]:
    """Record those looks that differ noticeably from the ones before."""
    with workspace.database.write() as tx:
        before = stored_signals.latest(tx)
        news = tuple(one for one in looks if is_news(before.get(_key(one)), one))
        stored_signals.add(tx, news, workspace.who)
    return news


def causes(workspace: Workspace, plan: LoopPlan, looks: Sequence[Signal]) -> tuple[str, ...]:
    """Why a turn of ``plan`` should start by itself now, in words; empty where nothing asks for one."""
    with workspace.database.read() as tx:
        last = stored_loops.latest_turn(tx, plan.name)
        labels = next((o.n for o in looks if (o.kind, o.plan) == (SignalKind.NEW_LABELS, plan.name)), 0)
        mine = _concerning(plan, looks)
        raised = {one: stored_signals.since(tx, one) for one, _ in mine}
    began = last.at if last is not None else None
    found = (starts_turn(one, limit, SinceTurn(labels, raised[one], began)) for one, limit in mine)
    return tuple(cause for cause in found if cause is not None)


def _concerning(plan: LoopPlan, looks: Sequence[Signal]) -> list[tuple[Signal, float]]:
    """Looks that a trigger of the plan names, each with the trigger's limit."""
    limits = {trigger.kind: trigger.limit for trigger in plan.triggers}
    stations = {station for wave in plan.stations for station in wave}
    return [
        (one, limits[one.kind])
        for one in looks
        if one.kind in limits and (one.plan == plan.name or one.station in stations)
    ]


def _started(workspace: Workspace, looks: Sequence[Signal]) -> Iterator[Turn]:
    with workspace.database.read() as tx:
        plans = stored_loops.all_plans(tx)
        busy = {turn.plan for turn in stored_loops.open_turns(tx)}
    for plan in plans:
        found = () if plan.name in busy else causes(workspace, plan, looks)
        if found:
            try:
                yield start_turn(workspace, plan.name, found[0])
            except Conflict:
                continue  # another worker looked at the same moment


def monitored(workspace: Workspace) -> tuple[Monitored, ...]:
    """Everything that was ever looked at, with its past; what is raised first, then by kind."""
    with workspace.database.read() as tx:
        latest = stored_signals.latest(tx)
        found = [
            Monitored(one, stored_signals.since(tx, one), stored_signals.history(tx, key, LOOKS))
            for key, one in latest.items()
        ]
    order = list(SignalKind)
    return tuple(
        sorted(
            found, key=lambda m: (not m.look.raised, order.index(m.look.kind), m.look.plan, m.look.station)
        )
    )


def signal_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Stations of which something is beyond its limit; what speaks of plans needs nobody."""
    with workspace.database.read() as tx:
        raised = [one for one in stored_signals.latest(tx).values() if one.raised and one.station]
        since = {one: stored_signals.since(tx, one) for one in raised}
    return tuple(
        Need(f"{one.station}: {one.detail}", TODO[one.kind], True, "/signals", since[one]) for one in raised
    )


LABEL = "Look at Quality; label what the selections offer, and let a turn of the loop begin."

TODO: Mapping[SignalKind, str] = {
    SignalKind.COST: LABEL,
    SignalKind.ESCAPES: LABEL,
    SignalKind.OVERKILL: LABEL,
    SignalKind.REJECTS: "See on the station what is rejected: the parts, the light or the model changed.",
    SignalKind.LATENCY: "See what else runs on the station's machine, or allow more time.",
    SignalKind.HEALTH: "See to lamp, lens and part holder; if the change is to stay, label new pictures.",
    SignalKind.FEATURES: "See what the parts look like now; if the change is to stay, label new pictures.",
}


def _key(one: Signal) -> Key:
    return one.kind, one.plan, one.station
