"""Reads the options of `andon recipes make`: cuts, polygons and rules written as text."""

from collections.abc import Mapping, Sequence

from andon.domain.annotations import Polygon
from andon.domain.models import Cuts
from andon.domain.ontologies import Severity
from andon.domain.recipes import Rule, Unit
from andon.errors import InvalidInput


def parse_cuts(texts: Sequence[str]) -> Mapping[str, Cuts]:
    """`CONCEPT=REVIEW,REJECT` -> cuts by concept."""
    cuts = {}
    for text in texts:
        concept, _, values = text.rpartition("=")
        numbers = _numbers(values.replace(",", " "), text)
        if not concept or len(numbers) != 2:
            raise InvalidInput(f"--cut {text!r} is not CONCEPT=REVIEW,REJECT", "Example: Crack=0.3,0.6")
        cuts[concept] = Cuts(*numbers)
    return cuts


def parse_polygons(texts: Sequence[str]) -> tuple[Polygon, ...]:
    """`X Y X Y X Y` -> polygons."""
    return tuple(_polygon(text) for text in texts)


def parse_rules(texts: Sequence[str]) -> tuple[Rule, ...]:
    """`CONCEPT:key=value,key=value` -> rules."""
    return tuple(_rule(text) for text in texts)


def _rule(text: str) -> Rule:
    concept, colon, rest = text.partition(":")
    if not colon or not concept:
        raise InvalidInput(f"--rule {text!r} is not CONCEPT:KEY=VALUE,...", "Example: Crack:min_length=4")
    values: dict[str, object] = {}
    for pair in rest.split(","):
        key, _, value = pair.strip().partition("=")
        values[key] = _rule_value(key, value, text)
    return Rule(concept, **values)  # type: ignore[arg-type]


def _rule_value(key: str, value: str, text: str) -> object:
    try:
        match key:
            case "min_area" | "min_length":
                return float(value)
            case "max_count":
                return int(value)
            case "unit":
                return Unit(value)
            case "severity":
                return Severity(value)
            case "within":
                return _polygon(value)
    except ValueError as cause:
        raise InvalidInput(f"--rule {text!r}: {key} cannot be {value!r}") from cause
    known = "min_area, min_length, max_count, unit, severity, within"
    raise InvalidInput(f"--rule {text!r} has the unknown key {key!r}", f"Known keys: {known}.")


def _polygon(text: str) -> Polygon:
    numbers = _numbers(text, text)
    if len(numbers) % 2:
        raise InvalidInput(f"polygon {text!r} has an odd number of coordinates")
    return Polygon(tuple(zip(numbers[::2], numbers[1::2], strict=True)))


def _numbers(text: str, whole: str) -> list[float]:
    try:
        return [float(number) for number in text.split()]
    except ValueError as cause:
        raise InvalidInput(f"{whole!r} holds something that is not a number") from cause
