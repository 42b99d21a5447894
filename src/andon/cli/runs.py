"""`andon train` and `andon runs`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

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
from andon.domain.runs import Augmentation, Family
from andon.errors import InvalidInput

app = typer.Typer(help="Look at training runs.", no_args_is_help=True, rich_markup_mode=None)


def train(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Data set name (its latest snapshot) or snapshot digest.")],
    family: Annotated[
        Family | None,
        typer.Option(
            help="segment: fast, masks and labels; unet: the classic; classify: labels only; "
            "patches: clean images only, one pass. Default: patches where no training image shows a "
            "defect, classify where no mask or polygon says where, else segment."
        ),
    ] = None,
    encoder: Annotated[
        str, typer.Option(help="Any timm encoder (segment, classify, patches).")
    ] = "mobilenetv2_100",
    weights: Annotated[
        str, typer.Option(help="imagenet (downloads), none, or a .safetensors / .pth file.")
    ] = "imagenet",
    size: Annotated[str | None, typer.Option(help="Network input, HEIGHTxWIDTH, multiples of 32.")] = None,
    minutes: Annotated[
        float, typer.Option(help="CPU-minutes to train; become steps once.", min=0.01)
    ] = 6.0,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps, instead of minutes.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Images per optimiser step.", min=1, max=1024)] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Highest learning rate of the schedule.", min=1e-8, max=10)
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1, max=256)] = 2,
    seed: Annotated[int, typer.Option(help="Same snapshot, settings, seed, machine: same model.")] = 0,
    no_flip: Annotated[
        bool, typer.Option("--no-flip", help="Print must read: never mirror images.")
    ] = False,
    off: Annotated[
        list[str] | None, typer.Option(help="Switch an augmentation off (rotation, blur, ...). Repeatable.")
    ] = None,
    crop: Annotated[
        float | None, typer.Option(help="Share of defect-centred crops, 0 to 1.", min=0, max=1)
    ] = None,
    defect_share: Annotated[
        float, typer.Option(help="Share of samples with a defect.", min=0, max=1)
    ] = 0.5,
    start: Annotated[
        str | None,
        typer.Option(help="Fine-tune: begin at this model (digest or its beginning), at half of the rate."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a model on a frozen data set, export it, prove the export equal, and store it as a package.

    What is not given is as usual for the family. Interrupted or killed, the same command continues where
    it stopped.

    Parts that a model judged wrongly on a line are drawn four times as often.

    Without --family a data set whose training group shows no defect gets patches, any other one segment;
    the reason is said on stderr. A run of patches heeds --encoder, --weights, --size, --seed and --threads
    alone; killed, it begins anew.

    Example: andon train tiles --minutes 30 --weights mobilenetv2_100.safetensors
    """
    from andon.domain.presets import fine_tuned, preset
    from andon.jobs.train import train_model
    from andon.services.datasets import load_snapshot
    from andon.services.models import find_package
    from andon.services.runs import usual_family

    begin = None if start is None else find_package(workspace_of(context), start)
    if family is None and begin is not None:
        family = begin.manifest.family
    if family is None:
        family, why = usual_family(load_snapshot(workspace_of(context), dataset))
        talk.print(why, soft_wrap=True)
    usual = preset(family)
    settings = replace(
        usual,
        encoder=encoder,
        weights=_weights(weights),
        minutes=minutes,
        steps=steps,
        seed=seed,
        threads=threads,
        defect_share=defect_share,
        augmentation=_augmentation(usual.augmentation, no_flip, off or []),
        **_stated(size, batch=batch, crop=crop),
    )
    if begin is not None:
        settings = fine_tuned(settings, begin.digest)
    settings = replace(settings, **_stated(None, learning_rate=learning_rate))
    with progress_bar("training") as bar:
        trained = train_model(workspace_of(context), dataset, settings, bar.report)
    for remark in trained.remarks:
        talk.print(remark, soft_wrap=True)
    if as_json:
        print_json(trained.as_json())
        return
    print_facts({"run": trained.run, "model": trained.digest, "steps": trained.steps})
    print_table(*trained.parity_table(), title="parity with the trained model")
    talk.print(f"Next: andon models evaluate {trained.digest[:12]}", soft_wrap=True)


def _weights(text: str) -> str:
    return text if text in ("imagenet", "none") else str(Path(text).resolve())


def _stated(size: str | None, **values: float | None) -> dict[str, Any]:
    """Those settings that were given; the others stay as the family's preset has them."""
    stated: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    if size is not None:
        stated["height"], stated["width"] = _size(size)
    return stated


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise InvalidInput(f"--size {text!r} is not HEIGHTxWIDTH", "Example: 256x384")
    if int(height) % 32 or int(width) % 32 or not 32 <= min(int(height), int(width)) <= 8192:
        raise InvalidInput(
            f"--size {text} is not possible", "Both sides must be multiples of 32, 32 to 8192."
        )
    return int(height), int(width)


def _augmentation(usual: Augmentation, no_flip: bool, off: list[str]) -> Augmentation:
    switches = {field: getattr(usual, field) for field in Augmentation.__dataclass_fields__}
    flips = ["flip_horizontal", "flip_vertical"] if no_flip else []
    for name in [*off, *flips]:
        if name not in switches:
            raise InvalidInput(f"there is no augmentation {name!r}", f"Choose from: {', '.join(switches)}.")
        switches[name] = type(switches[name])(0)
    return Augmentation(**switches)


@app.command(name="list")
def list_(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List training runs, newest first."""
    from andon.services.runs import list_runs

    rows = list_runs(workspace_of(context), limit)
    if as_json:
        print_json(rows)
        return
    columns = ("id", "state", "family", "steps", "model", "started_at")
    print_table(columns, [[str(row[column] or "")[:36] for column in columns] for row in rows])


@app.command()
def show(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Run id, or the beginning of one.")],
    as_json: Json = False,
) -> None:
    """Show a run: its settings, outcome and metric curve."""
    from andon.services.runs import show_run

    details = show_run(workspace_of(context), run)
    if as_json:
        print_json(details)
        return
    metrics = details.pop("metrics")
    settings = details.pop("settings")
    print_facts({**details, **{f"settings.{name}": value for name, value in settings.items()}})
    if metrics:
        names = sorted({name for point in metrics for name in point["values"]})
        rows = [
            [point["step"], f"{point['seconds']:.0f}", *(_short(point["values"].get(n)) for n in names)]
            for point in metrics
        ]
        print_table(("step", "seconds", *names), rows)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
