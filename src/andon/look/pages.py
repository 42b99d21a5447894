"""Turns a frozen view into a page through the template of its name."""

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from andon.domain.inspections import Verdict
from andon.domain.parts import part_name
from andon.look.figures import FEW, Chart, data_uri
from andon.look.sheets import stylesheet

_HERE = "andon.look"


def render(template: str, view: object) -> str:
    """The report ``templates/<template>.html.j2`` of ``view``; every text in the view is escaped.

    Raises:
        BugError: a picture in the view is of an unknown kind.
    """
    page = _reports().get_template(f"{template}.html.j2")
    return page.render(view=view)


def environment(package: str) -> Environment:
    """Templates of ``package`` (its folder ``templates``), which may import and extend those of this one.

    Texts are escaped, and a name that a view lacks is an error. Filters: ``percent`` (0..1), ``count``,
    ``size`` (bytes), ``duration`` (seconds), ``clock``, ``day``, ``data_uri`` (encoded picture),
    ``drawing`` (a ``Chart``), ``part_name`` (key of a part).
    Globals: ``verdicts``, ``few``.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, "templates"), PackageLoader(_HERE, "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(verdicts=tuple(Verdict), few=FEW)
    made.filters.update(percent=_percent, data_uri=data_uri, drawing=_drawing, count=_count)
    made.filters.update(part_name=part_name)
    made.filters.update(size=_size, clock=_clock, day=_day, duration=_duration)
    return made


@cache
def _reports() -> Environment:
    made = environment(_HERE)
    made.globals.update(style=Markup(stylesheet()))
    return made


def _percent(value: float) -> str:
    """0..1 as a percentage with the digits that can matter."""
    share = 100 * value
    digits = 1 if share == 0 or 0.1 <= share < 99.95 or share >= 100 else 2
    return f"{share:.{digits}f} %"


def _count(value: int) -> str:
    return f"{value:,}"


def _size(number: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def _duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _clock(at: str) -> Markup:
    """Time of day, UTC; a script shows it in the reader's own zone, hovering shows the whole time."""
    return Markup('<time datetime="{0}" title="{0}" data-clock>{1}</time>').format(at, at[11:19])


def _day(at: str) -> Markup:
    """Day and minute, UTC; a script shows it in the reader's own zone."""
    return Markup('<time datetime="{0}" title="{0}" data-day>{1}</time>').format(
        at, at[:16].replace("T", " ")
    )


def _drawing(chart: Chart) -> Markup:
    """The chart's svg, which this program drew and :class:`Chart` checked."""
    return Markup(chart.svg)
