"""`andon models`: judge packages on the file that ships, and measure how fast it answers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from andon.cli.session import (
    Json,
    Limit,
    print_facts,
    print_json,
    print_table,
    progress_bar,
    talk,
    workspace_of,
)
from andon.domain.approvals import Approval
from andon.domain.models import Costs
from andon.domain.serial import to_json

if TYPE_CHECKING:
    from andon.services.evaluations import Evaluation

app = typer.Typer(
    help="Evaluate and compare trained models (packages).", no_args_is_help=True, rich_markup_mode=None
)

Model = Annotated[
    str, typer.Argument(help="Model digest, or the beginning of one; 'latest' for the newest.")
]


@app.command(name="list")
def list_(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List models, newest first."""
    from andon.services.models import list_models

    rows = list_models(workspace_of(context), limit)
    if as_json:
        print_json(rows)
        return
    columns = ("digest", "name", "family", "encoder", "input", "variants")
    print_table(columns, [[str(row[column])[:40] for column in columns] for row in rows])


@app.command()
def show(context: typer.Context, model: Model = "latest", as_json: Json = False) -> None:
    """Show a model: manifest, parity of every variant, and what was measured on it."""
    from andon.services.models import show_model

    details = show_model(workspace_of(context), model)
    if as_json:
        print_json(details)
        return
    print_facts({name: value for name, value in details.items() if not isinstance(value, list | dict)})
    print_table(*_parity_rows(details["parity"]), title="parity")


def _parity_rows(parity: list[dict[str, object]]) -> tuple[tuple[str, ...], list[list[object]]]:
    columns = ("variant", "images", "largest gap", "flips", "passed", "reason")
    keys = ("variant", "images", "largest_gap", "flips", "passed", "reason")
    return columns, [[row[key] for key in keys] for row in parity]


CostEscape = Annotated[float, typer.Option(help="Cost of one defective part let through.", min=0)]
CostOverkill = Annotated[float, typer.Option(help="Cost of one good part rejected.", min=0)]
CostReview = Annotated[float, typer.Option(help="Cost of one part a person must look at.", min=0)]
DefectRate = Annotated[
    float,
    typer.Option(help="Share of defective parts expected on the line, not in the data set.", min=0, max=1),
]


@app.command(name="import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The ONNX file.")],
    manifest: Annotated[
        Path,
        typer.Option(help="What it takes and gives, .toml or .json: docs/models-from-elsewhere.md."),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            help="Frozen data set or snapshot whose calibration and test parts the model never saw."
        ),
    ],
    cost_escape: CostEscape = 100.0,
    cost_overkill: CostOverkill = 5.0,
    cost_review: CostReview = 1.0,
    defect_rate: DefectRate = 0.01,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1, max=256)] = 1,
    as_json: Json = False,
) -> None:
    """Import a model that was trained elsewhere and exported to ONNX, and evaluate it.

    Its file is checked, its preprocessing goes into the graph, and what comes of that must score like the
    file itself; otherwise nothing is stored. The calibration group gives cuts, the test group figures and
    bounds. That the model saw neither is your word: the card and the model's page say so.

    Example: andon models import welds.onnx --manifest welds.toml --dataset welds
    """
    from andon.jobs.import_model import ModelImportRequest, import_model

    costs = Costs(cost_escape, cost_overkill, cost_review, defect_rate)
    request = ModelImportRequest(file, manifest, dataset, costs, threads)
    with progress_bar("importing") as bar:
        imported = import_model(workspace_of(context), request, bar.report)
    if as_json:
        print_json(imported.as_json())
        return
    if not imported.is_new:
        talk.print("The same file, manifest and data set were imported before: it is the same model.")
    print_table(*imported.parity_table(), title="parity with the file")
    _print_evaluation(imported.evaluation)


@app.command()
def evaluate(
    context: typer.Context,
    model: Model = "latest",
    cost_escape: CostEscape = 100.0,
    cost_overkill: CostOverkill = 5.0,
    cost_review: CostReview = 1.0,
    defect_rate: DefectRate = 0.01,
    variant: Annotated[
        str, typer.Option(help="engine/precision to judge: onnxruntime/f32, openvino/f32, openvino/bf16.")
    ] = "onnxruntime/f32",
    as_json: Json = False,
) -> None:
    """Measure the exported file on parts it has not seen, and suggest cuts from costs.

    Cuts are chosen on the calibration group; metrics and the bound on escapes come from the test group.
    Writes the model card (HTML) with the worst misses and false alarms.

    Example: andon models evaluate latest --cost-escape 500 --cost-overkill 2 --defect-rate 0.002
    """
    from andon.services.evaluations import evaluate_model

    costs = Costs(cost_escape, cost_overkill, cost_review, defect_rate)
    with progress_bar("evaluating") as bar:
        evaluation = evaluate_model(workspace_of(context), model, variant, costs, bar.report)
    if as_json:
        print_json(evaluation.as_json())
        return
    _print_evaluation(evaluation)


def _print_evaluation(evaluation: "Evaluation") -> None:
    print_facts(evaluation.facts())
    print_table(*evaluation.cut_table(), title="suggested cuts")
    for remark in evaluation.remarks:
        talk.print(remark, soft_wrap=True)
    talk.print(f"Card: {evaluation.card}", soft_wrap=True)


@app.command()
def report(
    context: typer.Context,
    model: Model = "latest",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder, or a file that ends with .html or .pdf. Default: beside the package."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="NAME or NAME@VERSION whose cuts judge. Default: the model's newest, else those "
            "that the evaluation suggested."
        ),
    ] = None,
    images: Annotated[
        int, typer.Option(help="Most misses, and most false alarms, that are shown.", min=0, max=200)
    ] = 50,
    pdf: Annotated[bool, typer.Option(help="Write the PDF, too.")] = True,
    as_json: Json = False,
) -> None:
    """Report on a model: rates by concept, part type, line, day and lot, confusion, curves, mistakes.

    Test parts are judged from the scores that the latest evaluation kept; heat maps come from the exported
    file. It says what a reviewer would ask about. One HTML file holds everything; a PDF needs the library
    Pango of the system: without it the HTML is written, and the command ends with code 4.

    Example: andon models report latest --recipe tiles --out reports/tiles.pdf
    """
    from andon.domain.requests import ReportJob
    from andon.services.model_reports import Target, make_report

    asked, target = ReportJob(model, recipe, images), Target(out, pdf)
    with progress_bar("reporting") as bar:
        made = make_report(workspace_of(context), asked, target, bar.report)
    if as_json:
        print_json(made.as_json())
    else:
        print_facts(made.facts())
        print_table(*made.warning_table(), title="what a reviewer would ask about")
    if made.lacking is not None:
        raise made.lacking


Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is kept with who and when.")]


@app.command()
def approve(context: typer.Context, model: Model, reason: Reason, as_json: Json = False) -> None:
    """Let a model go to stations. It needs a variant that passed parity, and an evaluation.

    Example: andon models approve 3f2a --reason "0 of 212 defective test parts missed; agreed with quality"
    """
    from andon.services.approvals import approve as approve_model
    from andon.services.models import find_package

    workspace = workspace_of(context)
    _print_approval(approve_model(workspace, find_package(workspace, model).digest, reason), as_json)


@app.command()
def withdraw(context: typer.Context, model: Model, reason: Reason, as_json: Json = False) -> None:
    """Take an approval back: the model is assigned to no further station; those that run it go on.

    Example: andon models withdraw 3f2a --reason "misses scratches on lot 7"
    """
    from andon.services.approvals import withdraw as withdraw_model
    from andon.services.models import find_package

    workspace = workspace_of(context)
    _print_approval(withdraw_model(workspace, find_package(workspace, model).digest, reason), as_json)


def _print_approval(approval: Approval, as_json: bool) -> None:
    facts = to_json(approval)
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)


@app.command()
def benchmark(
    context: typer.Context,
    model: Model = "latest",
    images: Annotated[int, typer.Option(help="Images timed per variant.", min=3, max=10_000)] = 50,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1, max=256)] = 2,
    as_json: Json = False,
) -> None:
    """Time every variant from image bytes to verdict: median and 95th percentile of each stage, in ms."""
    from andon.services.models import benchmark_model

    with progress_bar("timing") as bar:
        rows = benchmark_model(workspace_of(context), model, images, threads, bar.report)
    if as_json:
        print_json(rows)
        return
    columns = tuple(rows[0])
    print_table(columns, [[_cell(row[column]) for column in columns] for row in rows])


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
