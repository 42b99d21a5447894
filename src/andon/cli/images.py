"""`andon images`: import labelled images, and look at what is there."""

from pathlib import Path
from typing import Annotated

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

app = typer.Typer(
    help="Import images with their labels, and list them.", no_args_is_help=True, rich_markup_mode=None
)

SHOWN = 5
"""How many of the files left out are named on the screen; `--json` names all."""


@app.command(name="import")
def import_(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of images, CSV manifest or COCO file.")],
    layout: Annotated[
        str | None,
        typer.Option(
            help="coco, csv, mvtec, dagm, kolektor, pairs, good-bad, classes, names. Default: recognised."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Name of this origin; importing again under it adds nothing. Default: the path."),
    ] = None,
    metadata: Annotated[
        Path | None, typer.Option(help="CSV with a column 'file' and any others (serial, lot, tile, ...).")
    ] = None,
    say: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE said of every image: line=2, station=ST-04, ... Repeatable."),
    ] = None,
    part_type: Annotated[str | None, typer.Option(help="Part type of every image.")] = None,
    clean: Annotated[
        list[str] | None, typer.Option(help="A folder or label name that means clean. Repeatable.")
    ] = None,
    masks: Annotated[str | None, typer.Option(help="Folder of masks, below FOLDER.")] = None,
    mask_cut: Annotated[int, typer.Option(help="Grey values above it are mask.", min=0, max=255)] = 127,
    add_concepts: Annotated[
        bool, typer.Option("--add-concepts", help="Labels not in the ontology become concepts.")
    ] = False,
    threads: Annotated[int, typer.Option(help="Files read and decoded at a time.", min=1, max=64)] = 2,
    as_json: Json = False,
) -> None:
    """Import a folder of images with their labels; recognises the layout (see docs/layouts.md).

    Doing it again adds nothing; interrupted or killed, the same command continues. The first import
    defines the ontology; later labels must be in it, or say --add-concepts. Every file that was left out is
    reported with the reason.

    Example: andon images import magnetic_tile --metadata groups.csv --part-type tile
    """
    from andon.formats.entries import CLEAN_WORDS, Options
    from andon.formats.tables import MetadataTable
    from andon.jobs.import_images import ImportRequest, import_images
    from andon.services.workspaces import now

    workspace = workspace_of(context)
    words = CLEAN_WORDS | {word.casefold() for word in clean or []}
    request = ImportRequest(
        path=folder,
        source=source or str(folder.resolve()),
        author=workspace.who,
        at=now(),
        layout=layout,
        options=Options(clean=words, masks=masks, mask_cut=mask_cut),
        metadata=_pairs(say or []) | ({"part_type": part_type} if part_type else {}),
        table=MetadataTable(metadata) if metadata else None,
        add_concepts=add_concepts,
        threads=threads,
    )
    with progress_bar("importing") as bar:
        outcome = import_images(workspace.database, workspace.blobs, request, bar.report)
    if as_json:
        print_json(outcome.as_json())
        return
    print_facts(outcome.facts())
    _print_reasons("left out", outcome.left_out)
    _print_reasons("note", outcome.remarks)
    talk.print("Next: andon datasets freeze NAME", soft_wrap=True)


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise InvalidInput(f"--set {text!r} is not KEY=VALUE", "Example: --set line=2")
        pairs[key] = value
    return pairs


def _print_reasons(title: str, reasons: tuple[tuple[str, str], ...]) -> None:
    for name, reason in reasons[:SHOWN]:
        talk.print(f"{title}: {name}: {reason}", soft_wrap=True)
    if len(reasons) > SHOWN:
        talk.print(f"{title}: and {len(reasons) - SHOWN} more; --json names all", soft_wrap=True)


@app.command(name="list")
def list_(
    context: typer.Context,
    concept: Annotated[str | None, typer.Option(help="Only images that show this concept.")] = None,
    clean: Annotated[
        bool | None, typer.Option("--clean/--defective", help="Only clean, or only defective images.")
    ] = None,
    part_type: Annotated[str | None, typer.Option(help="Only of this part type.")] = None,
    line: Annotated[str | None, typer.Option(help="Only of this line.")] = None,
    station: Annotated[str | None, typer.Option(help="Only of this station.")] = None,
    lot: Annotated[str | None, typer.Option(help="Only of this lot.")] = None,
    after: Annotated[
        int | None, typer.Option(help="Continue after this number (printed last).", min=0, max=2**63 - 1)
    ] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List images with their labels, in order of arrival."""
    from andon.domain.images import ImageFilter
    from andon.services.images import list_images

    query = ImageFilter(
        part_type=part_type, line=line, station=station, lot=lot, concept=concept, clean=clean
    )
    rows, following = list_images(workspace_of(context).database, query, after, limit)
    if as_json:
        print_json({"images": rows, "next": following})
        return
    columns = ("image", "name", "size", "labels", "serial", "lot")
    print_table(columns, [[row[column] for column in columns] for row in rows])
    if following is not None:
        talk.print(f"More: --after {following}", soft_wrap=True)
