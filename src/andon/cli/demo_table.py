"""The demo's judge: both models on the same fresh parts, against what is true of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

from andon.analysis.before_after import BeforeAfter, Change, compare
from andon.cli.demo_plan import COSTS, LATER, REVIEW, Amount
from andon.domain.inspections import Verdict
from andon.domain.quality import Estimate
from andon.domain.serial import to_json
from andon.runtime.inspector import Inspector
from andon.services.models import fastest_inspector, find_package
from andon.services.recipes import find_recipe
from andon.services.workspaces import Workspace
from andon.simulate.line import Line, SimulatedPart

MOST = 3
"""Times as many parts as wanted are drawn at most, until enough of them are defective."""

Report = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What both recipes say of one part, and what is true of it."""

    old: Verdict
    new: Verdict
    defective: bool


def before_and_after(
    workspace: Workspace, recipes: tuple[str, str], amount: Amount, report: Report
) -> BeforeAfter:
    """Judge fresh parts of the plant as it is now with both recipes (``NAME@VERSION``; old, new).

    Raises:
        NotFound: a recipe is unknown. DamagedPackage, ModelFailed: a model cannot be opened here.
    """
    old, new = (_inspector(workspace, recipe) for recipe in recipes)
    seen: list[Seen] = []
    for part in _parts(amount):
        was, becomes = (inspector.inspect(part.pixels).decision.verdict for inspector in (old, new))
        seen.append(Seen(was, becomes, bool(part.defects)))
        report(len(seen), max(amount.table, len(seen)), "")
        if len(seen) >= amount.table and sum(one.defective for one in seen) >= amount.least_defective:
            break
    verdicts_of = [one.old for one in seen], [one.new for one in seen]
    return compare(*verdicts_of, [one.defective for one in seen], (COSTS, REVIEW))


def _parts(amount: Amount) -> Iterator[SimulatedPart]:
    line = Line(amount.after())
    return (line.part(index) for index in islice(count(LATER), MOST * amount.table))


def _inspector(workspace: Workspace, recipe: str) -> Inspector:
    found = find_recipe(workspace, recipe)
    return fastest_inspector(workspace, found, find_package(workspace, found.package), None, threads=1)


def table_of(found: BeforeAfter, names: tuple[str, str]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows for people; every figure with its 95 % interval."""
    columns = ["per 1,000 parts", *names, "difference", ""]
    return columns, [_row(change) for change in found.rows]


def _row(change: Change) -> list[str]:
    figures = (change.old, change.new, change.difference)
    return [change.name, *(_figure(figure) for figure in figures), change.word]


def _figure(estimate: Estimate) -> str:
    return f"{estimate.value:.0f} [{estimate.low:.0f}, {estimate.high:.0f}]"


def sentence(found: BeforeAfter) -> str:
    """What the table allows to say, in words."""
    said = [f"{change.name} {_WORDS[change.word]}" for change in found.rows]
    counted = f"On {found.parts:,} fresh parts, {found.defective} of them defective"
    return f"{counted}: {', '.join(said)}."


_WORDS = {"better": "fell", "worse": "rose", "not shown": "did not change as far as so many parts show"}


def as_json(found: BeforeAfter) -> dict[str, object]:
    """The table as JSON values."""
    rows = {
        change.name: {
            "old": to_json(change.old),
            "new": to_json(change.new),
            "difference": to_json(change.difference),
            "word": change.word,
        }
        for change in found.rows
    }
    return {"parts": found.parts, "defective": found.defective, **rows}
