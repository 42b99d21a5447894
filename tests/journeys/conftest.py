"""A plant in small: drawn parts, a workspace, and one trained, evaluated model with its recipe."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from andon.cli.main import app
from andon.errors import AndonError

SIDE = "96x96"


@dataclass(frozen=True)
class Answer:
    """What a command printed, and how it ended; ``error`` is what it refused."""

    stdout: str
    stderr: str
    error: AndonError | None
    code: int

    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Plant:
    """A workspace folder, the parts it learned from, fresh parts and the truth about them."""

    folder: Path
    parts: Path
    fresh: Path
    truth: Path

    def andon(self, *arguments: str | Path) -> Answer:
        return andon("-w", self.folder, *arguments)


def andon(*arguments: str | Path) -> Answer:
    """Run one command in this process, as the program's entry point would."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    error = done.exception
    if error is not None and not isinstance(error, AndonError | SystemExit):
        raise error
    code = error.exit_code if isinstance(error, AndonError) else done.exit_code
    return Answer(done.stdout, done.stderr, error if isinstance(error, AndonError) else None, code)


def must(answer: Answer) -> Answer:
    assert answer.error is None and answer.code == 0, (answer.error, answer.stderr)
    return answer


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    root = tmp_path_factory.mktemp("plant")
    made = Plant(root / "workspace", root / "parts", root / "fresh", root / "truth" / "truth.csv")
    parts = ("--size", SIDE, "--defect-rate", "0.4")
    must(andon("simulate", made.parts, "--count", "120", "--seed", "5", *parts))
    must(
        andon(
            "simulate", made.fresh, "--count", "20", "--seed", "6", "--hide-truth", root / "truth", *parts
        )
    )
    must(andon("init", made.folder))
    must(made.andon("images", "import", made.parts, "--source", "parts"))
    must(made.andon("datasets", "freeze", "brackets"))
    training = ("--weights", "none", "--encoder", "mobilenetv3_small_050", "--size", SIDE, "--steps", "16")
    must(made.andon("train", "brackets", *training))
    must(made.andon("models", "evaluate", "latest"))
    must(made.andon("recipes", "make", "brackets"))
    return made


@pytest.fixture
def empty_workspace(tmp_path: Path) -> Callable[..., Answer]:
    """`andon` in a fresh workspace."""
    must(andon("init", tmp_path / "ws"))
    return lambda *arguments: andon("-w", tmp_path / "ws", *arguments)
