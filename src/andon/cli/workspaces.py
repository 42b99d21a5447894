"""`andon init`."""

from pathlib import Path
from typing import Annotated

import typer

from andon.cli.session import Json, Session, print_facts, print_json, talk
from andon.services.workspaces import create_workspace


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to make the workspace in.")] = Path(),
    as_json: Json = False,
) -> None:
    """Make a workspace: one folder that holds the records, images, runs and packages of a plant.

    Doing it again on a workspace changes nothing.

    Example: andon init plant && cd plant
    """
    session: Session = context.obj
    workspace, made = create_workspace(folder, session.who)
    if as_json:
        print_json({"workspace": str(workspace.folder), "created": made})
        return
    print_facts({"workspace": workspace.folder, "created": "yes" if made else "no, it was there already"})
    talk.print("Next: andon images import FOLDER", soft_wrap=True)
