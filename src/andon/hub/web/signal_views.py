"""What the page of signals shows: what is monitored, the plans, and the turns that were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from andon.domain.loops import Ending, LoopPlan, Turn, TurnEvent, TurnStep
from andon.domain.signals import Signal, SignalKind, is_known
from andon.errors import AndonError
from andon.services.loops import all_plans, job_of_turn, open_turn, stands, turn_page
from andon.services.signals import TODO, Monitored, monitored
from andon.services.turn_approvals import Standing, standing
from andon.services.workspaces import Workspace
from andon.units import Timestamp

NAMES: Mapping[SignalKind, str] = {
    SignalKind.NEW_LABELS: "New labels",
    SignalKind.SCHEDULE: "Hours since the last turn",
    SignalKind.COST: "Cost of 1,000 parts",
    SignalKind.ESCAPES: "Escapes",
    SignalKind.OVERKILL: "Overkill",
    SignalKind.REJECTS: "Reject rate",
    SignalKind.LATENCY: "Latency",
    SignalKind.HEALTH: "Image health",
    SignalKind.FEATURES: "Features of pictures",
}

UNITS: Mapping[SignalKind, str] = {
    SignalKind.NEW_LABELS: "images",
    SignalKind.SCHEDULE: "hours",
    SignalKind.COST: "per 1,000 parts",
    SignalKind.ESCAPES: "of parts inspected, 0 to 1",
    SignalKind.OVERKILL: "of parts inspected, 0 to 1",
    SignalKind.REJECTS: "of parts, 0 to 1",
    SignalKind.LATENCY: "ms",
    SignalKind.HEALTH: "distance, 0 to 1",
    SignalKind.FEATURES: "distance, 0 to 1",
}

SHARES = frozenset({SignalKind.ESCAPES, SignalKind.OVERKILL, SignalKind.REJECTS})
WHOLE = frozenset({SignalKind.NEW_LABELS})

WIDTH, HEIGHT = 120.0, 28.0
"""Of a chart, in the units of its drawing."""

SHOWN_TURNS = 20


@dataclass(frozen=True, slots=True)
class Mark:
    """A state as word and shape; ``mark`` is one of wait, run, done, wrong, stop."""

    state: str
    mark: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The last looks as a line from left to right: ``points`` "x,y x,y"; ``limit``: its height, or None."""

    points: str
    limit: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is monitored."""

    name: str
    of: str
    link: str
    look: Signal
    mark: Mark
    since: Timestamp
    value: str
    limit: str
    chart: Chart | None
    todo: str


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn in the list."""

    turn: Turn
    mark: Mark
    last: TurnEvent


@dataclass(frozen=True, slots=True)
class Field:
    """A trigger as the form of a plan has it; ``limit`` is empty where the plan lacks it."""

    kind: str
    name: str
    unit: str
    limit: str


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A plan with its form; ``facts`` in words, ``open`` the turn that has not ended."""

    plan: LoopPlan
    facts: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    open: TurnRow | None


@dataclass(frozen=True, slots=True)
class SignalsView:
    """The page. ``problem`` says what was wrong with a form."""

    rows: tuple[Row, ...]
    plans: tuple[PlanCard, ...]
    turns: tuple[TurnRow, ...]
    next: int | None
    problem: AndonError | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a turn, with the page of what it gave; ``event`` None: still to come."""

    name: str
    mark: Mark
    event: TurnEvent | None
    link: str


@dataclass(frozen=True, slots=True)
class TurnView:
    """One turn. ``standing``: before its approval; None where it does not wait for that."""

    turn: Turn
    mark: Mark
    steps: tuple[StepRow, ...]
    model: str
    recipe: str
    gate: str
    job: str
    can_retry: bool
    standing: Standing | None


def signals_view(
    workspace: Workspace, after: int | None = None, problem: AndonError | None = None
) -> SignalsView:
    """Everything that is monitored, the plans, and a page of turns."""
    turns = turn_page(workspace, after, SHOWN_TURNS)
    return SignalsView(
        rows=tuple(_row(one) for one in monitored(workspace)),
        plans=tuple(_card(workspace, plan) for plan in all_plans(workspace)),
        turns=tuple(turn_row(turn) for turn in turns.rows),
        next=turns.next,
        problem=problem,
    )


def _row(one: Monitored) -> Row:
    look = one.look
    return Row(
        name=NAMES[look.kind],
        of=look.station or look.plan,
        link=f"/stations/{quote(look.station, safe='')}" if look.station else "",
        look=look,
        mark=_mark(look),
        since=one.since,
        value=_figure(look.kind, look.value) if is_known(look) else "not known",
        limit=_figure(look.kind, look.limit) if look.limit else "none set",
        chart=_chart(one),
        todo=TODO.get(look.kind, "") if look.raised else "",
    )


def _mark(look: Signal) -> Mark:
    if not is_known(look):
        return Mark("not known yet", "wait")
    return Mark("raised", "wrong") if look.raised else Mark("within", "done")


def _figure(kind: SignalKind, value: float) -> str:
    if kind in SHARES:
        return f"{value:.2%}"
    if kind in WHOLE:
        return f"{value:,.0f}"
    if kind is SignalKind.SCHEDULE:
        return f"{value:.1f} h"
    if kind is SignalKind.LATENCY:
        return f"{value:,.0f} {UNITS[kind]}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _chart(one: Monitored) -> Chart | None:
    looks = one.history
    if len(looks) < 2:
        return None
    highest = max(*(look.value for look in looks), one.look.limit, 1e-9)
    step = WIDTH / (len(looks) - 1)
    heights = [HEIGHT - HEIGHT * max(0.0, look.value) / highest for look in looks]
    points = " ".join(f"{n * step:.1f},{height:.1f}" for n, height in enumerate(heights))
    return Chart(points, HEIGHT - HEIGHT * one.look.limit / highest if one.look.limit else None)


def _card(workspace: Workspace, plan: LoopPlan) -> PlanCard:
    unfinished = open_turn(workspace, plan.name)
    limits = {trigger.kind: f"{trigger.limit:g}" for trigger in plan.triggers}
    fields = tuple(Field(kind.value, NAMES[kind], UNITS[kind], limits.get(kind, "")) for kind in SignalKind)
    return PlanCard(plan, _facts(plan), fields, turn_row(unfinished) if unfinished else None)


def _facts(plan: LoopPlan) -> tuple[tuple[str, str], ...]:
    train, costs = plan.train, plan.costs
    length = f"{train.steps:,} steps" if train.steps else f"{train.minutes:g} CPU-minutes"
    begun = f"fine-tuned {plan.fine_tune:,} steps from what runs" if plan.fine_tune else "trained anew"
    names = " then ".join(", ".join(wave) for wave in plan.stations)
    return (
        ("data set", plan.dataset.name),
        ("model", f"{begun}; {train.family}, {train.height}x{train.width}, {length}"),
        ("costs", f"escape {costs.escape:g}, overkill {costs.overkill:g}, review {costs.review:g}"),
        ("defective on the line", f"{costs.defect_rate:.2%}"),
        ("gate", f"net new escapes up to {plan.gate.margin:.1%} of the defective parts"),
        ("stations", names or "none: a release is made by hand"),
        ("labelling", f"{plan.selection.minutes:g} minutes after each turn"),
    )


def turn_row(turn: Turn) -> TurnRow:
    """A turn with its state as word and shape."""
    return TurnRow(turn, mark_of(turn), turn.events[-1])


def mark_of(turn: Turn) -> Mark:
    """How a turn is."""
    if turn.ended:
        ending = turn.subject(TurnStep.ENDED)
        good = ending in {Ending.RELEASED, Ending.MADE, Ending.SAME}
        return Mark(ending, "done" if good else "stop" if ending == Ending.STOPPED else "wrong")
    if turn.waits:
        return Mark("waits for an approval", "wait")
    if turn.is_queued:
        return Mark("waits for an earlier release", "wait")
    return Mark(f"next: {STEP_NAMES[_next(turn)].lower()}", "run")


def _next(turn: Turn) -> TurnStep:
    """The step that is made now, or waited for."""
    return list(TurnStep)[len(turn.events)]


STEP_NAMES: Mapping[TurnStep, str] = {
    TurnStep.STARTED: "Begin",
    TurnStep.FROZEN: "Freeze the data",
    TurnStep.TRAINED: "Train the model",
    TurnStep.EVALUATED: "Evaluate it",
    TurnStep.RECIPE: "Make the recipe",
    TurnStep.GATED: "Ask the gate",
    TurnStep.APPROVED: "Approve",
    TurnStep.RELEASED: "Release",
    TurnStep.SELECTED: "Pick what to label next",
    TurnStep.ENDED: "End",
}


def turn_view(workspace: Workspace, turn: Turn) -> TurnView:
    """One turn, step by step."""
    job = job_of_turn(workspace, turn)
    return TurnView(
        turn=turn,
        mark=mark_of(turn),
        steps=tuple(_step(turn, step) for step in TurnStep),
        model=turn.subject(TurnStep.TRAINED),
        recipe=turn.subject(TurnStep.RECIPE),
        gate=turn.subject(TurnStep.GATED),
        job=job.id if job is not None else "",
        can_retry=stands(workspace, turn, job),
        standing=standing(workspace, turn) if turn.waits else None,
    )


def _step(turn: Turn, step: TurnStep) -> StepRow:
    event = turn.of(step)
    if event is None:
        came_next = not turn.ended and step is _next(turn)
        mark = Mark("waits" if turn.waits or turn.is_queued else "next", "wait" if turn.waits else "run")
        return StepRow(STEP_NAMES[step], mark if came_next else Mark("not made", "stop"), None, "")
    good = step is not TurnStep.ENDED and not event.detail.startswith("refused")
    mark = Mark("done", "done") if good else mark_of(turn)
    return StepRow(STEP_NAMES[step], mark, event, _link(event))


def _link(event: TurnEvent) -> str:
    """The page of what a step gave; empty where it gave nothing that has one."""
    if not event.subject:
        return ""
    nouns = {
        TurnStep.FROZEN: "datasets",
        TurnStep.TRAINED: "models",
        TurnStep.EVALUATED: "models",
        TurnStep.GATED: "gates",
        TurnStep.APPROVED: "models",
        TurnStep.RELEASED: "releases",
        TurnStep.SELECTED: "selections",
    }
    if event.step in {TurnStep.STARTED, TurnStep.RECIPE}:
        name, _, version = event.subject.rpartition("@")
        return f"/recipes/{quote(name, safe='')}/versions/{version}"
    return f"/{nouns[event.step]}/{event.subject}" if event.step in nouns else ""
