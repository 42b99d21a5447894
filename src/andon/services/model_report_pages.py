"""The rows and sentences of a model's report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from andon import __version__
from andon.analysis.bounds import CONFIDENCE
from andon.analysis.breakdowns import GroupCount
from andon.analysis.cautions import RULES
from andon.analysis.metrics import ANY, separations
from andon.look.figures import Chart, Fact, Figure, Picture, figure_of
from andon.look.model_report import Breakdown, Cell, ConfusionRow, GroupRow, ModelReport, Warned
from andon.services.model_figures import DAY, DIMENSIONS, Measured
from andon.services.model_report_cases import Cases

MOST_GROUPS = 30
"""Rows of a table; of more groups those with most mistakes are listed."""

MOST_CONFUSED = 12
"""Concepts of the confusion, those on most test parts, so that it fits a sheet of paper."""

NOTHING, CLEAN = "nothing", "no defect"
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for the report."""

    misses: tuple[Picture, ...]
    false_alarms: tuple[Picture, ...]
    near: tuple[Picture, ...]
    charts: tuple[Chart, ...]


def view_of(measured: Measured, cases: Cases, drawn: Drawn, at: str) -> ModelReport:
    """Everything the page shows; ``at`` is when it was made."""
    manifest = measured.package.manifest
    return ModelReport(
        name=manifest.name,
        digest=measured.package.digest,
        judged=_judged(measured),
        facts=tuple(_facts(measured, at)),
        figures=tuple(_figures(measured)),
        warnings=tuple(Warned(caution.rule, caution.text) for caution in measured.cautions),
        rules=RULES,
        cuts=measured.cuts,
        breakdowns=(_concepts(measured), *_breakdowns(measured)),
        columns=tuple(_columns(measured)),
        confusion=tuple(_confusion(measured)),
        confusion_remarks=tuple(_confusion_remarks(measured)),
        charts=drawn.charts,
        misses=drawn.misses,
        missed=_missed(measured, cases),
        false_alarms=drawn.false_alarms,
        alarmed=_alarmed(measured, cases),
        near=drawn.near,
        notes=tuple(_notes(measured)),
    )


def _judged(measured: Measured) -> str:
    table = measured.table
    assert measured.evaluation.scores is not None
    bad, good = int(table.defective.sum()), int((~table.defective).sum())
    images, variant = len(measured.evaluation.scores.test), measured.evaluation.variant
    chose = "or chose its cuts" if measured.recipe is None else "or chose the cuts it suggested"
    known = f"none of which trained the model {chose}"
    if measured.package.manifest.origin is not None:
        known = f"none of which {chose.removeprefix('or ')} (or trained it, by the word of who imported it)"
    return (
        f"{bad + good:,} test parts ({bad:,} defective, {good:,} good; {images:,} images), {known}; "
        f"scored by the exported file ({variant}), judged by {measured.source}."
    )


def _facts(measured: Measured, at: str) -> Iterator[Fact]:
    manifest, evaluation = measured.package.manifest, measured.evaluation
    yield Fact("family", f"{manifest.kind}{', ' if manifest.encoder else ''}{manifest.encoder}")
    taken = manifest.input
    yield Fact("input", f"{taken.width} x {taken.height}, {taken.channels} channels, {taken.bit_depth} bit")
    yield Fact("data set", measured.snapshot.dataset)
    yield Fact("snapshot", measured.snapshot.digest, exact=True)
    if manifest.origin is None:
        yield Fact("run", measured.package.run or "unknown", exact=True)
    else:
        yield Fact("imported from", manifest.origin.file)
        yield Fact("file", manifest.origin.digest, exact=True)
    yield Fact("evaluated", f"{evaluation.at[:16].replace('T', ' ')} UTC by {evaluation.author}")
    yield Fact("reported", f"{at[:16].replace('T', ' ')} UTC, Andon {__version__}")


def _figures(measured: Measured) -> Iterator[Figure]:
    rates, table = measured.rates, measured.table
    if rates.escapes.of:
        yield figure_of("escapes", rates.escapes, "missed defects, underkill, false negatives")
    if rates.overkill.of:
        yield figure_of("overkill", rates.overkill, "good parts rejected, false positives")
        yield figure_of("good parts sent to review", rates.reviews)
    if table.defective.any() and not table.defective.all():
        found = separations(table)[ANY]
        n = found.defective + found.clean
        yield Figure("average precision, any defect", found.average_precision, n)
        yield Figure("AUROC, any defect", found.auroc, n)


def _concepts(measured: Measured) -> Breakdown:
    rows = tuple(
        GroupRow(
            f"{count.concept} (the model cannot name it)"
            if count.concept in measured.evaluation.unknown
            else count.concept,
            count.escapes,
            count.overkill,
            average_precision=count.average_precision,
        )
        for count in measured.concepts
    )
    return Breakdown(
        "By concept",
        rows,
        "Escapes: parts that show it and passed. Overkill: good parts that this concept's score rejects.",
    )


def _breakdowns(measured: Measured) -> Iterator[Breakdown]:
    for name, groups in measured.groups.items():
        yield _breakdown(measured, name, groups)
    unknown = [name for name in DIMENSIONS if name not in measured.groups]
    if unknown:
        remark = f"Nothing is known: no image of the test group names its {' or its '.join(unknown)}."
        yield Breakdown(f"By {', '.join(unknown)}", (), remark)


def _breakdown(measured: Measured, dimension: str, groups: Sequence[GroupCount]) -> Breakdown:
    listed, remark = _listed(groups)
    if sum(group.parts for group in groups) > len(measured.table.parts):
        remark += f" Parts with several values of {dimension} count in each."
    if dimension == DAY:
        remark += " Days are in UTC."
    rows = tuple(
        GroupRow(
            UNKNOWN if group.value is None else group.value,
            group.rates.escapes,
            group.rates.overkill,
            group.rates.reviews,
        )
        for group in listed
    )
    return Breakdown(f"By {dimension}", rows, remark.strip())


def _listed(groups: Sequence[GroupCount]) -> tuple[Sequence[GroupCount], str]:
    if len(groups) <= MOST_GROUPS:
        return groups, ""
    worst = sorted(groups, key=lambda group: (-_mistakes(group), -group.parts))
    kept, rest = worst[:MOST_GROUPS], worst[MOST_GROUPS:]
    parts, mistakes = sum(g.parts for g in rest), sum(_mistakes(g) for g in rest)
    remark = (
        f"The {MOST_GROUPS} with most mistakes; {len(rest):,} others hold {parts:,} parts and {mistakes:,} "
        "mistakes."
    )
    return [group for group in groups if group in kept], remark


def _mistakes(group: GroupCount) -> int:
    return group.rates.escapes.count + group.rates.overkill.count


def _places(measured: Measured) -> list[int]:
    """Places of the concepts that the confusion shows."""
    found = measured.confusion
    weight = found.counts.sum(axis=0) + found.counts.sum(axis=1)
    return sorted(sorted(range(len(found.concepts)), key=lambda place: -weight[place])[:MOST_CONFUSED])


def _columns(measured: Measured) -> Iterator[str]:
    places = _places(measured)
    yield from (measured.confusion.concepts[place] for place in places)
    yield NOTHING
    if len(places) < len(measured.confusion.concepts):
        yield "another concept"


def _confusion(measured: Measured) -> Iterator[ConfusionRow]:
    found, places = measured.confusion, _places(measured)
    last = len(found.concepts)
    left_out = [place for place in range(last) if place not in places]
    for row in (*places, last):
        counts = found.counts[row]
        shown = [int(counts[place]) for place in (*places, last)]
        if left_out:
            shown.append(int(counts[left_out].sum()))
        of = max(int(counts.sum()), 1)
        cells = [
            Cell(count, count / of, place == row)
            for count, place in zip(shown, (*places, last, -1), strict=False)
        ]
        yield ConfusionRow(CLEAN if row == last else found.concepts[row], tuple(cells))


def _confusion_remarks(measured: Measured) -> Iterator[str]:
    names = list(_columns(measured))
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
    yield f"Columns: {listed}."
    yield (
        "A part is taken for the concept with the highest score among those that reach their review cut. "
        "A part with several defects stands in the row of each; the others are then not looked at."
    )
    left_out = len(measured.confusion.concepts) - len(_places(measured))
    if left_out:
        yield f"{left_out} concepts with fewer parts have no row."


def _missed(measured: Measured, cases: Cases) -> str:
    of = measured.rates.escapes.of
    if not of:
        return "The test group has no defective part: nothing can be said about misses."
    if not cases.missed:
        return f"None of the {of:,} defective parts passed."
    return (
        f"{_some(len(cases.misses), cases.missed)} of {of:,} defective parts that passed, those furthest "
        "below their review cut first."
    )


def _alarmed(measured: Measured, cases: Cases) -> str:
    of = measured.rates.overkill.of
    if not of:
        return "The test group has no good part: nothing can be said about false alarms."
    if not cases.alarmed:
        return f"All {of:,} good parts passed."
    return (
        f"{_some(len(cases.false_alarms), cases.alarmed)} of {of:,} good parts that were rejected or sent "
        "to review, rejected ones with the highest scores first."
    )


def _some(shown: int, every: int) -> str:
    return f"{every:,}" if shown == every else f"{shown:,} of the {every:,} shown here,"


def _notes(measured: Measured) -> Iterator[str]:
    yield "Everything counts parts, never images; a part's score is the highest of its images."
    yield (
        "An escape is a defective part that passes; overkill is a good part that is rejected. A part that "
        "goes to review is neither."
    )
    yield (
        f"Intervals are exact (Clopper and Pearson 1934) at {CONFIDENCE:.0%}: one-sided for escapes, "
        "two-sided for the rest."
    )
    yield "The cuts judge alone: regions, sizes and counts that a recipe tolerates are not applied here."
    if measured.package.manifest.output.maps:
        yield (
            "Heat maps: the brighter, the surer the model is of a defect there; the left picture outlines "
            "what it found, the right one what people drew."
        )
    else:
        yield "This model judges whole images: it has no heat map, and its findings have no place."
