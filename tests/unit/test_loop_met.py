"""When the benchmark of the loop says that it turned to the better, and when it does not."""

import sys
from pathlib import Path
from typing import Any

import pytest

from andon.domain.loops import Ending


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, which lies beside the tests and not in the package."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks import loop_met

    yield loop_met
    for name in ("benchmarks.loop_met", "benchmarks"):
        sys.modules.pop(name, None)


def said(met: Any, *turns: tuple[str, tuple[float, float]]) -> bool:
    """Turns by how they ended and what ran after (escapes, cost); first 20 escape, at a cost of 900."""
    before, came = met.Figures(20.0, 900.0), []
    for ending, figures in turns:
        after = met.Figures(*figures)
        came.append(met.Turned(ending == Ending.MADE, ending, before, after))
        before = after
    return bool(met.is_met(came))


@pytest.mark.parametrize(
    ("turns", "wanted"),
    [
        ([(Ending.MADE, (12, 700)), (Ending.REFUSED, (12, 700))], True),
        ([(Ending.REFUSED, (20, 900)), (Ending.MADE, (12, 700))], True),
        ([(Ending.REFUSED, (20, 900)), (Ending.REFUSED, (20, 900))], False),
        ([(Ending.MADE, (12, 700)), (Ending.FAILED, (12, 700))], False),
        ([(Ending.MADE, (12, 700)), (Ending.SAME, (12, 700))], False),
        ([(Ending.MADE, (12, 700)), ("", (12, 700))], False),
        ([(Ending.MADE, (12, 700)), (Ending.MADE, (13, 650))], False),
        ([(Ending.MADE, (12, 700)), (Ending.MADE, (11, 710))], False),
        ([(Ending.MADE, (20, 900))], False),
        ([(Ending.MADE, (20, 800))], False),
    ],
)
def test_it_is_met_only_where_turns_passed_and_made_what_runs_better(
    met: Any, turns: list[tuple[str, tuple[float, float]]], wanted: bool
) -> None:
    assert said(met, *turns) is wanted


def test_where_nothing_escaped_at_first_nothing_has_to_fall(met: Any) -> None:
    first, last = met.Figures(0.0, 500.0), met.Figures(0.0, 400.0)
    assert met.is_met([met.Turned(True, Ending.MADE, first, last)])
