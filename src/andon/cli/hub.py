"""`andon hub`."""

from pathlib import Path
from typing import Annotated

import typer

from andon.cli.extras import needed
from andon.cli.session import Session
from andon.services.workspaces import find_workspace


def hub(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes any free one.", min=0, max=65535)
    ] = 8400,
    host: Annotated[
        str, typer.Option(help="Address of this machine alone; others are refused.")
    ] = "127.0.0.1",
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Workspace folder, as before the command.")
    ] = None,
) -> None:
    """Serve the pages and the JSON interface of a workspace to this machine, until Ctrl-C.

    Open the address that it prints. Long work (imports, training) waits until a worker runs: start one
    beside it with `andon worker`. Stations send their records to the same address. What can be asked in
    JSON stands in /api/openapi.json.

    Example: andon -w plant hub --port 8400
    """
    with needed("hub"):
        from andon.hub.main import serve
        from andon.hub.settings import Settings
    session: Session = context.obj
    folder = workspace or session.folder or find_workspace(Path.cwd())
    serve(Settings(folder, host, port, session.who))
