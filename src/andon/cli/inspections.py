"""`andon inspect` and `andon inspections`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from andon.errors import InvalidInput

if TYPE_CHECKING:
    from andon.jobs.inspect import Overlays

app = typer.Typer(
    help="Look at what was inspected, and why it was decided so.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def inspect(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Folder of images.")] = None,
    recipe: Annotated[str, typer.Option(help="Recipe name, or NAME@VERSION.")] = "default",
    test_of: Annotated[
        str | None, typer.Option(help="Instead of a folder: the test group of this data set.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="CSV with columns path,label; gives escapes and overkill.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where overlays and results go. Default: the workspace.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="engine/precision. Default: the fastest FP32 one that passed parity.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1, max=256)] = 2,
    overlays: Annotated[str, typer.Option(help="Overlays of: all, found (not PASS), none.")] = "found",
    as_json: Json = False,
) -> None:
    """Judge every image of a folder: overlays, results.csv, results.jsonl and a report to open.

    An image that cannot be judged is NO-DECISION with a reason, and the run goes on. Interrupted or
    killed, the same command continues.

    Example: andon inspect fresh/ --recipe tiles
    """
    from andon.jobs.inspect import InspectRequest, inspect_images

    request = InspectRequest(
        folder=folder,
        dataset=test_of,
        recipe=recipe,
        truth=truth,
        out=out,
        variant=variant,
        threads=threads,
        overlays=_overlays(overlays),
    )
    with progress_bar("inspecting") as bar:
        report = inspect_images(workspace_of(context), request, bar.report)
    if as_json:
        print_json(report.as_json())
        return
    print_table(*report.table())
    talk.print(f"Report: {report.report}", soft_wrap=True)
    talk.print(
        f"Why a part was decided so: andon inspections show ID (ids are in {report.csv})", soft_wrap=True
    )


def _overlays(word: str) -> "Overlays":
    from andon.jobs.inspect import Overlays

    if word not in set(Overlays):
        raise InvalidInput(f"--overlays {word!r} is unknown", f"Choose from: {', '.join(Overlays)}.")
    return Overlays(word)


@app.command(name="list")
def list_(
    context: typer.Context,
    recipe: Annotated[str | None, typer.Option(help="Only of this recipe.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only PASS, REVIEW, REJECT or NO-DECISION.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List inspections, newest first."""
    from andon.services.inspections import list_inspections

    rows = list_inspections(workspace_of(context), recipe, verdict, limit)
    if as_json:
        print_json(rows)
        return
    columns = ("id", "name", "verdict", "recipe", "at")
    print_table(columns, [[row[column] for column in columns] for row in rows])


@app.command()
def show(
    context: typer.Context,
    inspection: Annotated[str, typer.Argument(help="Inspection id, or the beginning of one.")],
    as_json: Json = False,
) -> None:
    """Show one part's whole story: pixels, findings, rules, verdict, and the versions of everything.

    Example: andon inspections show 0199f3
    """
    from andon.services.inspections import show_inspection

    story = show_inspection(workspace_of(context), inspection)
    if as_json:
        print_json(story)
        return
    print_facts({name: value for name, value in story.items() if not isinstance(value, list | dict)})
    for title in ("reasons", "findings", "scores", "versions", "rescorings"):
        rows = story[title]
        if isinstance(rows, dict):
            print_table((title, ""), list(rows.items()))
        elif isinstance(rows, list) and rows:
            print_table(tuple(rows[0]), [list(row.values()) for row in rows], title=title)
