"""`andon jobs`: look at what workers do, stop it, and ask for it again."""

from typing import Annotated

import typer

from andon.cli.session import Json, Limit, print_facts, print_json, print_table, workspace_of
from andon.domain.jobs import Job, JobEvent, JobState
from andon.domain.serial import to_json

app = typer.Typer(
    help="Look at jobs, cancel them, try them again.", no_args_is_help=True, rich_markup_mode=None
)

JobId = Annotated[str, typer.Argument(help="Job id, or the beginning of one.")]


@app.command(name="list")
def list_(
    context: typer.Context,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    from andon.services.jobs import list_jobs
    from andon.store.jobs import Query

    rows = list_jobs(workspace_of(context), limit, Query(state=state)).rows
    if as_json:
        print_json([to_json(job) for job in rows])
        return
    columns = ("id", "kind", "state", "progress", "author", "started_at", "outcome")
    print_table(columns, [_line(job) for job in rows])


def _line(job: Job) -> list[object]:
    progress = f"{job.done} of {job.total}" if job.total else ""
    return [job.id, job.kind, _state(job), progress, job.author, job.started_at, job.outcome[:60]]


def _state(job: Job) -> str:
    return f"{job.state}, stopping" if job.cancelling else str(job.state)


@app.command()
def show(
    context: typer.Context,
    job: JobId,
    lines: Annotated[int, typer.Option(help="Last lines of its story.", min=0, max=100_000)] = 30,
    as_json: Json = False,
) -> None:
    """Show a job: what was asked, how far it is, what it takes, what it said."""
    from andon.services.jobs import find_job, last_events

    workspace = workspace_of(context)
    found = find_job(workspace, job)
    events = last_events(workspace, found, lines)
    if as_json:
        print_json(to_json(found) | {"events": [to_json(event) for event in events]})
        return
    facts = to_json(found)
    usage = facts.pop("usage") or {}
    request = facts.pop("request")
    print_facts({**facts, **usage, **{f"request.{name}": value for name, value in request.items()}})
    for event in events:
        typer.echo(_said(event))


def _said(event: JobEvent) -> str:
    return f"{event.at[:19]} {event.kind:<12} {event.text or event.author}"


@app.command()
def cancel(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Stop a job. What is complete is kept; `andon jobs retry` goes on with it."""
    from andon.services.jobs import cancel_job

    _print_state(cancel_job(workspace_of(context), job), as_json)


@app.command()
def retry(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Let a job that failed or was cancelled wait for a worker again."""
    from andon.services.jobs import retry_job

    _print_state(retry_job(workspace_of(context), job), as_json)


def _print_state(job: Job, as_json: bool) -> None:
    if as_json:
        print_json(to_json(job))
        return
    print_facts({"job": job.id, "state": _state(job)})
