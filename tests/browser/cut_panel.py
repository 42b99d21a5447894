"""The panel of one concept's cuts in the recipe editor, as a hand uses it."""

from playwright.sync_api import Locator, Page

from andon.domain.models import Cuts


def slide(page: Page, panel: Locator, cut: str, score: float) -> None:
    """Drag a handle by its line to a score, across the curve below the histograms."""
    panel.scroll_into_view_if_needed()
    chart = panel.locator(".cut-chart")
    frame, line = chart.bounding_box(), panel.locator(f"[data-cut={cut}] .cut-grip").bounding_box()
    assert frame is not None and line is not None
    ticks = panel.locator(".chart-tick").all()
    ends = [tick.bounding_box() for tick in (ticks[0], ticks[-1])]
    assert ends[0] is not None and ends[1] is not None
    low, high = (end["x"] + end["width"] / 2 for end in ends if end is not None)
    page.mouse.move(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
    page.mouse.down()
    height = frame["y"] + frame["height"] - 60
    page.mouse.move(low + (high - low) * score, height, steps=4)
    page.mouse.up()


def shown(panel: Locator) -> Cuts:
    review, reject = (float(panel.locator(f"[name=cut_{n}]").input_value()) for n in ("review", "reject"))
    return Cuts(review, reject)
