"""`andon loop plan`: what one turn of the loop does for a recipe, and what starts it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from andon.cli.recipe_options import costs_of, parse_costs
from andon.cli.session import Json, print_facts, print_json, print_table, talk, workspace_of
from andon.domain.datasets import DatasetSpec
from andon.domain.loops import LoopPlan, Trigger
from andon.domain.models import Costs
from andon.domain.presets import preset
from andon.domain.runs import Family
from andon.domain.serial import from_json, to_json
from andon.domain.signals import SignalKind
from andon.errors import InvalidInput, NotFound
from andon.services.workspaces import Workspace

app = typer.Typer(
    help="What a turn of the loop does, and what starts it.", no_args_is_help=True, rich_markup_mode=None
)

USUAL_COSTS = Costs(escape=100.0, overkill=5.0, review=1.0, defect_rate=0.01)


@app.command(name="set")
def set_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the plan, and of the recipe it renews.")],
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set that is frozen anew in each turn. Default: the plan's name."),
    ] = None,
    family: Annotated[Family | None, typer.Option(help="Trained anew, with its usual settings.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Any timm encoder (segment, classify).")] = None,
    weights: Annotated[
        str | None, typer.Option(help="imagenet (downloads), none, or a .safetensors / .pth file.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="Network input, HEIGHTxWIDTH, multiples of 32.")] = None,
    minutes: Annotated[float | None, typer.Option(help="CPU-minutes to train.", min=0.01)] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps, instead of minutes.", min=1)] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.", min=1, max=256)] = None,
    fine_tune: Annotated[
        int | None,
        typer.Option(help="Steps of a fine-tune that begins at the model that runs; 0: train anew.", min=0),
    ] = None,
    costs: Annotated[
        str | None, typer.Option(help="escape=100,overkill=5,review=1,defect_percent=1: what cuts cost.")
    ] = None,
    wave: Annotated[
        list[str] | None,
        typer.Option(help="Stations (with commas) that get a release together. Repeatable."),
    ] = None,
    trigger: Annotated[
        list[str] | None,
        typer.Option(
            help="What starts a turn: KIND=LIMIT, e.g. new-labels=50 or schedule=168. Repeatable."
        ),
    ] = None,
    no_triggers: Annotated[bool, typer.Option("--no-triggers", help="Only people start turns.")] = False,
    label_minutes: Annotated[
        float | None, typer.Option(help="Minutes of labelling that a turn selects pictures for.", min=0.1)
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Net new escapes a gate allows, of the defective parts.", min=0, max=1),
    ] = None,
    min_defective: Annotated[
        int | None, typer.Option(help="Defective parts a gate must have replayed.", min=1)
    ] = None,
    shadow_parts: Annotated[
        int | None, typer.Option(help="Parts the new recipe judges beside before the switch.", min=0)
    ] = None,
    approves: Annotated[
        bool | None,
        typer.Option("--approves/--person-approves", help="A gate that passed is approval enough, or not."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A whole plan as `andon loop plan show --json` prints it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a plan, or its next version: what is not given stays as it is, in a new plan as usual.

    A turn stops before approval unless --approves is given.

    Example: andon loop plan set brackets --trigger new-labels=50 --wave ST-1 --wave ST-2,ST-3
    """
    from andon.services.loops import save_plan

    workspace = workspace_of(context)
    plan = _begun(workspace, name, file)
    asked: dict[str, Any] = {"encoder": encoder, "weights": _weights(weights), "threads": threads}
    asked |= {"minutes": minutes, "steps": steps} | _sides(size)
    train = replace(preset(family) if family else plan.train, **_stated(asked))
    made = replace(
        plan,
        train=train,
        dataset=_spec(workspace, dataset) if dataset else plan.dataset,
        costs=costs_of(parse_costs(costs)) if costs else plan.costs,
        gate=replace(plan.gate, **_stated({"margin": margin, "min_defective": min_defective})),
        selection=replace(plan.selection, **_stated({"minutes": label_minutes})),
        release=replace(plan.release, **_stated({"shadow_parts": shadow_parts})),
        **_stated(
            {
                "fine_tune": fine_tune,
                "stations": _waves(wave),
                "triggers": () if no_triggers else _triggers(trigger),
                "approves": approves,
            }
        ),
    )
    saved = save_plan(workspace, made)
    if as_json:
        print_json(to_json(saved))
        return
    _print_plan(saved)
    talk.print(f"Next: andon loop run {name} --once", soft_wrap=True)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the plan.")],
    version: Annotated[int | None, typer.Option(help="Default: the one in force.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Show a plan, whole with --json.

    Example: andon loop plan show brackets --json
    """
    from andon.services.loops import find_plan

    plan = find_plan(workspace_of(context), name, version)
    if as_json:
        print_json(to_json(plan))
        return
    _print_plan(plan)


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List all plans, each in the version in force."""
    from andon.services.loops import all_plans

    plans = all_plans(workspace_of(context))
    if as_json:
        print_json([to_json(plan) for plan in plans])
        return
    columns = ("plan", "version", "data set", "starts by", "stations", "approved by", "author", "at")
    print_table(columns, [_row(plan) for plan in plans])


def _row(plan: LoopPlan) -> list[object]:
    approver = "the gate" if plan.approves else "a person"
    about = [plan.name, plan.version, plan.dataset.name, _said(plan), _places(plan), approver]
    return [*about, plan.author, plan.at]


def _begun(workspace: Workspace, name: str, file: Path | None) -> LoopPlan:
    """The plan that is changed: that of the file, the one in force, or a usual one."""
    from andon.services.loops import find_plan

    if file is not None:
        return replace(_read(file), name=name)
    try:
        return find_plan(workspace, name)
    except NotFound:
        return LoopPlan(name, _spec(workspace, name), preset(Family.SEGMENT), USUAL_COSTS)


def _read(file: Path) -> LoopPlan:
    import json

    try:
        return from_json(LoopPlan, json.loads(file.read_text()))
    except (OSError, ValueError) as cause:
        raise InvalidInput(
            f"{file} holds no plan", "Write one with `andon loop plan show NAME --json`."
        ) from cause


def _spec(workspace: Workspace, name: str) -> DatasetSpec:
    """What a data set asked for when it was frozen last; all that is labelled, where it never was."""
    from andon.services.datasets import show_snapshot

    try:
        spec = show_snapshot(workspace, name).spec
    except NotFound:
        return DatasetSpec(name)
    return replace(spec, rule=replace(spec.rule, like=None))


def _stated(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _weights(text: str | None) -> str | None:
    return text if text is None or text in {"imagenet", "none"} else str(Path(text).resolve())


def _sides(text: str | None) -> dict[str, int]:
    if text is None:
        return {}
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise InvalidInput(f"--size {text!r} is not HEIGHTxWIDTH", "Example: 256x384")
    return {"height": int(height), "width": int(width)}


def _waves(texts: Sequence[str] | None) -> tuple[tuple[str, ...], ...] | None:
    if texts is None:
        return None
    waves = [tuple(filter(None, (name.strip() for name in text.split(",")))) for text in texts]
    return tuple(wave for wave in waves if wave)


def _triggers(texts: Sequence[str] | None) -> tuple[Trigger, ...] | None:
    return None if texts is None else tuple(_trigger(text) for text in texts)


def _trigger(text: str) -> Trigger:
    kind, _, limit = text.partition("=")
    try:
        return Trigger(SignalKind(kind.strip()), float(limit))
    except ValueError as cause:
        raise InvalidInput(
            f"--trigger {text!r} is not KIND=LIMIT",
            f"Kinds: {', '.join(SignalKind)}. Example: new-labels=50",
        ) from cause


def _said(plan: LoopPlan) -> str:
    return ", ".join(f"{one.kind} {one.limit:g}" for one in plan.triggers) or "people alone"


def _places(plan: LoopPlan) -> str:
    return " then ".join(", ".join(wave) for wave in plan.stations) or "none"


def _print_plan(plan: LoopPlan) -> None:
    train = plan.train
    length = f"{train.steps} steps" if train.steps else f"{train.minutes:g} CPU-minutes"
    begun = f"fine-tuned {plan.fine_tune} steps from what runs" if plan.fine_tune else "anew"
    print_facts(
        {
            "plan": f"{plan.name}, version {plan.version}, by {plan.author}",
            "data set": plan.dataset.name,
            "training": f"{begun}; {train.family} {train.height}x{train.width}, {length}",
            "costs": f"escape {plan.costs.escape:g}, overkill {plan.costs.overkill:g}, "
            f"review {plan.costs.review:g}, defective {plan.costs.defect_rate:.2%}",
            "gate": f"margin {plan.gate.margin:.1%}, at least {plan.gate.min_defective} defective parts",
            "starts by": _said(plan),
            "approved by": "the gate" if plan.approves else "a person",
            "stations": _places(plan),
            "labelling": f"{plan.selection.minutes:g} minutes a turn",
        }
    )
