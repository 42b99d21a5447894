"""Train: snapshot -> run -> exported graph -> parity with the trained model -> package."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from andon import __version__
from andon.blobs.files import write_durably
from andon.blobs.locks import alone
from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.domain.models import ANOMALY, Manifest, Package, Parity, format_of
from andon.domain.runs import Family, MetricPoint, Run, TrainSettings
from andon.domain.serial import canonical, to_json
from andon.errors import AndonError, DiskFull, NotPossible
from andon.runtime.graph import check
from andon.runtime.parity import Reference, certify
from andon.services.datasets import load_snapshot
from andon.services.models import find_package, parity_table
from andon.services.runs import (
    begin_run,
    checkpoint_of,
    end_run,
    fail_run,
    nothing_to_start_from,
    record_metrics,
)
from andon.services.shipping import Proven, evidence, make_package
from andon.services.truths import (
    defect_names,
    is_located,
    learnable_concepts,
    read_mask,
    read_pixels,
    refuse_unlearnable,
    seen_by,
)
from andon.services.workspaces import Workspace
from andon.training import checkpoints
from andon.training.export import export
from andon.training.loop import train
from andon.training.samples import Sample
from andon.training.trained import TrainedModel, predict
from andon.units import Digest, digest_of

Report = Callable[[int, int | None, str], None]
"""Told (steps done, steps in all, what is measured now)."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Outcome of the job. ``remarks`` are what a person should know, one sentence each."""

    run: str
    digest: Digest
    steps: int
    chosen_by: str
    parity: tuple[Parity, ...]
    remarks: tuple[str, ...] = ()

    def parity_table(self) -> tuple[tuple[str, ...], list[list[object]]]:
        """One row per variant."""
        return parity_table(self.parity)

    def as_json(self) -> dict[str, object]:
        """The same for `--json`."""
        return {
            "run": self.run,
            "model": self.digest,
            "steps": self.steps,
            "chosen_by": self.chosen_by,
            "remarks": list(self.remarks),
            "parity": [to_json(parity) | {"passed": parity.passed} for parity in self.parity],
        }


def train_model(workspace: Workspace, dataset: str, settings: TrainSettings, report: Report) -> Trained:
    """Train on a snapshot and store the package; a run that was killed is continued.

    Raises:
        NotFound: the data set, or the model to start from. NotPossible: it cannot be learned from, or that
            model's weights are gone. TrainingDiverged, ParityFailed.
    """
    frozen = load_snapshot(workspace, dataset)
    refuse_unlearnable(frozen, settings)
    snapshot = seen_by(settings.family, frozen)
    concepts = _concepts(workspace, snapshot, settings)
    if settings.start is not None:
        _refuse_known_parts(workspace, snapshot, settings.start)
    run = begin_run(workspace, snapshot.digest, settings)
    with alone(workspace.locks / run.id, f"run {run.id}"):
        try:
            trained = _train(workspace, (snapshot, concepts), run, report)
            package = _ship(workspace, snapshot, run, trained)
        except DiskFull:
            raise  # the last checkpoint stands: the same call goes on when there is space
        except AndonError as error:
            fail_run(workspace, run, error.message)
            raise
        end_run(workspace, run, trained.steps, package)
    remarks = tuple(_remarks(trained))
    return Trained(run.id, package.digest, trained.steps, trained.chosen_by, package.parity, remarks)


def _remarks(trained: TrainedModel) -> Iterator[str]:
    if trained.settings.family is Family.PATCHES:
        yield f"Learnt in {trained.chosen_by}."
        if trained.settings.weights == "none":
            yield (
                "The encoder has random weights (--weights none): such a memory misses defects that "
                "trained weights find. Give a file of weights where there is one."
            )


def _refuse_known_parts(workspace: Workspace, snapshot: Snapshot, start: str) -> None:
    """What a model has learned from must not choose its cuts, nor say how good it is."""
    begun = find_package(workspace, start)
    if begun.manifest.origin is not None:
        raise nothing_to_start_from(begun)
    learned = load_snapshot(workspace, begun.manifest.snapshot)
    known = {item.part for item in (*learned.of(Split.TRAIN), *learned.of(Split.STOP))}
    asked = {item.part for item in (*snapshot.of(Split.CALIBRATION), *snapshot.of(Split.TEST))}
    if known & asked:
        raise NotPossible(
            f"model {start[:12]} has learned from {len(known & asked)} parts that shall measure it now",
            f"Freeze so that they stay where they were: andon datasets freeze {snapshot.dataset} "
            f"--like {learned.digest[:12]}",
        )


def _concepts(workspace: Workspace, snapshot: Snapshot, settings: TrainSettings) -> tuple[str, ...]:
    """What is learned, in ontology order; a model that is begun with keeps the outputs it has."""
    if settings.family is Family.PATCHES:
        return (ANOMALY,)
    shown = set(learnable_concepts(snapshot))
    if settings.start is not None:
        known = find_package(workspace, settings.start).manifest.output.concepts
        shown |= set(known) & defect_names(snapshot)
    return tuple(concept.name for concept in snapshot.concepts if concept.name in shown)


def _train(
    workspace: Workspace, lesson: tuple[Snapshot, tuple[str, ...]], run: Run, report: Report
) -> TrainedModel:
    snapshot, concepts = lesson
    folder = workspace.runs / run.id
    folder.mkdir(parents=True, exist_ok=True)
    if run.settings.start is not None and not (folder / checkpoints.START).exists():
        start = checkpoint_of(workspace, find_package(workspace, run.settings.start))
        write_durably(folder / checkpoints.START, start.read_bytes())
    samples = [_sample(workspace, item, concepts) for item in snapshot.items]

    def measured(point: MetricPoint, steps: int, seconds_left: float) -> None:
        record_metrics(workspace, run, point)
        report(point.step, steps, _caption(point, seconds_left))

    return train(samples, concepts, run.settings, folder, measured)


def _caption(point: MetricPoint, seconds_left: float) -> str:
    values = " ".join(f"{name} {value:.3f}" for name, value in sorted(point.values.items()))
    return f"{values}, {seconds_left:.0f} s left"


def _sample(workspace: Workspace, item: SnapshotItem, concepts: Sequence[str]) -> Sample:
    labels = item.concepts() & set(concepts)
    located = is_located(item, concepts)
    masks = {name: partial(read_mask, workspace.blobs, item, name) for name in labels} if located else {}
    return Sample(
        name=item.image,
        part=item.part,
        split=item.split,
        read=partial(read_pixels, workspace.blobs, item),
        labels=labels,
        masks=masks,
        located=located,
        regression=item.regression,
    )


def _ship(workspace: Workspace, snapshot: Snapshot, run: Run, trained: TrainedModel) -> Package:
    """Export, prove, and write the package; nothing is stored unless the reference variant passes."""
    graph_file = workspace.runs / run.id / "model.onnx"
    input_spec, output_spec = export(trained, graph_file)
    content = graph_file.read_bytes()
    graph = check(content, input_spec, output_spec)
    chosen = evidence(snapshot)
    parity = certify(graph, _references(workspace, trained, chosen), threads=run.settings.threads)
    draft = Manifest(
        name=f"{snapshot.dataset}-{run.settings.family}",
        family=run.settings.family,
        encoder="" if run.settings.family is Family.UNET else run.settings.encoder,
        input=input_spec,
        output=output_spec,
        snapshot=snapshot.digest,
        settings_digest=_settings_digest(run.settings, trained.steps),
        seed=run.settings.seed,
        code_version=__version__,
        files={},
        golden={},
        format=format_of(run.settings.family),
    )
    proven = Proven(graph, parity, chosen, run.settings.threads)
    return make_package(workspace, draft, proven, run.id)


def _references(
    workspace: Workspace, trained: TrainedModel, items: Sequence[SnapshotItem]
) -> list[Reference]:
    samples = [_sample(workspace, item, trained.concepts) for item in items]
    predictions = predict(trained, samples)
    return [
        Reference(item.name, read_pixels(workspace.blobs, item), found.scores, found.maps, found.features)
        for item, found in zip(items, predictions, strict=True)
    ]


def _settings_digest(settings: TrainSettings, steps: int) -> Digest:
    """Covers what decided the weights: minutes are replaced by their steps, a file by its content."""
    weights = settings.weights
    if weights not in ("imagenet", "none"):
        weights = digest_of(Path(weights).read_bytes())
    return digest_of(canonical(replace(settings, steps=steps, minutes=0.0, weights=weights)))
