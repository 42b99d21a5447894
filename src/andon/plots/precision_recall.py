"""Precision over recall, a line for each concept, with what its cuts do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair

from andon.plots.palette import Palette
from andon.plots.theme import Rows, data, sized, svg


@dataclass(frozen=True)
class PrecisionRecall:
    """Points (recall, precision), 0..1, in order of recall; ``place`` in the ontology gives the colour.

    Attributes:
        cuts: name of a cut (review, reject) -> the point at which it stands.
    """

    concept: str
    place: int
    points: Sequence[tuple[float, float]]
    cuts: Mapping[str, tuple[float, float]] = field(default_factory=dict)


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
    places = {
        "x": altair.X("recall:Q", title="recall (1 - escapes)", scale=unit),
        "y": altair.Y("precision:Q", title="precision", scale=unit),
        "color": altair.Color("concept:N", scale=colours),
    }
    lines = altair.Chart(data(rows)).mark_line(interpolate="step-before", strokeWidth=2.5)
    lines = lines.encode(**places, order=altair.Order("recall:Q"))
    chart = altair.layer(lines, _at_cuts(curves, places)) if any(c.cuts for c in curves) else lines
    return svg(sized(chart, 240), palette)


def _at_cuts(curves: Sequence[PrecisionRecall], places: Mapping[str, Any]) -> altair.Chart:
    rows: Rows = [
        {"recall": recall, "precision": precision, "concept": curve.concept, "cut": f"{name} cut"}
        for curve in curves
        for name, (recall, precision) in curve.cuts.items()
    ]
    names = altair.Scale(domain=["review cut", "reject cut"], range=["circle", "diamond"])
    points = altair.Chart(data(rows)).mark_point(filled=True, size=110, opacity=1)
    marked: altair.Chart = points.encode(**places, shape=altair.Shape("cut:N", scale=names))
    return marked
