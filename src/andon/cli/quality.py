"""`andon quality`."""

from typing import TYPE_CHECKING, Annotated

import typer

from andon.cli.session import Json, Limit, print_json, print_table, talk, workspace_of
from andon.domain.quality import Cohort, Estimate, Found, Quality, QualityRow
from andon.domain.serial import to_json

if TYPE_CHECKING:
    from andon.services.quality import FoundParts

Moment = Annotated[str | None, typer.Option(help="Day or moment, UTC, as 2026-03-01T06:30.")]

COLUMNS = (
    "parts",
    "escapes",
    "overkill",
    "cost per 1,000",
    "judged passes",
    "judged rejects",
    "model found",
    "people found",
)


def quality(
    context: typer.Context,
    since: Moment = None,
    before: Moment = None,
    by: Annotated[
        Cohort, typer.Option(help="What parts are told apart by.", case_sensitive=False)
    ] = Cohort.ALL,
    parts: Annotated[
        Found | None,
        typer.Option(
            help="Instead: parts that wait for a second look, or that the model or people found and the"
            " other had missed."
        ),
    ] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Escapes, overkill and cost of all parts, estimated from those that people looked at.

    Every estimate comes with its 95 % interval. A star: second looks are too few, it is what people say.

    Example: andon quality --since 2026-03-01 --by station
    """
    from andon.services.quality import found_parts, report
    from andon.services.stories import checked_moment

    workspace = workspace_of(context)
    span = checked_moment(since), checked_moment(before)
    if parts is not None:
        _print_parts(found_parts(workspace, parts, *span, limit=limit), as_json)
        return
    known = report(workspace, *span)
    if as_json:
        print_json(to_json(known))
        return
    _print_report(known, by)


def _print_parts(found: "FoundParts", as_json: bool) -> None:
    if as_json:
        print_json(to_json(found))
        return
    rows = [(p.inspection, p.judged.part, p.judged.verdict, p.judged.station, p.at) for p in found.rows]
    print_table(("inspection", "part", "verdict", "station", "at"), rows)


def _print_report(known: Quality, by: Cohort) -> None:
    print_table((by.value, *COLUMNS), [(row.name, *_line(row)) for row in known.rows.get(by, ())])
    change = known.against
    if change is not None:
        title = f"{change.new} against {change.old}: differences"
        line = _share(change.escapes), _share(change.overkill), _amount(change.cost)
        print_table(("escapes", "overkill", "cost per 1,000"), [line], title=title)
    if known.due:
        talk.print(f"{known.due:,} parts wait for a second look: andon quality --parts due")
    for remark in known.remarks:
        talk.print(remark, soft_wrap=True)
    if not known.rows:
        talk.print("No station inspected a part in this time: nothing is known.")


def _line(row: QualityRow) -> tuple[object, ...]:
    judged = (estimate.looked_at if estimate else 0 for estimate in (row.escapes, row.overkill))
    rates = _share(row.escapes), _share(row.overkill), _amount(row.cost)
    return (row.parts, *rates, *judged, row.model_found, row.people_found)


def _share(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:.3f} % ({low:.3f} to {high:.3f}){_star(estimate)}"


def _amount(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    return f"{estimate.value:,.1f} ({estimate.low:,.1f} to {estimate.high:,.1f}){_star(estimate)}"


def _star(estimate: Estimate) -> str:
    return "" if estimate.checked else " *"
