"""`andon releases`: recipe versions on their way to stations, and the way back."""

from typing import Annotated

import typer

from andon.cli.session import Json, Limit, print_facts, print_json, print_table, talk, workspace_of
from andon.domain.releases import ReleaseEvent
from andon.domain.serial import to_json

app = typer.Typer(
    help="Release a gated recipe to stations, follow it, roll it back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ReleaseId = Annotated[str, typer.Argument(help="Release id, or the beginning of one.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]


@app.command()
def make(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="NAME@VERSION, or NAME for its latest version.")],
    wave: Annotated[
        list[str],
        typer.Option(help="Stations of one wave, with commas between them. Repeatable: the next wave."),
    ],
    reason: Annotated[str, typer.Option(help="Why it goes out, in a sentence.")],
    gate: Annotated[str | None, typer.Option(help="Gate that passed. Default: the version's last.")] = None,
    shadow_parts: Annotated[
        int, typer.Option(help="Parts judged beside before the switch; 0: none.", min=0)
    ] = 200,
    shadow_minutes: Annotated[
        float, typer.Option(help="After so long it goes on with fewer, where there was no time.")
    ] = 60.0,
    shadow_flips: Annotated[
        float, typer.Option(help="Stops for a person if a larger share would have another verdict, 0 to 1.")
    ] = 0.5,
    shadow_passes: Annotated[
        float,
        typer.Option(help="Stops for a person if it would pass a larger share of rejected parts, 0 to 1."),
    ] = 0.3,
    watch_minutes: Annotated[float, typer.Option(help="How long a station is watched, at least.")] = 30.0,
    watch_parts: Annotated[int, typer.Option(help="Parts decided while watched, at least.", min=1)] = 200,
    factor: Annotated[
        float, typer.Option(help="It goes back if so many times as many are rejected as expected.", min=1.0)
    ] = 2.0,
    p99: Annotated[
        float | None,
        typer.Option(help="It goes back if 1 part in 100 takes more ms. Default: twice as before."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a recipe version to stations: shadow, switch, watch, done; a bad one goes back by itself.

    Its gate must have passed and its model be approved. A wave begins when the one before is done.

    Example: andon releases make tiles@4 --wave st-1 --wave st-2,st-3 --reason "finds the new crack"
    """
    from andon.domain.releases import ReleaseSettings
    from andon.domain.stations import WatchLimits
    from andon.services.releases import ReleaseRequest, release

    watch = WatchLimits(60 * watch_minutes, factor=factor, p99=p99, parts=watch_parts)
    shadow = (shadow_parts, 60 * shadow_minutes, shadow_flips)
    settings = ReleaseSettings(*shadow, watch, shadow_passes=shadow_passes)
    waves = tuple(tuple(name.strip() for name in one.split(",") if name.strip()) for one in wave)
    made = release(workspace_of(context), ReleaseRequest(recipe, waves, reason, gate, settings))
    if as_json:
        print_json(to_json(made))
        return
    print_facts({"release": made.id, "recipe": f"{made.recipe}@{made.recipe_version}", "gate": made.gate})
    talk.print(f"Next: andon releases show {made.id}", soft_wrap=True)


@app.command(name="list")
def list_(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List releases, newest first."""
    from andon.services.release_progress import page_of_releases

    rows = page_of_releases(workspace_of(context), None, limit).rows
    if as_json:
        print_json([to_json(row) for row in rows])
        return
    columns = ("release", "recipe", "state", "stations", "author", "at")
    print_table(
        columns,
        [
            (
                row.release.id,
                f"{row.release.recipe}@{row.release.recipe_version}",
                row.state.value,
                ", ".join(f"{name} {step.value}" for name, step in row.steps.items()),
                row.release.author,
                row.release.at[:19],
            )
            for row in rows
        ],
    )


@app.command()
def show(context: typer.Context, release: ReleaseId, as_json: Json = False) -> None:
    """Show a release: each station's step, what it really runs, its shadow, and what happened."""
    from andon.services.release_progress import progress

    found = progress(workspace_of(context), release)
    if as_json:
        print_json(to_json(found))
        return
    of = found.release
    facts = {"release": of.id, "recipe": f"{of.recipe}@{of.recipe_version}", "state": found.state.value}
    print_facts(facts | {"gate": of.gate, "why": of.reason, "by": of.author, "at": of.at})
    columns = (
        "wave",
        "station",
        "step",
        "really runs",
        "as of",
        "beside: judged",
        "other verdict",
        "parts",
    )
    rows = []
    for one in found.stations:
        report = one.station.report
        runs = f"{report.recipe}@{report.recipe_version}" if report and report.recipe else "nothing"
        tally = (one.shadow.judged, one.shadow.disagreeing, one.parts)
        said = (one.station.reported_at or "")[:19]
        rows.append((one.wave, one.station.name, one.last.step.value, runs, said, *tally))
    print_table(columns, rows)
    for stuck in (one.hindrance for one in found.stations if one.hindrance):
        typer.echo(f"{stuck.station} cannot go on: {stuck.message} {stuck.todo}".rstrip())
    _print_events(found.events[::-1])


def _print_events(events: tuple[ReleaseEvent, ...]) -> None:
    for event in events:
        typer.echo(f"{event.at[:19]} {event.station:<12} {event.step:<12} {event.reason} ({event.author})")


@app.command()
def rollback(
    context: typer.Context,
    release: ReleaseId,
    reason: Reason,
    station: Annotated[str | None, typer.Option(help="This one alone. Default: all of them.")] = None,
    as_json: Json = False,
) -> None:
    """Take a release back: its stations run what ran before; those not switched yet go no further."""
    from andon.services.releases import roll_back

    events = roll_back(workspace_of(context), release, reason, station)
    if as_json:
        print_json(to_json(events))
        return
    _print_events(events)


@app.command()
def stop(context: typer.Context, release: ReleaseId, reason: Reason, as_json: Json = False) -> None:
    """Let a release go no further: stations that wait or judge beside stay with what they run."""
    from andon.services.releases import stop as stop_release

    events = stop_release(workspace_of(context), release, reason)
    if as_json:
        print_json(to_json(events))
        return
    _print_events(events)


@app.command()
def acknowledge(context: typer.Context, release: ReleaseId, reason: Reason, as_json: Json = False) -> None:
    """Note that a release which stopped or went back by itself may stay so; Overview asks no more.

    Example: andon releases acknowledge 019a5 --reason "The lamp was dark; a new version comes tomorrow"
    """
    from andon.services.releases import acknowledge as acknowledge_release

    events = acknowledge_release(workspace_of(context), release, reason)
    if as_json:
        print_json(to_json(events))
        return
    _print_events(events)
