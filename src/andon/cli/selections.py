"""`andon selections`: pick the pictures that are worth a person's minutes, and see what that was worth."""

from typing import Annotated

import typer

from andon.cli.session import (
    Json,
    Limit,
    print_facts,
    print_json,
    print_table,
    progress_bar,
    workspace_of,
)

app = typer.Typer(
    help="Pick the pictures that are labelled next, within minutes of a person's time.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def make(
    context: typer.Context,
    minutes: Annotated[float, typer.Option(help="How long a person labels.")] = 15.0,
    seconds: Annotated[
        float | None,
        typer.Option(help="For one picture. Default: as measured before, 20 at first."),
    ] = None,
    control: Annotated[
        float,
        typer.Option(help="Share of the pictures drawn by chance, 0 to 1, to see what choosing is worth."),
    ] = 0.1,
    model: Annotated[
        str | None, typer.Option(help="The model that is asked. Default: that of the latest recipe.")
    ] = None,
    source: Annotated[
        str, typer.Option(help="Only pictures whose source begins so, such as 'station/'. Default: all.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Same seed, same pictures.")] = 0,
    as_json: Json = False,
) -> None:
    """Pick pictures nobody has labelled: wrong verdicts, disagreement, doubt, and what is unlike the rest.

    Parts that are held for gates are never picked. The model's proposals are stored beside the pictures;
    people accept or fix them on the page Label of the hub.

    Example: andon selections make --minutes 15
    """
    from andon.domain.selections import SelectionSettings
    from andon.services.models import find_package
    from andon.services.picked_pictures import as_facts
    from andon.services.selections import make_selection

    workspace = workspace_of(context)
    package = find_package(workspace, model).digest if model else None
    settings = SelectionSettings(package, minutes, seconds, control, source, seed)
    with progress_bar("select") as bar:
        made = make_selection(workspace, settings, bar.report)
    if as_json:
        print_json(as_facts(workspace, made))
        return
    print_facts({"selection": made.id, "pictures": len(made.picks), "looked at": made.looked_at})
    _print_picks(as_facts(workspace, made))


@app.command("list")
def list_(context: typer.Context, limit: Limit = 20, as_json: Json = False) -> None:
    """List the selections, newest first, and how many of their pictures wait for labels.

    Example: andon selections list
    """
    from andon.services.selections import list_selections

    page = list_selections(workspace_of(context), None, limit)
    rows = [
        {
            "selection": made.id,
            "minutes": made.settings.minutes,
            "pictures": far.pictures,
            "waiting": far.waiting,
            "model": made.package,
            "author": made.author,
            "at": made.at,
        }
        for made, far in page.rows
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("selection", "minutes", "pictures", "waiting", "model", "author", "at")
    shown = [
        {**row, "selection": str(row["selection"])[:13], "model": str(row["model"])[:12]} for row in rows
    ]
    print_table(columns, [[row[name] for name in columns] for row in shown])


@app.command()
def show(
    context: typer.Context,
    selection: Annotated[str, typer.Argument(help="Its id or the beginning of it.")],
    as_json: Json = False,
) -> None:
    """Show a selection: its pictures in order with their reasons, and chosen against drawn by chance.

    Example: andon selections show 019f0c
    """
    from andon.services.picked_pictures import as_facts
    from andon.services.selections import find_selection

    workspace = workspace_of(context)
    facts = as_facts(workspace, find_selection(workspace, selection))
    if as_json:
        print_json(facts)
        return
    print_facts({name: facts[name] for name in ("selection", "model", "looked_at", "author", "at")})
    _print_picks(facts)
    worth = facts["worth"]
    assert isinstance(worth, dict)
    columns = ("pictures", "labelled", "minutes", "with a defect", "corrected")
    rows = [[name, *(share[column] for column in columns)] for name, share in worth.items()]
    print_table(("share", *columns), rows, title="what choosing was worth")


def _print_picks(facts: dict[str, object]) -> None:
    picks = facts["picks"]
    assert isinstance(picks, list)
    columns = ("position", "image", "reason", "score", "proposal", "labels")
    rows = [[str(pick[name])[:24] if name == "image" else pick[name] for name in columns] for pick in picks]
    print_table(columns, rows)
