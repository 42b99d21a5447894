"""`andon calibrations`: how many pixels a millimetre has in a station's view."""

from typing import Annotated

import typer

from andon.cli.session import Json, print_facts, print_json, print_table, workspace_of

app = typer.Typer(
    help="Say how many pixels a millimetre has, so that rules can use mm.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def add(
    context: typer.Context,
    station: Annotated[str, typer.Argument(help="Station name.")],
    view: Annotated[str, typer.Argument(help="View of the station, e.g. top.")],
    pixels: Annotated[float, typer.Option(help="Length measured in the image, pixels.")],
    millimetres: Annotated[float, typer.Option(help="The same length on the part, mm.")],
    as_json: Json = False,
) -> None:
    """Add a calibration version from a known length.

    Example: andon calibrations add ST-04 top --pixels 412 --millimetres 50
    """
    from andon.services.calibrations import add_calibration

    calibration = add_calibration(workspace_of(context), (station, view), pixels, millimetres)
    if as_json:
        print_json(calibration)
    else:
        print_facts(calibration)


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the calibrations in force."""
    from andon.services.calibrations import list_calibrations

    rows = list_calibrations(workspace_of(context))
    if as_json:
        print_json(rows)
        return
    columns = ("station", "view", "version", "pixels_per_mm", "method", "author", "at")
    print_table(columns, [[row[column] for column in columns] for row in rows])
