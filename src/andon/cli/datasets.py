"""`andon datasets`: freeze labelled images into snapshots, look at them, take them out again."""

from pathlib import Path
from typing import Annotated

import typer

from andon.cli.session import Json, Limit, print_facts, print_json, print_table, talk, workspace_of
from andon.domain.datasets import DEFAULT_FRACTIONS, DatasetSpec, Split, SplitRule
from andon.domain.images import ImageFilter
from andon.errors import InvalidInput

app = typer.Typer(
    help="Freeze labelled images into data sets that models are trained and judged on.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Fractions = Annotated[
    str | None,
    typer.Option(help="Shares of train,stop,calibration,test; they sum to 1. Default 0.55,0.10,0.15,0.20."),
]


@app.command()
def freeze(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the data set; freezing again makes a new snapshot.")],
    group_by: Annotated[
        str | None,
        typer.Option(
            help="Metadata key whose images stay together: serial, lot, tile, ... Default: serial."
        ),
    ] = None,
    split_file: Annotated[
        Path | None, typer.Option(help="JSON or CSV that says which image is for train and for test.")
    ] = None,
    split_key: Annotated[
        str | None,
        typer.Option(
            help="Metadata key that says it instead: 'split' for layouts with a split of their own."
        ),
    ] = None,
    fractions: Fractions = None,
    seed: Annotated[int, typer.Option(help="Same seed, same split.")] = 0,
    like: Annotated[
        str | None,
        typer.Option(help="An earlier snapshot: its parts stay in their groups, new ones are dealt."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only images imported from this source.")] = None,
    part_type: Annotated[str | None, typer.Option(help="Only images of this part type.")] = None,
    line: Annotated[str | None, typer.Option(help="Only images of this line.")] = None,
    station: Annotated[str | None, typer.Option(help="Only images of this station.")] = None,
    lot: Annotated[str | None, typer.Option(help="Only images of this lot.")] = None,
    as_json: Json = False,
) -> None:
    """Freeze the labelled images a query finds into a snapshot with four disjoint groups of parts.

    train fits the weights, stop chooses the checkpoint, calibration chooses the cuts, test gives the
    metrics and the bound on escapes. Name the key that tells physical parts apart with --group-by: photos
    of one part on both sides make every number too good.

    Example: andon datasets freeze tiles --group-by tile --split-file split.json
    """
    from andon.formats.splits import read_split_file
    from andon.services.datasets import freeze_dataset

    workspace = workspace_of(context)
    fixed = read_split_file(split_file) if split_file else {}
    rule = SplitRule(group_by, _fractions(fractions), fixed, split_key, seed, like)
    query = ImageFilter(part_type=part_type, line=line, station=station, lot=lot, source=source)
    frozen = freeze_dataset(workspace, DatasetSpec(name, query, rule))
    if as_json:
        print_json(frozen.as_json())
        return
    print_facts(
        {"data set": name, "snapshot": frozen.snapshot.digest, "images": len(frozen.snapshot.items)}
    )
    print_table(*frozen.table(), title="parts per group and concept")
    for remark in frozen.remarks():
        talk.print(remark, soft_wrap=True)


def _fractions(text: str | None) -> dict[Split, float]:
    if text is None:
        return dict(DEFAULT_FRACTIONS)
    try:
        shares = [float(share) for share in text.split(",")]
        return dict(zip(Split, shares, strict=True))
    except ValueError as cause:
        raise InvalidInput(
            f"--fractions {text!r} is not four numbers with commas", "Example: 0.5,0.1,0.2,0.2"
        ) from cause


@app.command(name="list")
def list_(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List snapshots, newest first."""
    from andon.services.datasets import list_snapshots

    rows = list_snapshots(workspace_of(context), limit)
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    print_table(
        ("snapshot", "data set", "images", "frozen at", "by"),
        [(row.digest[:12], row.dataset, row.images, row.at, row.author) for row in rows],
    )


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Data set name (its latest snapshot) or snapshot digest.")],
    as_json: Json = False,
) -> None:
    """Show the groups and concepts of a snapshot."""
    from andon.services.datasets import load_snapshot, split_table

    snapshot = load_snapshot(workspace_of(context), name)
    if as_json:
        columns, rows = split_table(snapshot)
        groups = [dict(zip(columns, row, strict=True)) for row in rows]
        print_json({"snapshot": snapshot.digest, "dataset": snapshot.dataset, "groups": groups})
        return
    print_facts({"data set": snapshot.dataset, "snapshot": snapshot.digest, "images": len(snapshot.items)})
    print_table(*split_table(snapshot), title="parts per group and concept")


@app.command()
def export(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Data set name (its latest snapshot) or snapshot digest.")],
    to: Annotated[Path, typer.Option(help="Folder to write; it must be empty or new.")],
    layout: Annotated[str, typer.Option(help="coco or mvtec.")] = "coco",
    as_json: Json = False,
) -> None:
    """Write a snapshot as a COCO or MVTec data set; importing it gives the same back."""
    from andon.services.datasets import export_snapshot

    written = export_snapshot(workspace_of(context), name, layout, to)
    if as_json:
        print_json({"layout": layout, "folder": str(to), "images": written})
        return
    print_facts({"layout": layout, "folder": to, "images": written})
