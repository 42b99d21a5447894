"""Options of `andon recipes make` that are written as text."""

import pytest

from andon.cli.recipe_options import costs_of, parse_costs, parse_health, parse_locate
from andon.domain.annotations import Box
from andon.domain.models import Costs
from andon.domain.recipes import HealthLimits
from andon.errors import InvalidInput


def test_what_is_not_said_is_as_usual() -> None:
    assert parse_health(None) == HealthLimits()
    assert parse_health("dark=0.1, stuck=5") == HealthLimits(dark=0.1, stuck=5)
    assert parse_locate(None) is None
    told = parse_locate("3f2a:x=10,y=20,width=60,height=40,least=0.7")
    assert told == ("3f2a", Box(10, 20, 60, 40), (40, 0.7))
    assert parse_costs(None) == {}
    given = parse_costs("escape=500,overkill=2,review=1,defect_percent=0.2")
    assert costs_of(given) == Costs(500, 2, 1, 0.002)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: parse_locate("3f2a:x=1,y=2,width=3"), "names no height"),
        (lambda: parse_locate("x=1,y=2,width=3,height=4"), "names no"),
        (lambda: parse_locate("3f:x=1,y=2,width=3,height=4,depth=5"), "unknown key 'depth'"),
        (lambda: parse_health("dark=x"), "not a number"),
        (lambda: parse_health("dark="), "dark cannot be"),
        (lambda: parse_health("dark=0.99"), "image health"),
        (lambda: parse_costs("escape=5"), "must name"),
        (lambda: costs_of(parse_costs("escape=5,overkill=1,review=1,defect_percent=100")), "between 0 and"),
    ],
)
def test_what_cannot_be_is_refused_in_words(wrong: object, said: str) -> None:
    assert callable(wrong)
    with pytest.raises(InvalidInput, match=said):
        wrong()
