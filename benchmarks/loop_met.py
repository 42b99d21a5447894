"""Whether the turns of a plant led to the better: pure, from what came of each turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from andon.domain.loops import Ending


@dataclass(frozen=True)
class Figures:
    """Per 1,000 fresh parts."""

    escapes: float
    cost: float


@dataclass(frozen=True)
class Turned:
    """What came of a turn: whether its version runs now, how it ended, and what ran before and after."""

    passed: bool
    ending: str
    before: Figures
    after: Figures


def is_met(turns: Sequence[Turned]) -> bool:
    """Every turn made what runs better or was refused by the gate, and the last version beats the first.

    A turn that failed, that gave the same again or that waits for a person is no refusal; a plant on which
    no turn passed has not become better.
    """
    passed = [turn for turn in turns if turn.passed]
    if not passed or not all(_is_honest(turn) for turn in turns):
        return False
    first, last = turns[0].before, turns[-1].after
    fewer = last.escapes < first.escapes or last.escapes == first.escapes == 0
    return fewer and last.cost < first.cost


def _is_honest(turn: Turned) -> bool:
    if not turn.passed:
        return turn.ending == Ending.REFUSED
    return turn.after.escapes <= turn.before.escapes and turn.after.cost <= turn.before.cost
