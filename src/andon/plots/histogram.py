"""Scores of one concept, on parts that have it and on parts that do not, with the two cuts."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair
import numpy as np

from andon.domain.inspections import Verdict
from andon.domain.models import Cuts
from andon.plots.palette import Palette
from andon.plots.theme import Chart, Rows, cut_rules, data, sized, svg

BINS = 50


@dataclass(frozen=True)
class Scores:
    """Scores 0..1 of one concept; ``place`` is its place in the ontology and gives its colour."""

    concept: str
    place: int
    defective: Sequence[float]
    good: Sequence[float]


def score_histogram(scores: Scores, cuts: Cuts | None, palette: Palette) -> str:
    """Two histograms above each other, good parts first, each with its own count axis; SVG."""
    rules = None if cuts is None else cut_rules(_cut_colours(cuts, palette))
    rows = [
        _bars(f"without {scores.concept} (n = {len(scores.good)})", scores.good, palette.muted),
        _bars(
            f"with {scores.concept} (n = {len(scores.defective)})",
            scores.defective,
            palette.hue(scores.place),
        ),
    ]
    layers = [bars if rules is None else altair.layer(bars, rules) for bars in rows]
    return svg(altair.vconcat(*(sized(layer, 104) for layer in layers), spacing=8), palette)


def _cut_colours(cuts: Cuts, palette: Palette) -> dict[str, tuple[float, str]]:
    return {
        "review": (cuts.review, palette.verdicts[Verdict.REVIEW]),
        "reject": (cuts.reject, palette.verdicts[Verdict.REJECT]),
    }


def _bars(name: str, values: Sequence[float], colour: str) -> Chart:
    counts, edges = np.histogram(np.asarray(values, dtype=float), bins=BINS, range=(0.0, 1.0))
    rows: Rows = [
        {"score": float(low), "end": float(high), "parts": int(count)}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    score = altair.X("score:Q", title="score", bin="binned", scale=altair.Scale(domain=[0, 1], nice=False))
    parts = altair.Y("parts:Q", title="parts", axis=altair.Axis(tickCount=4, format="~d", tickMinStep=1))
    chart = altair.Chart(data(rows), title=altair.Title(name, offset=18)).mark_bar(
        color=colour, binSpacing=1
    )
    bars: Chart = chart.encode(x=score, x2="end:Q", y=parts)
    return bars
