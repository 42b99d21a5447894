"""The curves of a model's report: precision over recall, and escapes against overkill, with the cuts."""

from collections.abc import Iterator

import numpy as np

from andon.analysis.curves import precision_curve
from andon.look.figures import Chart
from andon.look.sheets import variables
from andon.plots.palette import palette_from
from andon.plots.precision_recall import PrecisionRecall, precision_recall
from andon.services.model_figures import Measured
from andon.services.score_charts import CURVE_POINTS, trade_chart

MOST_CONCEPTS = 8
"""So many concepts have curves, those on most test parts; as many hues can be told apart."""

LONGEST = 28
"""Letters of a concept's name in a chart."""


def charts_of_report(measured: Measured) -> tuple[Chart, ...]:
    """Empty where no test part is defective, or none is clean."""
    return (*_precision(measured), *_trades(measured))


def _drawn(measured: Measured) -> list[int]:
    """Places in the table of the concepts that are drawn."""
    table = measured.table
    shown = table.truth.sum(axis=0)
    found = [i for i, name in enumerate(table.concepts) if name in measured.cuts and shown[i]]
    return sorted(sorted(found, key=lambda i: -shown[i])[:MOST_CONCEPTS])


def _short(measured: Measured, place: int) -> str:
    name = measured.table.concepts[place]
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 4]}… {place + 1}"


def _precision(measured: Measured) -> Iterator[Chart]:
    table = measured.table
    curves = []
    for place in _drawn(measured):
        curve = precision_curve(table.scores[:, place], table.truth[:, place])
        cuts = measured.cuts[table.concepts[place]]
        chosen = np.unique(np.linspace(0, len(curve.cuts) - 1, CURVE_POINTS).astype(np.intp))
        points = zip(curve.recall[chosen].tolist(), curve.precision[chosen].tolist(), strict=True)
        standing = {"review": curve.at(cuts.review), "reject": curve.at(cuts.reject)}
        at_cuts = {name: point for name, point in standing.items() if point is not None}
        curves.append(PrecisionRecall(_short(measured, place), place, tuple(points), at_cuts))
    if curves:
        yield Chart(
            "Precision and recall",
            precision_recall(curves, palette_from(variables())),
            "Of the test parts from each cut on, the share that shows the concept, over the share of all "
            "that show it. A circle stands at the review cut, a diamond at the reject cut; a cut above "
            "every score has none.",
        )


def _trades(measured: Measured) -> Iterator[Chart]:
    table, drawn = measured.table, _drawn(measured)
    if len(table.concepts) > 1:
        yield from trade_chart("any defect", table.worst, table.defective, None)
    for place in drawn:
        kept = ~table.defective | table.truth[:, place]
        scores, shows = table.scores[kept, place], table.truth[kept, place]
        cuts = measured.cuts[table.concepts[place]]
        yield from trade_chart(_short(measured, place), np.asarray(scores), np.asarray(shows), cuts)
