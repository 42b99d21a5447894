"""The page of all commands is what the program says of itself, and the program leaves nothing unsaid."""

from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from andon.cli.main import EXIT_CODES, app
from andon.cli.reference import commands, reference
from andon.domain.presets import PRESETS, fine_tuned
from andon.errors import AndonError

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
PROGRAM = typer.main.get_command(app)
assert isinstance(PROGRAM, TyperGroup)
COMMANDS = {
    context.command_path: command
    for command, context in commands(PROGRAM, typer.Context(PROGRAM, info_name="andon"))
}


def families(error: type[AndonError]) -> list[type[AndonError]]:
    return [error, *(family for below in error.__subclasses__() for family in families(below))]


def test_there_are_the_commands_of_the_main_job() -> None:
    main_job = {"init", "images import", "datasets freeze", "train", "models evaluate", "models benchmark"}
    main_job |= {"recipes make", "inspect", "inspections show", "demo"}
    assert COMMANDS.keys() >= {f"andon {name}" for name in main_job}


def test_the_page_is_what_the_program_says() -> None:
    written = PAGE.read_text() if PAGE.exists() else ""
    assert written == reference(), "write it anew: python -m andon.cli.reference > docs/commands.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section(name: str) -> None:
    assert f"## {name}\n" in reference()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_and_option_says_what_it_is_for(command: TyperCommand) -> None:
    assert command.help and command.help.strip()
    assert not [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]


SERVERS = {"andon hub", "andon station"}
"""They run until they are stopped and answer over HTTP; there is no result to print."""


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - SERVERS))
def test_every_command_answers_programs(name: str) -> None:
    assert any("--json" in parameter.opts for parameter in COMMANDS[name].params)


def test_how_often_parts_judged_wrongly_are_drawn_is_said_as_it_is() -> None:
    usual = {settings.regression for settings in PRESETS.values()}
    began = {fine_tuned(settings, "a" * 64).regression for settings in PRESETS.values()}
    assert usual == began == {4}
    assert "are drawn four times as often." in (COMMANDS["andon train"].help or "")


def test_every_group_says_what_it_is_about() -> None:
    groups = [command for command in PROGRAM.commands.values() if isinstance(command, TyperGroup)]
    assert groups and all(group.help for group in groups)


def test_every_exit_code_is_documented() -> None:
    codes = {error.exit_code for error in families(AndonError) if error is not AndonError}
    assert not [code for code in codes if f"{code} " not in EXIT_CODES]
