"""The pictures an evaluation shows: defective test parts that scored least, clean ones that scored most."""

from collections.abc import Sequence
from dataclasses import dataclass

from andon.domain.inspections import Verdict
from andon.runtime.execution import Executor
from andon.runtime.findings import regions_of
from andon.runtime.package import LoadedPackage
from andon.runtime.pixels import fit
from andon.services.evaluations import Evaluation, ScoredItem
from andon.services.pictures import overlay, thumbnail
from andon.services.scores import WorstCase, WorstCases
from andon.services.truths import defect_names, read_pixels
from andon.services.workspaces import Workspace

PICTURES = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """One test image as a person sees it; ``overlay`` and ``original`` are PNG files."""

    scored: ScoredItem
    verdict: Verdict
    overlay: bytes
    original: bytes

    @property
    def truth(self) -> tuple[str, ...]:
        """What is really on it."""
        return tuple(sorted(self.scored.item.concepts()))


@dataclass(frozen=True, slots=True)
class Gallery:
    """The worst of both kinds, worst first."""

    misses: tuple[Shown, ...]
    false_alarms: tuple[Shown, ...]


def draw_gallery(workspace: Workspace, loaded: LoadedPackage, evaluation: Evaluation) -> Gallery:
    """Run the model on the worst test images once more, and draw what it points at."""
    defects = defect_names(evaluation.snapshot)
    bad = [s for s in evaluation.test if s.item.concepts() & defects]
    clean = [s for s in evaluation.test if not s.item.concepts() & defects]
    draw = _Drawing(workspace, loaded, evaluation)
    return Gallery(
        misses=draw.all_of(sorted(bad, key=lambda s: s.worst)[:PICTURES]),
        false_alarms=draw.all_of(sorted(clean, key=lambda s: -s.worst)[:PICTURES]),
    )


def keep_gallery(workspace: Workspace, gallery: Gallery) -> WorstCases:
    """Store the pictures as blobs; gives what an evaluation remembers of them."""
    return WorstCases(
        tuple(_kept(workspace, shown) for shown in gallery.misses),
        tuple(_kept(workspace, shown) for shown in gallery.false_alarms),
    )


def _kept(workspace: Workspace, shown: Shown) -> WorstCase:
    drawn, original = workspace.blobs.put_many([shown.overlay, shown.original])
    item = shown.scored.item
    return WorstCase(item.image, item.name, shown.truth, shown.scored.worst, shown.verdict, drawn, original)


@dataclass(frozen=True, slots=True)
class _Drawing:
    workspace: Workspace
    loaded: LoadedPackage
    evaluation: Evaluation

    def all_of(self, scored: Sequence[ScoredItem]) -> tuple[Shown, ...]:
        executor = Executor(self.loaded.graph, self.evaluation.variant, threads=1)
        return tuple(self._one(executor, one) for one in scored)

    def _one(self, executor: Executor, one: ScoredItem) -> Shown:
        manifest = self.loaded.manifest
        pixels = read_pixels(self.workspace.blobs, one.item)
        prediction = executor.run(fit(pixels, manifest.input))
        regions = regions_of(prediction, manifest.output, (pixels.shape[0], pixels.shape[1]))
        verdict = _verdict(one, self.evaluation)
        drawn = thumbnail(overlay(pixels, regions, verdict, manifest.output.concepts))
        return Shown(one, verdict, drawn, thumbnail(pixels))


def _verdict(scored: ScoredItem, evaluation: Evaluation) -> Verdict:
    cuts = evaluation.choice.cuts
    if any(score >= cuts[name].reject for name, score in scored.scores.items()):
        return Verdict.REJECT
    return Verdict.REVIEW if any(s >= cuts[n].review for n, s in scored.scores.items()) else Verdict.PASS
