"""The curves of a run as a chart of a page; drawn again only when there is a new point."""

from collections.abc import Sequence
from functools import lru_cache

from andon.domain.runs import MetricPoint
from andon.look.figures import Chart
from andon.look.sheets import variables
from andon.plots.palette import palette_from
from andon.plots.training import training_curves

Points = tuple[tuple[int, tuple[tuple[str, float], ...]], ...]


def curves_of(points: Sequence[MetricPoint]) -> Chart:
    """Losses above, metrics of the stop group below, over the steps."""
    return _drawn(tuple((point.step, tuple(sorted(point.values.items()))) for point in points))


@lru_cache(maxsize=32)
def _drawn(points: Points) -> Chart:
    last = points[-1]
    shown = [MetricPoint(step, 0.0, dict(values)) for step, values in points]
    words = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in last[1])
    drawing = training_curves(shown, palette_from(variables()))
    return Chart("How it learns", drawing, f"After step {last[0]}: {words}.")
