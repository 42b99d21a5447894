"""What is done for a job of each kind."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from andon.domain.gates import GateRequest
from andon.domain.jobs import Job
from andon.domain.requests import (
    BenchmarkJob,
    EvaluateJob,
    FreezeJob,
    ImportJob,
    InspectJob,
    ReportJob,
    RescoreJob,
    SelectJob,
    TrainJob,
    TurnJob,
    read_request,
)
from andon.domain.runs import Run, RunState
from andon.services.gates import sentence_of
from andon.services.jobs import name_subject
from andon.services.workspaces import Workspace, now

Report = Callable[[int, int | None, str], None]
"""Told how much is done, of how much, and what is being done."""


def do(workspace: Workspace, job: Job, report: Report) -> str:
    """Do what ``job`` asks for, or go on with it; one sentence says what came of it.

    Raises:
        AndonError: as the work itself says.
    """
    asked = read_request(job.kind, job.request)
    match asked:
        case ImportJob():
            told = _import(workspace, job, asked, report)
        case TrainJob():
            told = _train(workspace, job, asked, report)
        case EvaluateJob():
            told = _evaluate(workspace, asked, report)
        case BenchmarkJob():
            told = _benchmark(workspace, asked, report)
        case InspectJob():
            told = _inspect(workspace, job, asked, report)
        case FreezeJob():
            told = _freeze(workspace, asked, report)
        case RescoreJob():
            told = _rescore(workspace, asked, report)
        case GateRequest():
            told = _gate(workspace, job, asked, report)
        case SelectJob():
            told = _select(workspace, asked, report)
        case TurnJob():
            told = _turn(workspace, asked, report)
        case ReportJob():
            told = _report(workspace, asked, report)
    return told


def _gate(workspace: Workspace, job: Job, asked: GateRequest, report: Report) -> str:
    from andon.jobs.gate import run_gate

    gate = run_gate(workspace, asked, report, job.id)
    for check in gate.outcome.checks:
        print(f"{'ok' if check.passed else 'NO'}: {check.name}: {check.measured}")  # noqa: T201
    return sentence_of(gate)


def _import(workspace: Workspace, job: Job, asked: ImportJob, report: Report) -> str:
    from andon.formats.entries import CLEAN_WORDS, Options
    from andon.formats.tables import MetadataTable
    from andon.jobs.import_images import ImportRequest, import_images
    from andon.services.uploads import discard_files

    clean = CLEAN_WORDS | {word.casefold() for word in asked.clean}
    request = ImportRequest(
        path=Path(asked.path),
        source=asked.source,
        author=job.author,
        at=now(),
        layout=asked.layout,
        options=Options(clean=clean, masks=asked.masks, mask_cut=asked.mask_cut),
        metadata=asked.metadata,
        table=MetadataTable(Path(asked.table)) if asked.table else None,
        add_concepts=asked.add_concepts,
        threads=asked.threads,
        job=job.id,
    )
    outcome = import_images(
        workspace.database, workspace.blobs, request, lambda done, total: report(done, total, "")
    )
    discard_files(workspace, Path(asked.path))
    for name, reason in outcome.left_out:
        print(f"left out: {name}: {reason}")  # noqa: T201
    for name, remark in outcome.remarks:
        print(f"note: {name}: {remark}")  # noqa: T201
    return outcome.sentence()


def _train(workspace: Workspace, job: Job, asked: TrainJob, report: Report) -> str:
    from andon.jobs.train import train_model
    from andon.services.datasets import load_snapshot
    from andon.services.runs import begin_run, find_run

    if job.attempts > 1:
        earlier = find_run(workspace, job.subject)
        if earlier is not None and earlier.state is RunState.FINISHED:
            return _trained(earlier)
    snapshot = load_snapshot(workspace, asked.dataset)
    run = begin_run(workspace, snapshot.digest, asked.settings)
    name_subject(workspace, job.id, run.id)
    trained = train_model(workspace, snapshot.digest, asked.settings, report)
    return _trained(replace(run, package=trained.digest, steps=trained.steps))


def _trained(run: Run) -> str:
    return f"Model {(run.package or '')[:12]} after {run.steps} steps."


def _evaluate(workspace: Workspace, asked: EvaluateJob, report: Report) -> str:
    from andon.services.evaluations import evaluate_model

    evaluation = evaluate_model(workspace, asked.model, asked.variant, asked.costs, report)
    for remark in evaluation.remarks:
        print(remark)  # noqa: T201
    return "Evaluated; cuts are suggested and the card is written."


def _benchmark(workspace: Workspace, asked: BenchmarkJob, report: Report) -> str:
    from andon.services.models import benchmark_model

    rows = benchmark_model(workspace, asked.model, asked.images, asked.threads, report)
    fastest = min(rows, key=lambda row: float(str(row["median"])), default=None)
    return "Nothing could be timed." if fastest is None else _timed(fastest)


def _timed(row: dict[str, object]) -> str:
    return (
        f"Fastest: {row['variant']}, median {row['median']:.2f} ms, 95 of 100 within {row['p95']:.2f} ms."
    )


def _inspect(workspace: Workspace, job: Job, asked: InspectJob, report: Report) -> str:
    from andon.jobs.inspect import InspectRequest, Overlays, inspect_images

    request = InspectRequest(
        folder=Path(asked.folder) if asked.folder else None,
        dataset=asked.dataset,
        recipe=asked.recipe,
        truth=Path(asked.truth) if asked.truth else None,
        out=Path(asked.out) if asked.out else None,
        variant=asked.variant,
        threads=asked.threads,
        overlays=Overlays(asked.overlays),
        job=job.id,
    )
    return inspect_images(workspace, request, report).sentence()


def _freeze(workspace: Workspace, asked: FreezeJob, report: Report) -> str:
    from andon.formats.splits import read_split_file
    from andon.services.datasets import freeze_dataset

    spec = asked.spec
    if asked.split_file is not None:
        spec = replace(spec, rule=replace(spec.rule, fixed=read_split_file(Path(asked.split_file))))
    frozen = freeze_dataset(workspace, spec, report)
    for remark in frozen.remarks():
        print(remark)  # noqa: T201
    return f"Snapshot {frozen.snapshot.digest[:12]} of {len(frozen.snapshot.items)} images."


def _select(workspace: Workspace, asked: SelectJob, report: Report) -> str:
    from andon.services.selections import make_selection

    made = make_selection(workspace, asked.settings, report)
    return f"Selection {made.id[:8]}: {len(made.picks)} of {made.looked_at} pictures to label."


def _rescore(workspace: Workspace, asked: RescoreJob, report: Report) -> str:
    from andon.services.recipes import rescore_recipe

    outcome = rescore_recipe(workspace, asked.recipe, report)
    changes = outcome["changes"]
    assert isinstance(changes, dict)
    flips = "".join(f"; {change}: {count}" for change, count in changes.items())
    return f"{outcome['judged']} judged anew, {outcome['changed']} with another verdict{flips}."


def _turn(workspace: Workspace, asked: TurnJob, report: Report) -> str:
    from andon.jobs.turn import do_turn

    turn = do_turn(workspace, asked.turn, report)
    last = turn.events[-1]
    if turn.ended:
        return f"{last.subject.capitalize()}: {last.detail}"
    return f"It waits after the step {last.step}: {last.detail}"


def _report(workspace: Workspace, asked: ReportJob, report: Report) -> str:
    from andon.services.model_reports import Target, make_report

    made = make_report(workspace, asked, Target(), report)
    if made.lacking is not None:
        return f"The report is written, without a PDF: {made.lacking.message}. {made.lacking.todo}"
    return f"The report is written; a reviewer would ask about {len(made.measured.cautions)} things."
