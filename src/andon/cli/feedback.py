"""`andon feedback`."""

from dataclasses import replace
from typing import Annotated

import typer

from andon.cli.session import Json, Limit, print_json, print_table, talk, workspace_of
from andon.domain.feedback import SendPolicy
from andon.domain.serial import to_json
from andon.errors import InvalidInput

app = typer.Typer(
    help="What comes back from stations: whose pictures, why, and by which policy.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(name="list")
def list_(
    context: typer.Context,
    reason: Annotated[
        str | None, typer.Option(help="Only sent for: audit, wrong, confused, rule, random.")
    ] = None,
    station: Annotated[str | None, typer.Option(help="Only of this station.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only PASS, REVIEW, REJECT or NO-DECISION.")] = None,
    answer: Annotated[
        str | None,
        typer.Option(help="Only where people said so: confirmed, false-alarm, missed, unsure; or nobody."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only from this day or moment on, UTC.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List the parts whose pictures stations chose to send, the latest first, and why.

    Example: andon feedback list --reason wrong
    """
    from andon.services.feedback import asked, feedback_page

    query = asked(reason, verdict, answer, station, since)
    found = feedback_page(workspace_of(context), query, None, limit)
    if as_json:
        print_json(to_json(found.rows))
        return
    columns = ("inspection", "verdict", "why", "people say", "picture", "chosen at")
    rows = [
        (
            one.inspection.id,
            one.inspection.decision.verdict,
            "; ".join(f"{why.reason}: {why.detail}" for why in one.chosen),
            one.review.answer if one.review else "",
            one.where,
            one.chosen[-1].at,
        )
        for one in found.rows
    ]
    print_table(columns, rows)


@app.command()
def stations(context: typer.Context, as_json: Json = False) -> None:
    """List what each station sends, how far it got today, and what waits and why.

    Example: andon feedback stations
    """
    from andon.services.feedback import stations_feedback
    from andon.services.sending import words_of

    found = stations_feedback(workspace_of(context))
    if as_json:
        print_json(to_json(found))
        return
    columns = ("station", "sends", "sent today", "waiting", "held back by", "chosen in 7 days")
    rows = [
        (
            one.station,
            words_of(one.policy),
            one.sending.sent_today if one.sending else "",
            one.sending.waiting if one.sending else "",
            one.sending.held if one.sending else "",
            sum(count.count for count in one.days),
        )
        for one in found
    ]
    print_table(columns, rows)


@app.command()
def policy(
    context: typer.Context,
    station: Annotated[str, typer.Argument(help="Name of the station.")],
    everything: Annotated[
        bool, typer.Option("--everything", help="No policy: every picture that is kept is sent.")
    ] = False,
    wrong: Annotated[bool, typer.Option(help="Send what a person contradicts.")] = True,
    near: Annotated[
        float | None,
        typer.Option(help="Send reviews, and scores this near to a cut. Default: 0.05; below 0: neither."),
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option(help="Send parts that fit, e.g. 'concept=scratch low=0.2'.")
    ] = None,
    random: Annotated[float | None, typer.Option(help="Share of all parts, 0..1. Default: 0.01.")] = None,
    quota: Annotated[int | None, typer.Option(help="Pictures a day, UTC. Default: any.", min=0)] = None,
    hours: Annotated[str, typer.Option(help="Hours of the day, UTC, as 22-6.")] = "0-24",
    bandwidth: Annotated[
        int | None, typer.Option(help="Bytes of pictures a second. Default: no limit.", min=1)
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell a station whose pictures it sends from now on; all else stays as it is assigned.

    Records, answers and small pictures always travel. Kept pictures that are not chosen stay on the station
    as long as there is room.

    Example: andon feedback policy st-1 --near 0.1 --random 0.02 --quota 500 --hours 22-6
    """
    from andon.services.sending import rule_of, send_by, words_of

    given = SendPolicy(
        wrong=wrong,
        near=_near(near),
        rules=tuple(rule_of(text) for text in rule or ()),
        quota=quota,
        hours=_hours(hours),
        bytes_per_second=bandwidth,
    )
    wanted = None if everything else given if random is None else replace(given, random=random)
    assignment = send_by(workspace_of(context), station, wanted)
    if as_json:
        print_json(to_json(assignment.send))
        return
    talk.print(f"{station}, assignment {assignment.counter}: {words_of(assignment.send)}", soft_wrap=True)


def _near(given: float | None) -> float | None:
    if given is None:
        return SendPolicy().near
    return None if given < 0 else given


def _hours(text: str) -> tuple[int, int]:
    first, dash, end = text.partition("-")
    if not (dash and first.isdecimal() and end.isdecimal()):
        raise InvalidInput(f"--hours {text!r} are no hours", "Write them as 22-6.")
    return int(first), int(end)
