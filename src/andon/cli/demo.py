"""`andon demo`: the main job from end to end, then a line that runs; on drawn parts or your own images."""

import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from andon.cli.demo_line import (
    STATION,
    LineFolder,
    SimulatedParts,
    defective_parts,
    report_of,
    running_line,
    wait_for,
)
from andon.cli.session import Json, Session, print_json, print_table, progress_bar, talk
from andon.domain.datasets import DatasetSpec, Snapshot, Split
from andon.domain.images import ImageFilter
from andon.domain.models import Costs
from andon.domain.runs import Family, TrainSettings
from andon.services.inspection_reports import Summary
from andon.services.workspaces import Workspace, create_workspace
from andon.simulate.settings import LineSettings

COSTS = Costs(escape=100.0, overkill=5.0, review=1.0, defect_rate=0.05)


FRESH_FROM = 100_000
"""Number of the first fresh part: other lots of the same line, weeks after those that were learned from."""

FRESH_DEFECTS = 0.15
"""Share of defective parts among those that were not learned from."""

LINE_SEED = 2
"""The parts that pass by are drawn with another seed than those that were learned from."""

RATE = 20.0
"""Parts a second on the line."""


class Size(StrEnum):
    """How much work the demo is; tiny is what the tests run."""

    NORMAL = "normal"
    TINY = "tiny"


@dataclass(frozen=True, slots=True)
class Amount:
    """Parts to learn from and to inspect, steps, sides of pictures and of the network input in pixels, and
    parts that pass by on the line when it ends by itself."""

    parts: int
    fresh: int
    steps: int
    side: int
    input: int
    passing: int


AMOUNTS: Mapping[Size, Amount] = {
    Size.NORMAL: Amount(parts=900, fresh=400, steps=240, side=512, input=256, passing=1000),
    Size.TINY: Amount(parts=80, fresh=24, steps=12, side=96, input=96, passing=60),
}


def demo(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Folder of your own labelled images.")] = None,
    folder: Annotated[Path, typer.Option(help="Folder the demo works in.")] = Path("demo"),
    weights: Annotated[str, typer.Option(help="Weights to start from: none, imagenet or a file.")] = "none",
    size: Annotated[Size, typer.Option(help="normal: some minutes; tiny: some seconds.")] = Size.NORMAL,
    once: Annotated[
        bool, typer.Option("--once", help="End by itself: some parts pass, the last line is JSON.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import, freeze, train, evaluate, make a recipe, inspect fresh parts; then a line runs with pages.

    No question is asked. Without --data the parts are drawn, and the truth about the fresh ones is kept
    where the inspection never reads it; hub, worker and a station then run, 20 simulated parts a second
    pass by, and the pages can be watched until Ctrl-C (or, with --once, until some hundred parts passed).
    With --data the parts of the test group are inspected, and no line runs: there is no camera.

    Example: andon demo --once
    """
    session: Session = context.obj
    started = time.monotonic()
    workspace, _ = create_workspace(folder / "workspace", session.who)
    amount = AMOUNTS[size]
    source = data or _draw(folder / "parts", amount)
    model = _learn(workspace, _import(workspace, source), amount, weights)
    inspected = _inspect(workspace, folder, amount, simulated=data is None)
    if not as_json:
        print_table(*inspected.table())
    talk.print(f"Learned in {time.monotonic() - started:.0f} s. Report: {inspected.report}", soft_wrap=True)
    talk.print(f"Overlays: {inspected.folder / 'overlays'}", soft_wrap=True)
    found: dict[str, object] = {"inspected": inspected.as_json()}
    if data is None:
        found |= _run_line(workspace, model, LineFolder(folder / "line"), amount, once or as_json)
    if as_json:
        print_json(found)
    elif once:
        typer.echo(json.dumps(found, ensure_ascii=False))


def _draw(folder: Path, amount: Amount) -> Path:
    """Simulated parts to learn from; what a demo drew before is drawn anew."""
    from andon.simulate.folder import write_parts
    from andon.simulate.line import Line

    shutil.rmtree(folder, ignore_errors=True)
    with progress_bar("drawing parts") as bar:
        write_parts(folder, Line(_line(amount, 0.35)), range(amount.parts), bar.report)
    return folder


def _line(amount: Amount, defect_rate: float) -> LineSettings:
    return LineSettings(height=amount.side, width=amount.side, channels=1, defect_rate=defect_rate, seed=1)


def _import(workspace: Workspace, source: Path) -> str:
    from andon.jobs.import_images import ImportRequest, import_images
    from andon.services.workspaces import now

    name = str(source.resolve())
    request = ImportRequest(source, name, workspace.who, now(), add_concepts=True)
    with progress_bar("importing") as bar:
        outcome = import_images(workspace.database, workspace.blobs, request, bar.report)
    talk.print(", ".join(f"{title} {value}" for title, value in outcome.facts().items()), soft_wrap=True)
    return name


def _learn(workspace: Workspace, source: str, amount: Amount, weights: str) -> str:
    from andon.jobs.train import train_model
    from andon.services.datasets import freeze_dataset
    from andon.services.evaluations import evaluate_model
    from andon.services.recipes import RecipeRequest, make_recipe

    frozen = freeze_dataset(workspace, DatasetSpec("demo", ImageFilter(source=source)))
    for remark in frozen.remarks():
        talk.print(remark, soft_wrap=True)
    settings = _settings(frozen.snapshot, amount, weights)
    with progress_bar("training") as bar:
        trained = train_model(workspace, "demo", settings, bar.report)
    with progress_bar("evaluating") as bar:
        evaluation = evaluate_model(workspace, trained.digest, "onnxruntime/f32", COSTS, bar.report)
    for name, value in evaluation.facts().items():
        talk.print(f"{name}: {value}", soft_wrap=True)
    talk.print(f"Model card: {evaluation.card}", soft_wrap=True)
    make_recipe(workspace, RecipeRequest("demo", trained.digest, cuts={}, note="cuts from costs"))
    return trained.digest


def _settings(snapshot: Snapshot, amount: Amount, weights: str) -> TrainSettings:
    """What learns most in a few minutes: with weights the fast family; without, the classic U-Net where
    there are masks, and a small classifier where there are none."""
    from andon.domain.presets import preset
    from andon.services.truths import is_located, learnable_concepts

    concepts = learnable_concepts(snapshot)
    has_masks = any(item.labels and is_located(item, concepts) for item in snapshot.of(Split.TRAIN))
    if weights != "none":
        path = weights if weights == "imagenet" else str(Path(weights).resolve())
        chosen = replace(preset(Family.SEGMENT), weights=path)
    elif has_masks:
        chosen = replace(preset(Family.UNET), batch=8, learning_rate=3e-3, crop=0.5)
    else:
        chosen = replace(
            preset(Family.CLASSIFY), encoder="mobilenetv3_small_100", weights="none", learning_rate=2e-3
        )
    return replace(chosen, height=amount.input, width=amount.input, steps=amount.steps, threads=1)


def _inspect(workspace: Workspace, folder: Path, amount: Amount, *, simulated: bool) -> Summary:
    from andon.jobs.inspect import InspectRequest, inspect_images

    request = InspectRequest(folder=None, dataset="demo", recipe="demo", out=folder / "inspected")
    if simulated:
        images, truth = _draw_fresh(folder, amount)
        request = InspectRequest(
            folder=images, dataset=None, recipe="demo", truth=truth, out=folder / "inspected"
        )
    shutil.rmtree(folder / "inspected", ignore_errors=True)
    with progress_bar("inspecting fresh parts" if simulated else "inspecting the test group") as bar:
        return inspect_images(workspace, request, bar.report)


def _draw_fresh(folder: Path, amount: Amount) -> tuple[Path, Path]:
    """Parts the model has never seen, and the truth in a folder beside them."""
    from andon.simulate.folder import write_fresh_parts
    from andon.simulate.line import Line

    images, truth = folder / "fresh", folder / "truth"
    for old in (images, truth):
        shutil.rmtree(old, ignore_errors=True)
    line = Line(_line(amount, FRESH_DEFECTS))
    later = range(FRESH_FROM, FRESH_FROM + amount.fresh)
    with progress_bar("drawing fresh parts") as bar:
        return images, write_fresh_parts(images, truth, line, later, bar.report)


def _run_line(
    workspace: Workspace, model: str, folder: LineFolder, amount: Amount, once: bool
) -> dict[str, object]:
    """Let parts pass by; gives what became of them, nothing where somebody ended it with Ctrl-C."""
    from andon.services.approvals import approve
    from andon.services.line_summaries import summarise_line

    approve(workspace, model, "the demo looks at what follows")
    passing = amount.passing if once else None
    shown = SimulatedParts(passing, amount.passing, RATE, amount.side, FRESH_DEFECTS, LINE_SEED)
    with running_line(workspace, folder, shown) as hub:
        talk.print(f"Overview: {hub}   The station's page: {_page(workspace)}", soft_wrap=True)
        if passing is None:
            _watch(workspace)
            return {}
        with progress_bar("parts pass") as bar:
            wait_for(workspace, passing, lambda said: bar.report(sum(said.parts.values()), passing))
    return summarise_line(workspace, STATION, defective_parts(folder), folder.station).as_json()


def _page(workspace: Workspace) -> str:
    report = report_of(workspace)
    return report.page if report else ""


def _watch(workspace: Workspace) -> None:
    talk.print("The line runs until Ctrl-C.")
    with suppress(KeyboardInterrupt), progress_bar("parts pass") as bar:
        while True:
            report = report_of(workspace)
            counts = "" if report is None else f"{report.per_second:.1f}/s, p99 {report.p99:.0f} ms"
            bar.report(sum(report.parts.values()) if report else 0, None, counts)
            time.sleep(1.0)
    talk.print("Stopping the station, the worker and the hub.")
