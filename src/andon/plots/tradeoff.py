"""What a cut costs: escapes and overkill over every possible cut."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair

from andon.domain.inspections import Verdict
from andon.domain.models import Cuts
from andon.plots.palette import Palette
from andon.plots.theme import Rows, cut_rules, data, sized, svg


@dataclass(frozen=True)
class TradeoffPoint:
    """At one cut: share of defective parts below it, and share of good parts from it on; 0..1."""

    cut: float
    escapes: float
    overkill: float


def tradeoff_curve(points: Sequence[TradeoffPoint], cuts: Cuts | None, palette: Palette) -> str:
    """Both rates over the cut, escapes solid and overkill dashed, with the chosen cuts; SVG."""
    rows: Rows = []
    for point in points:
        rows.append({"score": point.cut, "rate": point.escapes, "what": "escapes"})
        rows.append({"score": point.cut, "rate": point.overkill, "what": "overkill"})
    names = ["escapes", "overkill"]
    lines = (
        altair.Chart(data(rows))
        .mark_line(interpolate="step-after", strokeWidth=2.5)
        .encode(
            x=altair.X("score:Q", title="cut", scale=altair.Scale(domain=[0, 1], nice=False)),
            y=altair.Y("rate:Q", title="share of parts", axis=altair.Axis(format="%"), scale=_UNIT),
            color=altair.Color(
                "what:N", scale=altair.Scale(domain=names, range=[palette.text, palette.muted])
            ),
            strokeDash=altair.StrokeDash(
                "what:N", scale=altair.Scale(domain=names, range=[[1, 0], [6, 4]])
            ),
        )
    )
    chart = lines if cuts is None else altair.layer(lines, cut_rules(_colours(cuts, palette)))
    return svg(sized(chart, 240), palette)


_UNIT = altair.Scale(domain=[0, 1])


def _colours(cuts: Cuts, palette: Palette) -> dict[str, tuple[float, str]]:
    return {
        "review": (cuts.review, palette.verdicts[Verdict.REVIEW]),
        "reject": (cuts.reject, palette.verdicts[Verdict.REJECT]),
    }
