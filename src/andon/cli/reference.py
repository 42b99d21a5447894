"""The page docs/commands.md, written from the commands themselves so that the two cannot differ."""

import sys
from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from andon.cli.main import EXIT_CODES, app

OPENING = """# Commands

The program's own help as one page; `python -m andon.cli.reference > docs/commands.md` writes it anew.

    andon [-w FOLDER] [--who NAME] COMMAND [OPTIONS] [ARGUMENTS]

Results go to stdout, progress and remarks to stderr. Every command has `--json`, which prints its result
as one JSON document, and `-h` or `--help`. A name that begins with `-` comes after `--`.
"""

EVERYWHERE = frozenset({"--json", "--help"})
"""Options of every command; the opening tells of them."""


def reference() -> str:
    """The page, Markdown."""
    program = typer.main.get_command(app)
    if not isinstance(program, TyperGroup):
        raise TypeError(f"the program is a {type(program).__name__}, not a group of commands")
    context = typer.Context(program, info_name="andon")
    opening = f"{OPENING}\n{EXIT_CODES.strip()}\n\nBefore the command:\n\n{_options(program, context)}"
    return "\n".join([opening, *_sections(program, context)])


def commands(group: TyperGroup, parent: typer.Context) -> Iterator[tuple[TyperCommand, typer.Context]]:
    """Every command below ``group`` that does something, in the program's order, with its context."""
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=name, parent=parent)
        if isinstance(command, TyperGroup):
            yield from commands(command, context)
        elif isinstance(command, TyperCommand):
            yield command, context


def _sections(program: TyperGroup, context: typer.Context) -> Iterator[str]:
    for command, inner in commands(program, context):
        text, _, example = (command.help or "").strip().partition("\n\nExample: ")
        usage = " ".join((inner.command_path, *command.collect_usage_pieces(inner)))
        yield f"## {inner.command_path}\n\n{text}\n\n    {usage}\n\n{_options(command, inner)}"
        if example:
            yield f"Example:\n\n    {example}\n"


def _options(command: TyperCommand | TyperGroup, context: typer.Context) -> str:
    lines = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record and not EVERYWHERE & set(parameter.opts):
            lines.append(f"- `{record[0]}`: {record[1]}\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(reference())
