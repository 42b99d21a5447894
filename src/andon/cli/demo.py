"""`andon demo`: the whole loop on a simulated line; or the main job on your own images."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from andon.cli.demo_learn import (
    draw_fresh,
    draw_parts,
    hold_golden,
    import_folder,
    inspect,
    learn,
    settings_for,
)
from andon.cli.demo_line import LineFolder, RunningLine, report_of, running_line
from andon.cli.demo_plan import AMOUNTS, DATASET, NAME, STATION, Amount, Size
from andon.cli.session import Json, Session, print_json, print_table, progress_bar, talk
from andon.domain.datasets import DatasetSpec
from andon.domain.images import ImageFilter
from andon.services.workspaces import RECORDS, Workspace, create_workspace


def demo(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Folder of your own labelled images.")] = None,
    folder: Annotated[Path, typer.Option(help="Folder the demo works in.")] = Path("demo"),
    weights: Annotated[str, typer.Option(help="Weights to start from: none, imagenet or a file.")] = "none",
    size: Annotated[Size, typer.Option(help="normal: some minutes; tiny: about one.")] = Size.NORMAL,
    once: Annotated[
        bool, typer.Option("--once", help="End by itself after a turn; the last line is JSON.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The loop once round: learn, inspect, hear people, choose, label, learn, gate, release, compare.

    No question is asked. Without --data the parts are drawn. A first model from a small batch goes to a
    station; hub, worker and station run, 20 parts a second pass by, the light shifts, a new kind of defect
    appears, operators err. What is true is kept where station and hub never read it; people of the plant
    are told, and the table at the end is made with it. The pages can be watched all the while, and then
    until Ctrl-C (or, with --once, it ends by itself).
    With --data a model is made from your images and judges the test group; no line runs without a camera.

    Example: andon demo --once
    """
    session: Session = context.obj
    ends = once or as_json
    amount = AMOUNTS[size]
    started = time.monotonic()
    if data is not None:
        found = _own_images(_Asked(session.who, folder, amount, weights, as_json), data)
    else:
        found = _loop(_Asked(session.who, folder, amount, weights, as_json), ends)
    talk.print(f"\nThe demo took {time.monotonic() - started:.0f} s.")
    if as_json:
        print_json(found)
    elif once:
        typer.echo(json.dumps(found, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What somebody asked for; ``quiet``: nothing but JSON goes to stdout."""

    who: str
    folder: Path
    amount: Amount
    weights: str
    quiet: bool

    def learn(self, workspace: Workspace, spec: DatasetSpec) -> str:
        """A first model from the images that ``spec`` asks for; its digest."""
        return learn(workspace, spec, lambda snapshot: settings_for(snapshot, self.amount, self.weights))

    def report(self, workspace: Workspace, fresh: tuple[Path, Path] | None) -> dict[str, object]:
        """What the model makes of parts that it has not learned from."""
        found = inspect(workspace, self.folder, fresh)
        if not self.quiet:
            print_table(*found.table())
        talk.print(f"Report: {found.report}", soft_wrap=True)
        talk.print(f"Overlays: {found.folder / 'overlays'}", soft_wrap=True)
        return found.as_json()


def _own_images(asked: _Asked, data: Path) -> dict[str, object]:
    workspace, _ = create_workspace(asked.folder / "workspace", asked.who)
    query = ImageFilter(source=import_folder(workspace, data))
    asked.learn(workspace, DatasetSpec(NAME, query))
    return {"inspected": asked.report(workspace, None)}


def _loop(asked: _Asked, ends: bool) -> dict[str, object]:
    """Learn a first model, then let the loop turn once; what became of it."""
    from andon.cli.demo_loop import Demo, go_round
    from andon.services.approvals import approve
    from andon.services.line_summaries import summarise_line

    amount, folder = asked.amount, LineFolder(asked.folder / "line")
    workspace = _new_workspace(asked.folder, asked.who)
    begun = time.monotonic()
    import_folder(workspace, draw_parts(asked.folder / "parts", amount))
    hold_golden(workspace, amount)
    model = asked.learn(workspace, DATASET)
    inspected = asked.report(workspace, draw_fresh(asked.folder, amount))
    approve(workspace, model, "the first report was looked at; the line will show the rest")
    seconds = {"first model": round(time.monotonic() - begun, 1)}
    with running_line(workspace, folder, amount.line(), amount.pool) as line:
        talk.print(f"Overview: {line.hub}   The station's page: {line.page}", soft_wrap=True)
        demo = Demo(workspace, line, amount, asked.quiet, seconds)
        told = go_round(demo)
        truth = line.truth.all()
        if not ends:
            _watch(workspace, line)
    summary = summarise_line(workspace, STATION, truth, folder.station).as_json()
    return {"inspected": inspected, **summary, "loop": told, "seconds": demo.seconds}


def _new_workspace(folder: Path, who: str) -> Workspace:
    """Beside that of an earlier demo, whose line ended with it: its station would count from 1 again."""
    number = 1
    while (place := folder / f"workspace{number if number > 1 else ''}") and (place / RECORDS).exists():
        number += 1
    return create_workspace(place, who)[0]


def _watch(workspace: Workspace, line: RunningLine) -> None:
    talk.print(f"The line runs until Ctrl-C. Overview: {line.hub}", soft_wrap=True)
    line.resume()
    with suppress(KeyboardInterrupt), progress_bar("parts pass") as bar:
        while True:
            report = report_of(workspace)
            counts = "" if report is None else f"{report.per_second:.1f}/s, p99 {report.p99:.0f} ms"
            bar.report(sum(report.parts.values()) if report else 0, None, counts)
            time.sleep(1.0)
    talk.print("Stopping the station, the worker and the hub.")
