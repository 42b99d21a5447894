"""What moves on the page: drawn at most five times a second, once for all who look in the same language."""

import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment

from andon.look.pages import environment
from andon.look.words import Words, words
from andon.station.running.clock import Clock
from andon.station.state.condition import Condition, Word, condition_of
from andon.station.state.line import LineState
from andon.station.web.views import LineView, line_view

INTERVAL = 0.2
"""Seconds between two pictures."""

REGIONS = ("heading", "verdict", "alarms", "strip", "numbers", "picture")
"""Parts of the page that are drawn anew, macros of ``regions.html.j2``."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The moving parts of the page as HTML.

    Attributes:
        number: rises with every drawing.
        state: verdict of the last part, or ``WAITING``. fault: verdicts do not count now.
        held: how many parts wait, in words.
        regions: HTML of each of ``REGIONS``.
    """

    number: int
    state: str
    fault: bool
    held: str
    regions: Mapping[str, str]


class Live:
    """Draws the state of the line.

    Args:
        patience: seconds without an inference after which the station does not count as running.
    """

    def __init__(self, state: LineState, clock: Clock, patience: float) -> None:
        self.state = state
        self.clock = clock
        self.patience = patience
        self._drawn: dict[str, tuple[float, Drawn]] = {}
        self._stopping = False

    def stop(self) -> None:
        """End all streams."""
        self._stopping = True

    def condition(self) -> Condition:
        """The station's, now."""
        return condition_of(self.state, self.clock.monotonic(), self.patience)

    def is_fault(self) -> bool:
        """Whether verdicts do not count now; a line that pauses is no fault."""
        return condition_of(self.state, self.clock.monotonic(), math.inf).word is Word.FAULT

    def view(self, language: Words) -> LineView:
        """What holds now."""
        return line_view(self.state, language, self.clock.now(), self.clock.monotonic())

    def drawn(self, language: str) -> Drawn:
        """The newest drawing, made now where it is older than ``INTERVAL``."""
        at = self.clock.monotonic()
        known = self._drawn.get(language)
        if known is not None and at - known[0] < INTERVAL:
            return known[1]
        said = words(language)
        view = self.view(said)
        macros = macros_of(language)
        regions = {name: str(getattr(macros, name)(view)) for name in REGIONS}
        held = said("held.count", count=said.number(self.state.held))
        number = known[1].number + 1 if known else 1
        drawn = Drawn(number, view.state, self.is_fault(), held, regions)
        self._drawn[language] = (at, drawn)
        return drawn

    async def follow(self, language: str) -> AsyncIterator[Drawn]:
        """Drawings as they become due; ends when the station stops."""
        while not self._stopping:
            yield self.drawn(language)
            await self.clock.sleep(INTERVAL)


@cache
def templates() -> Environment:
    """Of the station's page."""
    return environment("andon.station.web")


@cache
def macros_of(language: str) -> Any:
    """The macros of ``regions.html.j2``, speaking ``language``."""
    return templates().get_template("regions.html.j2").make_module({"words": words(language)})
