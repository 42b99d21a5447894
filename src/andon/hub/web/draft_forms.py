"""A draft of a recipe as a form: from its fields to a request, and from a recipe to its fields."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from starlette.datastructures import FormData

from andon.domain.annotations import Box, Polygon
from andon.domain.models import Cuts
from andon.domain.ontologies import Severity
from andon.domain.promises import PromiseWish
from andon.domain.recipes import HealthLimits, Locate, Rule, Unit
from andon.errors import InvalidInput
from andon.services.drafts import cut_template
from andon.services.recipes import RecipeRequest
from andon.services.workspaces import Workspace
from andon.units import Digest

T = TypeVar("T")

COSTS = ("escape", "overkill", "review", "defect_percent")

KEEP, CUT, NOT_AT_ALL = "keep", "cut", "none"
"""What becomes of the template: as it is, cut anew from a picture, or parts are not located."""


def request_of(workspace: Workspace, form: FormData) -> RecipeRequest:
    """What the form asks for; a template that was drawn is cut out and stored.

    Raises:
        InvalidInput: a field is missing or not of its kind; the message names it.
        NotFound: the picture to cut the template from is gone.
    """
    return RecipeRequest(
        name=_text(form, "name"),
        model=_text(form, "model"),
        cuts=cuts_of(form),
        rules=tuple(_rules(form)),
        regions=tuple(_polygons(_text(form, "regions"))),
        ignore=tuple(_polygons(_text(form, "ignore"))),
        part_type=_text(form, "part_type") or None,
        calibration=_text(form, "calibration") or None,
        note=_text(form, "note"),
        locate=_locate(workspace, form),
        health=_health(form),
        costs={name: _number(form, f"cost_{name}") for name in COSTS if _text(form, f"cost_{name}")},
        bound_in_view=_text(form, "bound_in_view") == "yes",
        promise=_promise(form),
    )


def cuts_of(form: FormData) -> Mapping[str, Cuts]:
    """Concept -> cuts.

    Raises:
        InvalidInput: a cut is no number, or there are more of one than of the other.
    """
    names, reviews, rejects = (_texts(form, f"cut_{name}") for name in ("concept", "review", "reject"))
    if not len(names) == len(reviews) == len(rejects):
        raise InvalidInput("the form's cuts are not complete", "Load the page again.")
    return {
        name: Cuts(_as(float, review, f"review cut of {name}"), _as(float, reject, f"reject cut of {name}"))
        for name, review, reject in zip(names, reviews, rejects, strict=True)
    }


def lines_of(polygons: tuple[Polygon, ...]) -> str:
    """One polygon a line, as the form's text fields hold them."""
    return "\n".join(line_of(polygon) for polygon in polygons)


def line_of(polygon: Polygon | None) -> str:
    """``X Y X Y X Y``; empty for none."""
    return "" if polygon is None else " ".join(f"{value:g}" for point in polygon.points for value in point)


RULE_FIELDS = ("concept", "min_area", "min_length", "max_count", "unit", "severity", "within")


def _rules(form: FormData) -> Iterator[Rule]:
    columns = [_texts(form, f"rule_{name}") for name in RULE_FIELDS]
    if len({len(column) for column in columns}) != 1:
        raise InvalidInput("the form's rules are not complete", "Load the page again.")
    for concept, area, length, count, unit, severity, within in zip(*columns, strict=True):
        if not concept:
            continue
        zone = list(_polygons(within))
        yield Rule(
            concept,
            min_area=_as(float, area or "0", f"minimum area for {concept}"),
            min_length=_as(float, length or "0", f"minimum length for {concept}"),
            max_count=_as(int, count or "0", f"count tolerated for {concept}"),
            within=zone[0] if zone else None,
            unit=_as(Unit, unit, f"unit of the rule for {concept}"),
            severity=_as(Severity, severity, f"severity for {concept}") if severity else None,
        )


def _polygons(text: str) -> Iterator[Polygon]:
    for line in filter(None, (line.strip() for line in text.splitlines())):
        numbers = [_as(float, word, f"coordinate in {line[:40]!r}") for word in line.split()]
        if len(numbers) % 2:
            raise InvalidInput(f"the polygon {line[:40]!r} has an odd number of coordinates")
        yield Polygon(tuple(zip(numbers[::2], numbers[1::2], strict=True)))


def _locate(workspace: Workspace, form: FormData) -> Locate | None:
    how = _text(form, "locate_how") or NOT_AT_ALL
    if how == NOT_AT_ALL:
        return None
    reach, least = _whole(form, "locate_reach"), _number(form, "locate_least")
    if how == KEEP:
        place = _whole(form, "locate_x"), _whole(form, "locate_y")
        return Locate(Digest(_text(form, "locate_template")), *place, reach, least)
    sides = (_number(form, f"locate_{name}") for name in ("x", "y", "width", "height"))
    return cut_template(workspace, _text(form, "locate_picture"), Box(*sides), (reach, least))


def _health(form: FormData) -> HealthLimits:
    usual = HealthLimits()
    values = {
        name: _number(form, f"health_{name}") if _text(form, f"health_{name}") else getattr(usual, name)
        for name in ("dark", "bright", "blurred")
    }
    stuck = _whole(form, "health_stuck") if _text(form, "health_stuck") else usual.stuck
    return HealthLimits(**values, stuck=stuck)


def _promise(form: FormData) -> PromiseWish | None:
    """Both fields are percentages; an empty rate asks for nothing."""
    if not _text(form, "promise_rate"):
        return None
    rate = _as(float, _text(form, "promise_rate"), "promised rate") / 100
    if not _text(form, "promise_confidence"):
        return PromiseWish(rate)
    return PromiseWish(
        rate, _as(float, _text(form, "promise_confidence"), "confidence of the promise") / 100
    )


def _texts(form: FormData, name: str) -> list[str]:
    return [value.strip() for value in form.getlist(name) if isinstance(value, str)]


def _text(form: FormData, name: str) -> str:
    found = _texts(form, name)
    return found[0] if found else ""


def _number(form: FormData, name: str) -> float:
    return _as(float, _text(form, name), name.replace("_", " "))


def _whole(form: FormData, name: str) -> int:
    return round(_number(form, name))


def _as(kind: Callable[[str], T], text: str, what: str) -> T:
    try:
        return kind(text)
    except ValueError as cause:
        raise InvalidInput(f"{what} cannot be {text[:40]!r}", "Correct the field and try again.") from cause
