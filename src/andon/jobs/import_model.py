"""Import a model: checked file -> wrapped graph -> parity with the file -> package -> evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from andon import __version__
from andon.blobs.locks import alone
from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.domain.images import Shape
from andon.domain.model_imports import ModelImport
from andon.domain.models import (
    MAX_SOURCE_SIZES,
    Costs,
    ForeignOrigin,
    InputSpec,
    Manifest,
    Package,
    Parity,
    format_of,
)
from andon.domain.serial import canonical, to_json
from andon.errors import InvalidInput, NotFound, NotPossible, ParityFailed
from andon.formats.files import read_bounded
from andon.formats.import_manifests import read_import_manifest
from andon.runtime.execution import REFERENCE
from andon.runtime.foreign import open_foreign
from andon.runtime.graph import MAX_GRAPH_BYTES, CheckedGraph
from andon.runtime.originals import Original
from andon.runtime.parity import Reference, compare
from andon.runtime.wrapping import output_spec, wrap
from andon.services.datasets import load_snapshot
from andon.services.evaluations import Evaluation, evaluate_model
from andon.services.models import parity_table
from andon.services.shipping import Proven, evidence, make_package
from andon.services.truths import defect_names, read_pixels
from andon.services.workspaces import Workspace, now
from andon.store import models as stored_models
from andon.units import digest_of

Report = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class ModelImportRequest:
    """What is imported.

    Attributes:
        file: the ONNX file. manifest: what it takes and gives, as TOML or JSON.
        dataset: a frozen data set, or the digest of a snapshot: by the word of who asks, the model saw none
            of its calibration and test parts.
        costs: that cuts are chosen by.
        threads: of the engines.
    """

    file: Path
    manifest: Path
    dataset: str
    costs: Costs
    threads: int = 1


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """Outcome of the job; ``is_new`` is False where the same model was imported before."""

    package: Package
    evaluation: Evaluation
    is_new: bool

    def parity_table(self) -> tuple[tuple[str, ...], list[list[object]]]:
        """One row per variant."""
        return parity_table(self.package.parity)

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "model": self.package.digest,
            "new": self.is_new,
            "origin": to_json(self.package.manifest.origin),
            "parity": [to_json(parity) | {"passed": parity.passed} for parity in self.package.parity],
            "evaluation": self.evaluation.as_json(),
        }


def import_model(workspace: Workspace, request: ModelImportRequest, report: Report) -> ImportedModel:
    """Import a model and evaluate it; nothing is stored unless the wrapped graph scores like the file.

    Raises:
        NotFound: a file, the data set, or an expected picture.
        InvalidInput, LimitExceeded: the manifest or the model is not as it must be, or does not go with the
            pictures of the data set.
        NotPossible: the data set has no clean calibration part.
        Refused: the model gives NaN, infinity, or no probabilities where it is said to.
        ParityFailed: it gives something else than expected, or than its wrapped graph.
        ModelFailed: ONNX Runtime cannot run it.
    """
    stated = read_import_manifest(request.manifest)
    content = read_bounded(request.file, MAX_GRAPH_BYTES)
    snapshot = load_snapshot(workspace, request.dataset)
    _check_concepts(snapshot, stated)
    _check_groups(snapshot)
    taken = _input_spec(snapshot, stated)
    foreign = open_foreign(content, stated)
    graph = wrap(foreign, stated, taken, output_spec(stated, foreign))
    original = Original(foreign, stated, taken, request.threads)
    _check_expected(workspace, snapshot, stated, original)
    chosen = evidence(snapshot)
    parity = _prove(graph, _references(workspace, original, chosen, report), request.threads)
    origin = ForeignOrigin(request.file.name, digest_of(content), stated.learned_from)
    draft = _draft(stated, graph, snapshot, origin)
    with alone(workspace.locks / f"import-{origin.digest[:16]}", f"import of {origin.file}"):
        package = make_package(workspace, draft, Proven(graph, parity, chosen, request.threads), None)
        with workspace.database.write() as tx:
            is_new = stored_models.add(tx, package, workspace.who, now())
    evaluation = evaluate_model(workspace, package.digest, str(REFERENCE), request.costs, report)
    return ImportedModel(evaluation.package, evaluation, is_new)


def _check_concepts(snapshot: Snapshot, stated: ModelImport) -> None:
    known = defect_names(snapshot)
    for concept in stated.concepts:
        if concept.name not in known:
            raise InvalidInput(
                f"concept {concept.name[:60]!r} is no defect of data set {snapshot.dataset!r} "
                f"(it has {', '.join(sorted(known)) or 'none'})",
                "Name the workspace's own concepts in the manifest, or add the concept and freeze again.",
            )


def _check_groups(snapshot: Snapshot) -> None:
    calibration = snapshot.of(Split.CALIBRATION)
    defects = defect_names(snapshot)
    defective = {item.part for item in calibration if item.concepts() & defects}
    if all(item.part in defective for item in calibration):
        raise NotPossible(
            f"the calibration group of data set {snapshot.dataset!r} holds no clean part to choose cuts by",
            "Freeze a data set with clean parts that the model did not see.",
        )


def _input_spec(snapshot: Snapshot, stated: ModelImport) -> InputSpec:
    shapes = {item.shape for item in snapshot.items}
    kinds = sorted({(shape.channels, shape.bit_depth) for shape in shapes})
    if len(kinds) > 1:
        shown = " and ".join(_kind(*kind) for kind in kinds)
        raise InvalidInput(
            f"data set {snapshot.dataset!r} mixes pictures of {shown}",
            "Freeze a data set with one kind of pictures.",
        )
    (channels, bits), asked = kinds[0], stated.input
    if bits != asked.bit_depth:
        raise InvalidInput(
            f"the pictures of data set {snapshot.dataset!r} have {_kind(channels, bits)}, "
            f"the manifest says bit_depth {asked.bit_depth}"
        )
    sizes = _sizes(shapes)
    return InputSpec(asked.height, asked.width, channels, bits, source_sizes=sizes)


def _sizes(shapes: set[Shape]) -> tuple[tuple[int, int], ...]:
    sizes = sorted({(shape.height, shape.width) for shape in shapes})
    return tuple(sizes) if len(sizes) <= MAX_SOURCE_SIZES else ()


def _kind(channels: int, bits: int) -> str:
    return f"{channels} {'channel' if channels == 1 else 'channels'} of {bits} bits"


def _check_expected(
    workspace: Workspace, snapshot: Snapshot, stated: ModelImport, original: Original
) -> None:
    for expected in stated.expected:
        found = [item for item in snapshot.items if item.name == expected.image]
        if len({item.image for item in found}) != 1:
            many = f"{len(found)} pictures of data set" if found else "no picture of data set"
            raise NotFound(
                f"{many} {snapshot.dataset!r} has the name {expected.image[:80]!r}, which is expected",
                "Name pictures as `andon images list` does.",
            )
        original.check(expected, read_pixels(workspace.blobs, found[0]))


def _references(
    workspace: Workspace, original: Original, items: Sequence[SnapshotItem], report: Report
) -> list[Reference]:
    references = []
    for number, item in enumerate(items, start=1):
        references.append(original.reference(item.name, read_pixels(workspace.blobs, item)))
        report(number, len(items), "the file as it came")
    return references


def _prove(graph: CheckedGraph, references: Sequence[Reference], threads: int) -> tuple[Parity, ...]:
    """Maps count as scores do: a wrong channel or axis need not show in any score."""
    parity = compare(graph, references, threads=threads)
    own = next(one for one in parity if one.variant == REFERENCE)
    if not own.passed or own.largest_map_gap > own.tolerance:
        raise ParityFailed(
            f"the wrapped model differs from its file by {own.largest_gap:.4g} in scores (worst on "
            f"{own.worst or 'no image'}) and {own.largest_map_gap:.4g} in maps, {own.tolerance:g} is "
            f"allowed; {len(own.flips)} of {own.images} verdicts flip",
            "Nothing was stored. A model that gives other numbers each time cannot be imported; if it does "
            "not, please report this.",
        )
    return parity


def _draft(stated: ModelImport, graph: CheckedGraph, snapshot: Snapshot, origin: ForeignOrigin) -> Manifest:
    return Manifest(
        name=stated.name,
        family=None,
        encoder="",
        input=graph.input,
        output=graph.output,
        snapshot=snapshot.digest,
        settings_digest=digest_of(canonical(stated)),
        seed=0,
        code_version=__version__,
        files={},
        golden={},
        format=format_of(None),
        origin=origin,
    )
