"""The model card: what an evaluation found, as a page beside the package."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from andon.analysis.curves import trade_curve
from andon.analysis.cuts import bound_rates
from andon.analysis.metrics import ANY
from andon.analysis.parts import PartTable
from andon.domain.datasets import Snapshot, Split
from andon.domain.models import Cuts
from andon.look.figures import Chart, Fact, Figure, Picture, figure_of
from andon.look.model_card import CountRow, CutRow, ModelCard, render_model_card
from andon.look.sheets import variables
from andon.plots.histogram import Scores, score_histogram
from andon.plots.palette import palette_from
from andon.plots.tradeoff import TradeoffPoint, tradeoff_curve
from andon.runtime.package import CARD, LoadedPackage, attach
from andon.services.datasets import defective_parts, thin_groups
from andon.services.evaluations import Evaluation, table_of_test
from andon.services.galleries import Gallery, Shown

CURVE_POINTS = 400


def write_card(loaded: LoadedPackage, evaluation: Evaluation, gallery: Gallery) -> Path:
    """Render the card and put it beside the package, replacing an earlier one; gives its path."""
    attach(loaded.folder, CARD, render_model_card(_card(loaded, evaluation, gallery)).encode())
    return loaded.folder / CARD


def _card(loaded: LoadedPackage, evaluation: Evaluation, gallery: Gallery) -> ModelCard:
    table = table_of_test(evaluation)
    return ModelCard(
        name=loaded.manifest.name,
        digest=loaded.digest,
        facts=tuple(_facts(loaded, evaluation)),
        splits=tuple(str(split) for split in Split),
        counts=tuple(_counts(evaluation.snapshot)),
        figures=tuple(_figures(evaluation)),
        parity=evaluation.package.parity,
        cuts=tuple(_cut_rows(evaluation, table)),
        costs=None if evaluation.choice.cost is None else evaluation.costs,
        charts=tuple(_charts(evaluation, table)),
        misses=tuple(_picture(shown) for shown in gallery.misses),
        false_alarms=tuple(_picture(shown) for shown in gallery.false_alarms),
        limits=(*evaluation.remarks, *thin_groups(evaluation.snapshot), *_input_limits(loaded)),
    )


def _facts(loaded: LoadedPackage, evaluation: Evaluation) -> Iterator[Fact]:
    manifest = loaded.manifest
    yield Fact("family", manifest.kind)
    if manifest.origin is not None:
        yield Fact("imported from", manifest.origin.file)
        yield Fact("file", manifest.origin.digest, exact=True)
    if manifest.encoder:
        yield Fact("encoder", manifest.encoder)
    size = f"{manifest.input.height} x {manifest.input.width}, {manifest.input.channels} channels"
    yield Fact("input", f"{size}, {manifest.input.bit_depth} bit")
    yield Fact("judged as", str(evaluation.variant))
    yield Fact("data set", evaluation.snapshot.dataset)
    yield Fact("snapshot", evaluation.snapshot.digest, exact=True)
    if manifest.origin is None:
        yield Fact("run", evaluation.package.run or "", exact=True)
        yield Fact("seed", str(manifest.seed))
    yield Fact("Andon", manifest.code_version)


def _counts(snapshot: Snapshot) -> Iterator[CountRow]:
    shown = [defective_parts(snapshot.of(split)) for split in Split]
    yield CountRow("clean parts", tuple(sum(1 for c in parts.values() if not c) for parts in shown))
    for concept in snapshot.concepts:
        counts = tuple(sum(1 for c in parts.values() if concept.name in c) for parts in shown)
        if any(counts):
            yield CountRow(concept.name, counts)


def _figures(evaluation: Evaluation) -> Iterator[Figure]:
    if evaluation.rates:
        yield figure_of("escapes", evaluation.rates.escapes, "missed defects, underkill, false negatives")
        yield figure_of("overkill", evaluation.rates.overkill, "good parts rejected, false positives")
        yield figure_of("good parts sent to review", evaluation.rates.reviews)
    for name, found in evaluation.parts.items():
        title = "any defect" if name == ANY else name
        n = found.defective + found.clean
        yield Figure(f"average precision, {title}", found.average_precision, n)
        yield Figure(f"AUROC, {title}", found.auroc, n)
    for name, iou in evaluation.iou.items():
        title = "any defect" if name == ANY else name
        yield Figure(f"pixel IoU, {title}", iou, len(evaluation.test))


def _cut_rows(evaluation: Evaluation, table: PartTable | None) -> Iterator[CutRow]:
    for concept, cuts in evaluation.choice.cuts.items():
        rates = None if table is None else bound_rates(_alone(table, concept), {concept: cuts})
        yield CutRow(
            concept,
            cuts,
            rates.escapes if rates and rates.escapes.of else None,
            rates.overkill if rates and rates.overkill.of else None,
        )


def _alone(table: PartTable, concept: str) -> PartTable:
    """Parts that are clean or show ``concept``, seen through its score alone."""
    index = table.concepts.index(concept)
    kept = ~table.defective | table.truth[:, index]
    parts = tuple(np.array(table.parts)[kept].tolist())
    return PartTable(parts, (concept,), table.scores[kept][:, [index]], table.truth[kept][:, [index]])


def _charts(evaluation: Evaluation, table: PartTable | None) -> Iterator[Chart]:
    if table is None or not table.defective.any() or table.defective.all():
        return
    palette = palette_from(variables())
    curve = trade_curve(table.worst, table.defective)
    step = max(1, len(curve.cuts) // CURVE_POINTS)
    rows = zip(curve.cuts[::step], curve.escapes[::step], curve.overkill[::step], strict=True)
    points = [TradeoffPoint(min(float(c), 1.0), float(e), float(o)) for c, e, o in rows]
    only = evaluation.choice.cuts[table.concepts[0]] if len(table.concepts) == 1 else None
    yield Chart(
        "Escapes and overkill over the cut, any defect",
        tradeoff_curve(points, only, palette),
        "Share of defective parts below each cut, and of good parts from it on, in the test group.",
    )
    for place, concept in enumerate(table.concepts):
        truth, scores = table.truth[:, place], table.scores[:, place]
        yield Chart(
            f"Scores of {concept}",
            score_histogram(
                Scores(concept, place, scores[truth].tolist(), scores[~truth].tolist()),
                _shown(evaluation.choice.cuts.get(concept)),
                palette,
            ),
            f"{int(truth.sum())} test parts with {concept} and {int((~truth).sum())} without.",
        )


def _shown(cuts: Cuts | None) -> Cuts | None:
    """Cuts above every score are drawn at the end of the axis."""
    return None if cuts is None else Cuts(min(cuts.review, 1.0), min(cuts.reject, 1.0))


def _picture(shown: Shown) -> Picture:
    truth = ", ".join(shown.truth) or "clean"
    caption = f"truth: {truth}; score {shown.scored.worst:.3f}; {shown.verdict} by the suggested cuts"
    return Picture(shown.scored.item.name, caption, shown.overlay, shown.original)


def _input_limits(loaded: LoadedPackage) -> Iterator[str]:
    taken = loaded.manifest.input
    if taken.source_sizes:
        sizes = ", ".join(f"{width} x {height}" for height, width in taken.source_sizes)
        yield f"It takes images of {sizes} pixels only; others are NO-DECISION."
    yield f"Images are resized to {taken.width} x {taken.height}; what vanishes by that cannot be found."
