"""Reads the options of `andon recipes make`: what they say is written as text."""

import math
from collections.abc import Mapping, Sequence

from andon.domain.annotations import Box, Polygon
from andon.domain.models import Costs, Cuts
from andon.domain.ontologies import Severity
from andon.domain.promises import PromiseWish
from andon.domain.recipes import HealthLimits, Rule, Unit
from andon.errors import InvalidInput

REACH, LEAST = 40, 0.6
"""Pixels that a part may lie elsewhere, and from which correlation on it counts as found, if not said."""

LOCATE = ("x", "y", "width", "height", "reach", "least")
HEALTH = ("dark", "bright", "blurred", "stuck")
COSTS = ("escape", "overkill", "review", "defect_percent")
"""Keys of the options; those of costs as recipes keep them."""


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


def parse_locate(text: str | None) -> tuple[str, Box, tuple[int, float]] | None:
    """`IMAGE:x=..,y=..,width=..,height=..,reach=..,least=..` -> image, box, and how far and how alike."""
    if text is None:
        return None
    image, colon, rest = text.partition(":")
    values = _pairs(rest, "--locate", text, LOCATE)
    missing = [name for name in LOCATE[:4] if name not in values]
    if not (image and colon) or missing:
        raise InvalidInput(
            f"--locate {text!r} names no {', '.join(missing) or 'image'}",
            "Example: 3f2a:x=10,y=20,width=60,height=40 (digest of the image, or its beginning)",
        )
    box = Box(*(values[name] for name in LOCATE[:4]))
    return image, box, (round(values.get("reach", REACH)), values.get("least", LEAST))


def parse_health(text: str | None) -> HealthLimits:
    """`dark=..,bright=..,blurred=..,stuck=..` -> limits; what is not named is as usual."""
    values = _pairs(text or "", "--health", text or "", HEALTH)
    usual = HealthLimits()
    stuck = round(values.get("stuck", usual.stuck))
    dark, bright, blurred = (values.get(name, getattr(usual, name)) for name in HEALTH[:3])
    return HealthLimits(dark, bright, blurred, stuck)


def parse_costs(text: str | None) -> Mapping[str, float]:
    """`escape=..,overkill=..,review=..,defect_percent=..` -> all four; empty where nothing was given."""
    values = _pairs(text or "", "--costs", text or "", COSTS)
    if values and set(values) != set(COSTS):
        raise InvalidInput(
            f"--costs {text!r} must name {', '.join(COSTS)}",
            "Example: escape=500,overkill=2,review=1,defect_percent=0.2",
        )
    return values


def parse_promise(promise: str | None, confidence: str | None) -> PromiseWish | None:
    """`1%` and `95%` -> what is asked for; None where no promise is."""
    if promise is None:
        if confidence is not None:
            raise InvalidInput("--confidence says how sure a promise must be", "Give --promise, too.")
        return None
    rate = _percentage("--promise", promise)
    return (
        PromiseWish(rate)
        if confidence is None
        else PromiseWish(rate, _percentage("--confidence", confidence))
    )


def _percentage(option: str, text: str) -> float:
    """A rate, 0..1; without its sign nobody knows whether 1 is all or one of a hundred."""
    number, sign, rest = text.strip().partition("%")
    values = _numbers(number, f"{option} {text}")
    if not sign or rest or len(values) != 1:
        raise InvalidInput(f"{option} {text!r} is not a percentage", f"Example: {option} 1%")
    return values[0] / 100


def costs_of(values: Mapping[str, float]) -> Costs:
    """The costs that cuts are chosen from."""
    rate = values["defect_percent"] / 100
    if min(values.values()) < 0 or not 0 < rate < 1:
        raise InvalidInput("a cost is negative, or defect_percent is not between 0 and 100")
    return Costs(values["escape"], values["overkill"], values["review"], rate)


def _pairs(text: str, option: str, whole: str, known: Sequence[str]) -> dict[str, float]:
    """`KEY=NUMBER,KEY=NUMBER` -> numbers by key."""
    values = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        key, _, number = pair.partition("=")
        if key not in known:
            raise InvalidInput(
                f"{option} {whole!r} has the unknown key {key!r}", f"Known keys: {', '.join(known)}."
            )
        values[key] = next(iter(_numbers(number, whole)), math.nan)
        if not math.isfinite(values[key]):
            raise InvalidInput(f"{option} {whole!r}: {key} cannot be {number!r}")
    return values


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
