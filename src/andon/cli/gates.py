"""`andon gates`: whether a candidate may replace what runs, and the parts that are held to find out."""

from enum import StrEnum
from typing import Annotated

import typer

from andon.cli.recipe_options import costs_of, parse_costs
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
from andon.domain.gates import Gate, GateLimits, GateRequest, Purpose
from andon.domain.serial import to_json
from andon.errors import Refused

app = typer.Typer(
    help="Compare a candidate with what runs, on the same parts; hold parts to do it with.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

GateId = Annotated[str, typer.Argument(help="Gate id, or the beginning of one.")]
PartKey = Annotated[str, typer.Argument(help="Serial, or the digest of a picture or its beginning.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]


class _Held(StrEnum):
    GOLDEN = "golden"
    MUST_CATCH = "must-catch"


For = Annotated[_Held, typer.Option("--purpose", help="What the part is held for.")]


@app.command()
def run(
    context: typer.Context,
    candidate: Annotated[str, typer.Argument(help="Recipe, as NAME or NAME@VERSION.")],
    baseline: Annotated[
        str | None, typer.Option(help="Compare with this recipe; else with what most stations run.")
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Compare with nothing: ask golden and must-catch parts only.")
    ] = False,
    margin: Annotated[
        float, typer.Option(help="95 % bound on net new escapes, as a share of the defective parts.")
    ] = GateLimits().margin,
    overkill_margin: Annotated[
        float, typer.Option(help="The same for good parts that are rejected.")
    ] = GateLimits().overkill_margin,
    min_defective: Annotated[
        int, typer.Option(help="Defective parts that must have been replayed.")
    ] = GateLimits().min_defective,
    latency_ratio: Annotated[
        float, typer.Option(help="Time of a part at most, times that of what runs now.")
    ] = GateLimits().latency_ratio,
    costs: Annotated[
        str | None,
        typer.Option(help="What outcomes cost: escape=500,overkill=2,review=1,defect_percent=0.2"),
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads of either model.", min=1, max=256)] = 1,
    reason: Annotated[str, typer.Option(help="Why limits are wider than usual, where they are.")] = "",
    as_json: Json = False,
) -> None:
    """Run the same parts through a candidate and what runs now; exit code 5 when it is refused.

    Example: andon gates run brackets --baseline brackets@3
    """
    from andon.jobs.gate import run_gate
    from andon.services.gates import usual_baseline

    workspace = workspace_of(context)
    if baseline is None and not alone:
        baseline = usual_baseline(workspace, candidate)
    paid = parse_costs(costs)
    limits = GateLimits(
        margin=margin,
        overkill_margin=overkill_margin,
        min_defective=min_defective,
        latency_ratio=latency_ratio,
    )
    paid_by_line = costs_of(paid) if paid else None
    request = GateRequest(candidate, baseline, limits, costs=paid_by_line, threads=threads, reason=reason)
    with progress_bar("gate") as bar:
        gate = run_gate(workspace, request, bar.report)
    _print(gate, as_json)
    if not gate.outcome.passed:
        failed = [check for check in gate.outcome.checks if not check.passed]
        raise Refused(
            f"{gate.request.candidate} was refused: {', '.join(check.name for check in failed)}",
            failed[0].todo,
        )


@app.command(name="list")
def list_(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List gates, newest first."""
    from andon.services.gates import page_of_gates

    rows = page_of_gates(workspace_of(context), None, limit).rows
    if as_json:
        print_json([_facts(gate) for gate in rows])
        return
    columns = ("id", "candidate", "baseline", "result", "parts", "author", "at")
    print_table(columns, [_line(gate) for gate in rows])


@app.command()
def show(context: typer.Context, gate: GateId, as_json: Json = False) -> None:
    """Show a gate: its questions, what flipped, and what is held against it."""
    from andon.services.gates import find_gate

    _print(find_gate(workspace_of(context), gate), as_json)


@app.command()
def hold(
    context: typer.Context, part: PartKey, purpose: For, reason: Reason, as_json: Json = False
) -> None:
    """Hold a part back from training from now on, for gates.

    Example: andon gates hold A-00417 --purpose must-catch --reason "complaint of March"
    """
    from andon.services.holdouts import hold_part

    held = to_json(hold_part(workspace_of(context), part, Purpose(purpose), reason))
    print_json(held) if as_json else print_facts(held)


@app.command()
def release(
    context: typer.Context, part: PartKey, purpose: For, reason: Reason, as_json: Json = False
) -> None:
    """Hold a part no more for this purpose."""
    from andon.services.holdouts import release_part

    held = to_json(release_part(workspace_of(context), part, Purpose(purpose), reason))
    print_json(held) if as_json else print_facts(held)


@app.command()
def held(context: typer.Context, as_json: Json = False) -> None:
    """List the parts that somebody holds."""
    from andon.services.holdouts import held_parts

    rows = held_parts(workspace_of(context))
    if as_json:
        print_json([to_json(one.holdout) | {"labels": one.labels} for one in rows])
        return
    columns = ("part", "purpose", "labels", "reason", "author", "at")
    print_table(
        columns,
        [
            [h.part, h.purpose, _truth(one.labels), h.reason, h.author, h.at]
            for one in rows
            for h in (one.holdout,)
        ],
    )


def _print(gate: Gate, as_json: bool) -> None:
    if as_json:
        print_json(_facts(gate))
        return
    outcome = gate.outcome
    columns = ("", "check", "measured", "allowed", "what to do")
    rows = [
        ["ok" if c.passed else "NO", c.name, c.measured, c.allowed, "" if c.passed else c.todo]
        for c in outcome.checks
    ]
    print_table(columns, rows, title=_title(gate))
    print_table(
        ("part", "source", "truth", "old", "new", "reasons"),
        [
            [case.part, case.source, _truth(case.truth), case.old, case.new, "; ".join(case.new_reasons)]
            for case in outcome.flips
            if case.flipped
        ][:50],
        title="flips",
    )
    for remark in outcome.remarks:
        talk.print(remark, soft_wrap=True)


def _title(gate: Gate) -> str:
    result = "passed" if gate.outcome.passed else "refused"
    return f"{gate.id}: {gate.request.candidate} against {gate.request.baseline or 'nothing'}: {result}"


def _truth(truth: tuple[str, ...] | None) -> str:
    return "unknown" if truth is None else ", ".join(truth) or "good"


def _facts(gate: Gate) -> dict[str, object]:
    facts: dict[str, object] = to_json(gate)
    return facts | {"passed": gate.outcome.passed}


def _line(gate: Gate) -> list[object]:
    result = "passed" if gate.outcome.passed else "refused"
    request = gate.request
    return [
        gate.id,
        request.candidate,
        request.baseline or "",
        result,
        gate.outcome.parts,
        gate.author,
        gate.at,
    ]
