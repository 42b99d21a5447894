"""Turns a frozen view into a page through the template of its name."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from andon.domain.inspections import Verdict
from andon.look.figures import FEW, Chart, data_uri
from andon.look.sheets import stylesheet


def render(template: str, view: object) -> str:
    """The page ``templates/<template>.html.j2`` of ``view``; every text in the view is escaped.

    Raises:
        BugError: a picture in the view is of an unknown kind.
    """
    page = _environment().get_template(f"{template}.html.j2")
    return page.render(view=view)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("andon.look", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(style=Markup(stylesheet()), verdicts=tuple(Verdict), few=FEW)
    environment.filters.update(percent=_percent, data_uri=data_uri, drawing=_drawing, count=_count)
    return environment


def _percent(value: float) -> str:
    """0..1 as a percentage with the digits that can matter."""
    share = 100 * value
    digits = 1 if share == 0 or 0.1 <= share < 99.95 or share >= 100 else 2
    return f"{share:.{digits}f} %"


def _count(value: int) -> str:
    return f"{value:,}"


def _drawing(chart: Chart) -> Markup:
    """The chart's svg, which this program drew and :class:`Chart` checked."""
    return Markup(chart.svg)
