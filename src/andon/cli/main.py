"""`andon`: joins the commands, and turns every error into one line that says what to do next."""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from andon import __version__
from andon.cli import (
    calibrations,
    datasets,
    demo,
    feedback,
    gates,
    hub,
    images,
    inspections,
    jobs,
    loops,
    models,
    quality,
    recipes,
    releases,
    runs,
    selections,
    simulate,
    station,
    worker,
)
from andon.cli import workspaces as workspace_commands
from andon.cli.session import Session
from andon.errors import AndonError, BugError
from andon.runtime.telemetry import forbid

EXIT_CODES = """
Exit codes: 0 done, 2 wrong command line, 3 something given is wrong (path, value, file),
4 this machine needs attention (disk, version, missing program), 5 refused by a safety rule
(digest, parity, gate), 6 another machine does not answer (try later), 70 a bug in Andon,
75 a station ended itself because one of its loops hung (start it again),
130 interrupted (the same command continues).
"""

app = typer.Typer(
    name="andon",
    help="Visual inspection in production: from a folder of images to judged parts.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 108},
)

app.command("init")(workspace_commands.init)
app.add_typer(images.app, name="images")
app.add_typer(datasets.app, name="datasets")
app.command("train")(runs.train)
app.add_typer(runs.app, name="runs")
app.add_typer(models.app, name="models")
app.add_typer(calibrations.app, name="calibrations")
app.add_typer(recipes.app, name="recipes")
app.add_typer(gates.app, name="gates")
app.add_typer(releases.app, name="releases")
app.command("inspect")(inspections.inspect)
app.add_typer(inspections.app, name="inspections")
app.add_typer(feedback.app, name="feedback")
app.command("quality")(quality.quality)
app.add_typer(selections.app, name="selections")
app.add_typer(jobs.app, name="jobs")
app.add_typer(loops.app, name="loop")
app.command("signals")(loops.signals)
app.command("worker")(worker.worker)
app.command("simulate")(simulate.simulate)
app.command("demo")(demo.demo)
app.command("hub")(hub.hub)
app.command("station")(station.station)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"andon {__version__}\n")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="Workspace folder. Default: $ANDON_WORKSPACE, or this folder or the nearest above.",
        ),
    ] = None,
    who: Annotated[str, typer.Option(help="Name written into every row this command makes.")] = "local",
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Visual inspection in production: from a folder of images to judged parts."""
    del version
    from_environment = os.environ.get("ANDON_WORKSPACE")
    folder = workspace or (Path(from_environment) if from_environment else None)
    context.obj = Session(folder=folder, who=who)


def run() -> None:
    """Entry point of the `andon` program."""
    forbid()
    talk = Console(stderr=True, highlight=False, markup=False)
    try:
        app()
    except AndonError as error:
        talk.print(f"andon: {error.message}", soft_wrap=True)
        if error.todo:
            talk.print(f"  {error.todo}", soft_wrap=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as bug:
        talk.print(traceback.format_exc(), soft_wrap=True)
        talk.print("andon: this is a bug in Andon; please report it with the lines above", soft_wrap=True)
        raise SystemExit(BugError.exit_code) from bug
