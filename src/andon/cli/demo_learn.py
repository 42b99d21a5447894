"""The demo's beginning: images, data set, model, recipe, and a report on parts not learned from."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from andon.cli.demo_plan import COSTS, EARLIER, FRESH, NAME, Amount
from andon.cli.session import progress_bar, talk
from andon.domain.datasets import DatasetSpec, Snapshot, Split
from andon.domain.presets import preset
from andon.domain.runs import Family, TrainSettings
from andon.services.inspection_reports import Summary
from andon.services.workspaces import Workspace

LEARNED_DEFECTS = 0.5
"""Share of defective parts in a first batch: somebody collected them."""

Choose = Callable[[Snapshot], TrainSettings]


def draw_parts(folder: Path, amount: Amount) -> Path:
    """Simulated parts with labels, those that are held for gates last; what a demo drew before is drawn
    anew."""
    from andon.simulate.folder import write_parts
    from andon.simulate.line import Line

    shutil.rmtree(folder, ignore_errors=True)
    wanted = range(EARLIER, EARLIER + amount.parts + amount.golden)
    with progress_bar("drawing parts") as bar:
        write_parts(folder, Line(amount.before(LEARNED_DEFECTS)), wanted, bar.report)
    return folder


def hold_golden(workspace: Workspace, amount: Amount) -> None:
    """Hold the last of the drawn parts for gates: no model ever learns from them."""
    from andon.domain.gates import Purpose
    from andon.services.holdouts import hold_part
    from andon.simulate.line import Line

    drawn = Line(amount.before(LEARNED_DEFECTS)).parts(EARLIER + amount.parts, amount.golden)
    for part in drawn:
        hold_part(workspace, part.serial, Purpose.GOLDEN, "held before anything was learned")
    talk.print(f"{amount.golden} labelled parts are golden: gates ask them, no model learns from them.")


def draw_fresh(folder: Path, amount: Amount) -> tuple[Path, Path]:
    """Parts the model has never seen, and the truth in a folder beside them."""
    from andon.simulate.folder import write_fresh_parts
    from andon.simulate.line import Line

    images, truth = folder / "fresh", folder / "truth"
    for old in (images, truth):
        shutil.rmtree(old, ignore_errors=True)
    line, wanted = Line(amount.before(COSTS.defect_rate)), range(FRESH, FRESH + amount.fresh)
    with progress_bar("drawing fresh parts") as bar:
        return images, write_fresh_parts(images, truth, line, wanted, bar.report)


def import_folder(workspace: Workspace, source: Path) -> str:
    """Import labelled images; gives the name of their source."""
    from andon.jobs.import_images import ImportRequest, import_images
    from andon.services.workspaces import now

    name = str(source.resolve())
    request = ImportRequest(source, name, workspace.who, now(), add_concepts=True)
    with progress_bar("importing") as bar:
        outcome = import_images(workspace.database, workspace.blobs, request, bar.report)
    talk.print(", ".join(f"{title} {value}" for title, value in outcome.facts().items()), soft_wrap=True)
    return name


def learn(workspace: Workspace, spec: DatasetSpec, choose: Choose) -> str:
    """Freeze what ``spec`` asks for, train, evaluate, make the recipe; gives the model's digest."""
    from andon.jobs.train import train_model
    from andon.services.datasets import freeze_dataset
    from andon.services.evaluations import evaluate_model
    from andon.services.recipes import RecipeRequest, make_recipe

    frozen = freeze_dataset(workspace, spec)
    for remark in frozen.remarks():
        talk.print(remark, soft_wrap=True)
    with progress_bar("training") as bar:
        trained = train_model(workspace, spec.name, choose(frozen.snapshot), bar.report)
    with progress_bar("evaluating") as bar:
        evaluation = evaluate_model(workspace, trained.digest, "onnxruntime/f32", COSTS, bar.report)
    for name, value in evaluation.facts().items():
        talk.print(f"{name}: {value}", soft_wrap=True)
    talk.print(f"Model card: {evaluation.card}", soft_wrap=True)
    make_recipe(workspace, RecipeRequest(NAME, trained.digest, cuts={}, note="cuts from costs"))
    return trained.digest


def cuts_again(workspace: Workspace, recipe: str) -> str:
    """The recipe's next version, with cuts that people's words on the line choose; ``NAME@VERSION``.

    The same version where those are too few.
    """
    from andon.services.line_cuts import cheapest_on_line
    from andon.services.recipes import RecipeRequest, find_recipe, make_recipe

    model = find_recipe(workspace, recipe).package
    asked = RecipeRequest(NAME, model, cuts={}, note="cuts from the line", line_chose=True)
    with progress_bar("choosing cuts") as bar:
        found = cheapest_on_line(workspace, asked, COSTS, bar.report)
    if found is None:
        return recipe
    talk.print(f"cuts {found.words}", soft_wrap=True)
    made = make_recipe(workspace, replace(asked, cuts=found.cuts))
    return f"{NAME}@{made['version']}"


def settings_for(snapshot: Snapshot, amount: Amount, weights: str) -> TrainSettings:
    """What learns most in a few minutes: with weights the fast family; without, the classic U-Net where
    there are masks, and a small classifier where there are none."""
    from andon.services.truths import is_located, learnable_concepts

    concepts = learnable_concepts(snapshot)
    has_masks = any(item.labels and is_located(item, concepts) for item in snapshot.of(Split.TRAIN))
    if weights == "none" and has_masks:
        return amount.train()
    if weights != "none":
        path = weights if weights == "imagenet" else str(Path(weights).resolve())
        chosen = replace(preset(Family.SEGMENT), weights=path)
    else:
        chosen = replace(
            preset(Family.CLASSIFY), encoder="mobilenetv3_small_100", weights="none", learning_rate=2e-3
        )
    return replace(chosen, height=amount.input, width=amount.input, steps=amount.steps, threads=1)


def inspect(workspace: Workspace, folder: Path, fresh: tuple[Path, Path] | None) -> Summary:
    """Inspect fresh parts (their folder and the truth about them), or the test group of the data set."""
    from andon.jobs.inspect import InspectRequest, inspect_images

    images, truth = fresh or (None, None)
    dataset = NAME if fresh is None else None
    request = InspectRequest(images, dataset, recipe=NAME, truth=truth, out=folder / "inspected")
    shutil.rmtree(folder / "inspected", ignore_errors=True)
    with progress_bar("inspecting the test group" if fresh is None else "inspecting fresh parts") as bar:
        return inspect_images(workspace, request, bar.report)
