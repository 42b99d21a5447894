"""What every command needs: the workspace it works on, and where results and talk go."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from andon.services.workspaces import Workspace, find_workspace, open_workspace

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Limit = Annotated[int, typer.Option(help="At most this many rows.", min=1, max=100_000)]

WIDE = 400
"""Columns of a table that goes into a file or a pipe."""

talk = Console(stderr=True, highlight=False, markup=False)


@dataclass(frozen=True, slots=True)
class Session:
    """Settings of one call: the workspace folder named, if any, and who is asking."""

    folder: Path | None
    who: str

    def workspace(self) -> Workspace:
        """Open the workspace named, or the nearest one above the current folder.

        Raises:
            NotFound: there is none.
        """
        return open_workspace(self.folder or find_workspace(Path.cwd()), self.who)


def workspace_of(context: typer.Context) -> Workspace:
    """The workspace of the running command."""
    session: Session = context.obj
    return session.workspace()


def print_json(value: object) -> None:
    """Write ``value`` as one JSON document to stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Write a table to stdout; as wide as it needs where stdout is no terminal."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else WIDE
    Console(highlight=False, markup=False, width=width).print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Write `name  value` lines to stdout."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {value}")


class Bar:
    """A progress bar on stderr; ``report(done, total, text)`` may be called from the working thread."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task: Any = progress.add_task(title, total=None)
        self._title = title

    def report(self, done: int, total: int | None, text: str = "") -> None:
        """Show that ``done`` of ``total`` steps are finished."""
        title = f"{self._title} {text}".strip()
        self._progress.update(self._task, completed=done, total=total, description=title)


@contextmanager
def progress_bar(title: str) -> Iterator[Bar]:
    """Show one bar on stderr while the block runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk, transient=False) as progress:
        yield Bar(progress, title)
