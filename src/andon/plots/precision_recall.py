"""Precision over recall, a line for each concept."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair

from andon.plots.palette import Palette
from andon.plots.theme import Rows, data, sized, svg


@dataclass(frozen=True)
class PrecisionRecall:
    """Points (recall, precision), 0..1, in order of recall; ``place`` in the ontology gives the colour."""

    concept: str
    place: int
    points: Sequence[tuple[float, float]]


def precision_recall(curves: Sequence[PrecisionRecall], palette: Palette) -> str:
    """All concepts in one chart; SVG."""
    rows: Rows = [
        {"recall": recall, "precision": precision, "concept": curve.concept}
        for curve in curves
        for recall, precision in curve.points
    ]
    colours = altair.Scale(
        domain=[curve.concept for curve in curves], range=[palette.hue(curve.place) for curve in curves]
    )
    unit = altair.Scale(domain=[0, 1], nice=False)
    chart = (
        altair.Chart(data(rows))
        .mark_line(interpolate="step-before", strokeWidth=2.5)
        .encode(
            x=altair.X("recall:Q", title="recall (1 - escapes)", scale=unit),
            y=altair.Y("precision:Q", title="precision", scale=unit),
            color=altair.Color("concept:N", scale=colours),
            order=altair.Order("recall:Q"),
        )
    )
    return svg(sized(chart, 240), palette)
