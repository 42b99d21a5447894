"""How a run went: losses on top, everything between 0 and 1 below."""

from collections.abc import Sequence

import altair

from andon.domain.runs import MetricPoint
from andon.plots.palette import Palette
from andon.plots.theme import Chart, Rows, data, sized, svg


def training_curves(points: Sequence[MetricPoint], palette: Palette) -> str:
    """A panel of losses and a panel of metrics over the steps; SVG. Empty panels are left out."""
    names = sorted({name for point in points for name in point.values})
    losses = [name for name in names if "loss" in name]
    metrics = [name for name in names if "loss" not in name]
    panels = [
        _panel(points, chosen, title, palette)
        for chosen, title in ((losses, "loss"), (metrics, "metric"))
        if chosen
    ]
    if not panels:
        panels = [_panel(points, ["loss"], "loss", palette)]
    return svg(altair.vconcat(*panels, spacing=16).resolve_scale(color="independent"), palette)


def _panel(points: Sequence[MetricPoint], names: list[str], title: str, palette: Palette) -> Chart:
    rows: Rows = [
        {"step": point.step, "value": point.values[name], "what": name}
        for point in points
        for name in names
        if name in point.values
    ]
    hues = [palette.hue(place) for place in range(len(names))]
    chart = (
        altair.Chart(data(rows))
        .mark_line(strokeWidth=2, point=altair.OverlayMarkDef(size=24))
        .encode(
            x=altair.X("step:Q", title="step", scale=altair.Scale(nice=False)),
            y=altair.Y("value:Q", title=title, scale=altair.Scale(zero=title == "loss")),
            color=altair.Color("what:N", scale=altair.Scale(domain=names, range=hues)),
        )
    )
    return sized(chart, 144)
