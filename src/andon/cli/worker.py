"""`andon worker`."""

from typing import Annotated

import typer

from andon.cli.session import Json, print_facts, print_json, workspace_of


def worker(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Option(help="Stands in the rows of its jobs. Default: machine and process number."),
    ] = None,
    patience: Annotated[
        float, typer.Option(help="Seconds a running job may take to end after a signal to stop.", min=0)
    ] = 10.0,
    dead_after: Annotated[
        float,
        typer.Option(
            help="Seconds without a heartbeat after which the job of another worker is taken.", min=3
        ),
    ] = 15.0,
    as_json: Json = False,
) -> None:
    """Do the jobs that wait in the workspace, one at a time, until a signal asks to stop.

    Start as many as the machine can bear. Asked to stop (Ctrl-C, SIGTERM) it lets its job end if that is
    soon, else it puts the job back; a second signal puts it back at once. A job that was put back, or
    whose worker was killed, goes on where it stopped.

    Example: andon worker --name night
    """
    from andon.worker.main import work
    from andon.worker.settings import Settings, default_name

    folder = workspace_of(context).folder
    settings = Settings(folder, name or default_name(), patience=patience, dead_after=dead_after)
    facts = {"worker": settings.name, "jobs": work(settings)}
    if as_json:
        print_json(facts)
        return
    print_facts(facts)
