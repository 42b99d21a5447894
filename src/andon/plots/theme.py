"""One Altair theme, and the way from chart to SVG without network or browser."""

from typing import Any

import altair
import vl_convert

from andon.errors import BugError
from andon.plots.palette import Palette

WIDTH = 400
FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"

Chart = altair.Chart | altair.LayerChart | altair.FacetChart | altair.VConcatChart
Rows = list[dict[str, Any]]
"""Data of a chart, a dictionary a row."""


def data(rows: Rows) -> altair.InlineData:
    """Rows as Altair takes them, without pandas."""
    return altair.InlineData(values=rows)


def sized(chart: Chart, height: int) -> Chart:
    """The chart ``WIDTH`` wide and ``height`` high, in pixels of its own frame."""
    sized_chart: Chart = chart.properties(width=WIDTH, height=height)
    return sized_chart


def svg(chart: Chart, palette: Palette) -> str:
    """The chart as an ``svg`` element; text stays text and scales with the page.

    Raises:
        BugError: the chart could not be drawn.
    """
    specification = chart.to_dict(validate=True)
    specification["config"] = _config(palette)
    try:
        return str(vl_convert.vegalite_to_svg(specification, allowed_base_urls=[]))
    except ValueError as cause:
        raise BugError(f"a chart could not be drawn: {cause}") from cause


def cut_rules(cuts: dict[str, tuple[float, str]]) -> Chart:
    """Vertical rules at cuts on the x axis ``score``: name -> (place, colour)."""
    rows: Rows = [
        {"score": place, "name": f"{name} {place:.3g}", "align": align}
        for (name, (place, _)), align in zip(cuts.items(), ("right", "left"), strict=False)
    ]
    layers: list[altair.Chart] = []
    for row, (_, colour) in zip(rows, cuts.values(), strict=False):
        one = altair.Chart(data([row])).encode(x="score:Q")
        offset = -4 if row["align"] == "right" else 4
        layers.append(one.mark_rule(color=colour, strokeWidth=2, strokeDash=[6, 3]))
        layers.append(
            one.mark_text(color=colour, fontWeight="bold", align=row["align"], dx=offset, dy=-6).encode(
                text="name:N", y=altair.value(0)
            )
        )
    return altair.layer(*layers)


def _config(palette: Palette) -> dict[str, Any]:
    axis = {
        "domainColor": palette.line,
        "gridColor": palette.line,
        "gridOpacity": 0.6,
        "labelColor": palette.muted,
        "labelFontSize": 13,
        "tickColor": palette.line,
        "titleColor": palette.muted,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
    }
    return {
        "aria": False,
        "axis": axis,
        "background": "transparent",
        "font": FONT,
        "legend": {
            "labelColor": palette.text,
            "labelFontSize": 13,
            "orient": "top",
            "symbolBaseFillColor": palette.text,
            "symbolBaseStrokeColor": palette.text,
            "title": None,
        },
        "text": {"fontSize": 13},
        "title": {"anchor": "start", "color": palette.text, "fontSize": 14, "fontWeight": 600},
        "view": {"stroke": None},
    }
