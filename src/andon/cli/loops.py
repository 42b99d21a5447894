"""`andon loop`: turns of the loop, by hand or by themselves; `andon signals`: what is monitored."""

import time
from typing import Annotated

import typer

from andon.cli import loop_plans
from andon.cli.session import (
    Json,
    Limit,
    print_facts,
    print_json,
    print_table,
    progress_bar,
    talk,
    workspace_of,
)
from andon.domain.loops import Turn, TurnStep
from andon.domain.serial import to_json
from andon.domain.signals import Signal, is_known
from andon.errors import Conflict, InvalidInput
from andon.services.workspaces import Workspace

app = typer.Typer(
    help="Turns of the loop: freeze, train, gate, release, select.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(loop_plans.app, name="plan")

LOOK_SECONDS = 5.0
"""Between two looks at the signals, while `andon loop run` waits for one."""


@app.command()
def run(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(help="Of the loop; see `andon loop plan`.")],
    turns: Annotated[
        int | None, typer.Option(help="Leave after so many turns. Default: never.", min=1)
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One turn now, whatever the signals say.")] = False,
    as_json: Json = False,
) -> None:
    """Make whole turns in this process, unattended: each when a trigger of the plan asks for it, or --once.

    A turn that has not ended is gone on with first, and one behind an earlier release waits for its end.
    One that waits for an approval is left to whoever gives it; the same command, or a worker, goes on then.

    Example: andon loop run brackets --once
    """
    workspace = workspace_of(context)
    wanted = 1 if once else turns
    made: list[Turn] = []
    while wanted is None or len(made) < wanted:
        made.append(_next(workspace, plan, once))
        if not as_json:
            _print_turn(made[-1])
        if not made[-1].ended:
            talk.print(_waiting(workspace, made[-1]), soft_wrap=True)
            break
    if as_json:
        print_json([_facts(turn) for turn in made])


def _next(workspace: Workspace, plan: str, once: bool) -> Turn:
    """Do the turn that has not ended, or the next one that is asked for."""
    from andon.services.loops import open_turn, start_turn

    turn = open_turn(workspace, plan)
    if turn is None:
        cause = "asked for by hand" if once else _awaited(workspace, plan)
        turn = start_turn(workspace, plan, cause, by_worker=False)
    talk.print(f"turn {turn.id} of {plan}: {turn.cause}", soft_wrap=True)
    return _to_its_end(workspace, turn.id)


def _to_its_end(workspace: Workspace, turn: str) -> Turn:
    """Do a turn until it ends or waits for a person, however long something else holds it up."""
    told = ""
    while True:
        found, busy = _tried(workspace, turn)
        if not busy:
            return found
        if busy != told:
            talk.print(busy, soft_wrap=True)
            told = busy
        time.sleep(LOOK_SECONDS)


def _tried(workspace: Workspace, turn: str) -> tuple[Turn, str]:
    """A turn after what could be done of it now, and what it waits for, unless that is a person."""
    from andon.jobs.turn import do_turn
    from andon.services.loops import find_turn

    try:
        with progress_bar("turn") as bar:
            found = do_turn(workspace, turn, bar.report)
    except Conflict as busy:  # a worker has it, or somebody ended it
        found = find_turn(workspace, turn)
        return found, "" if found.ended else f"{busy.message}; waiting for it"
    waits = "It waits until an earlier release of its stations ends; Ctrl-C leaves it to a worker"
    return found, waits if found.is_queued else ""


def _awaited(workspace: Workspace, name: str) -> str:
    """Look at the signals until one asks for a turn of the plan; why it does."""
    from andon.services.loops import find_plan
    from andon.services.monitoring import look
    from andon.services.signals import causes, take_note

    talk.print(f"waiting for a signal that starts a turn of {name}; Ctrl-C ends it", soft_wrap=True)
    while True:
        plan = find_plan(workspace, name)
        if not plan.triggers:
            raise InvalidInput(
                f"nothing starts a turn of plan {name!r} by itself",
                "Give it a trigger (andon loop plan set --trigger KIND=LIMIT), or ask for a turn: --once.",
            )
        looks = look(workspace)
        take_note(workspace, looks)
        why = causes(workspace, plan, looks)
        if why:
            return why[0]
        time.sleep(LOOK_SECONDS)


def _waiting(workspace: Workspace, turn: Turn) -> str:
    from andon.services.turn_approvals import standing

    refused = standing(workspace, turn).refused if turn.waits else None
    if refused is not None:
        return f"It waits: {refused.message}. {refused.todo}"
    model = turn.subject(TurnStep.TRAINED)
    return f"It waits for an approval: andon models approve {model[:12]} --reason '...'"


@app.command(name="list")
def list_(
    context: typer.Context,
    plan: Annotated[str | None, typer.Option(help="Only turns of this plan.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List turns, newest first."""
    from andon.services.loops import turn_page

    turns = turn_page(workspace_of(context), None, limit, plan).rows
    if as_json:
        print_json([_facts(turn) for turn in turns])
        return
    rows = [[t.id[:13], t.plan, _state(t), t.events[-1].detail if t.events else "", t.at] for t in turns]
    print_table(("turn", "plan", "state", "what came of it", "began"), rows)


@app.command()
def show(
    context: typer.Context,
    turn: Annotated[str, typer.Argument(help="Turn id, or the beginning of one.")],
    as_json: Json = False,
) -> None:
    """Show a turn, step by step."""
    from andon.services.loops import find_turn

    found = find_turn(workspace_of(context), turn)
    if as_json:
        print_json(_facts(found))
        return
    _print_turn(found)


@app.command()
def end(
    context: typer.Context,
    turn: Annotated[str, typer.Argument(help="Turn id, or the beginning of one.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")],
    as_json: Json = False,
) -> None:
    """End a turn by hand; what it has made stays.

    Example: andon loop end 019a5 --reason "The flips of its gate are not what we want"
    """
    from andon.services.loops import stop_turn

    found = stop_turn(workspace_of(context), turn, reason)
    if as_json:
        print_json(_facts(found))
        return
    _print_turn(found)


def signals(context: typer.Context, as_json: Json = False) -> None:
    """Look at everything that is monitored, take note of what changed, and show it.

    Turns are started by workers, not by this look.
    """
    from andon.services.monitoring import look
    from andon.services.signals import monitored, take_note

    workspace = workspace_of(context)
    take_note(workspace, look(workspace))
    found = monitored(workspace)
    if as_json:
        print_json([to_json(one.look) | {"since": one.since} for one in found])
        return
    columns = ("signal", "of", "state", "value", "limit", "n", "since", "in words")
    print_table(columns, [_line(one.look, one.since) for one in found])


def _line(seen: Signal, since: str) -> list[object]:
    limit = f"{seen.limit:.4g}" if seen.limit else "none"
    state = "RAISED" if seen.raised else "ok" if is_known(seen) else "not known"
    value = f"{seen.value:.4g}" if is_known(seen) else ""
    return [seen.kind, seen.station or seen.plan, state, value, limit, seen.n, since, seen.detail]


def _facts(turn: Turn) -> dict[str, object]:
    facts = to_json(turn)
    assert isinstance(facts, dict)
    return facts | {"state": _state(turn)}


def _state(turn: Turn) -> str:
    last = turn.events[-1]
    if turn.ended:
        return last.subject
    return "waits for an approval" if turn.waits else f"after {last.step}"


def _print_turn(turn: Turn) -> None:
    print_facts(
        {"turn": turn.id, "plan": f"{turn.plan}, version {turn.plan_version}", "state": _state(turn)}
    )
    rows = [[event.step, event.subject[:40], event.detail, event.author, event.at] for event in turn.events]
    print_table(("step", "gave", "in words", "by", "at"), rows)
