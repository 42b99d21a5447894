"""The tokens are the one source of colour, and their colours can be read by everybody."""

import itertools
import re
from importlib.resources import files

import pytest

from andon.look.sheets import SHEETS, Theme, colours, stylesheet, variables

VERDICTS = ("pass", "reject", "review", "no-decision")
each_theme = pytest.mark.parametrize("theme", list(Theme))


def channels(colour):
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def as_seen(colour, kind):
    """Linear-light simulation of dichromats: Viénot, Brettel, Mollon 1999."""
    red, green, blue = (
        (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in channels(colour)
    )
    if kind == "protan":
        return (0.11238 * red + 0.88762 * green,) * 2 + (0.00401 * red - 0.00401 * green + blue,)
    return (0.29275 * red + 0.70725 * green,) * 2 + (-0.02234 * red + 0.02234 * green + blue,)


@each_theme
def test_text_and_verdicts_have_the_contrast_of_wcag_aa(theme):
    token = colours(theme)
    for ground in ("page", "surface"):
        assert contrast(token["text"], token[ground]) >= 7
        assert contrast(token["muted"], token[ground]) >= 4.5
    for verdict in VERDICTS:
        assert contrast(token["on-verdict"], token[verdict]) >= 4.5
    for place in range(1, 9):
        assert contrast(token[f"concept-{place}"], token["surface"]) >= 3


@each_theme
@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_concepts_can_be_told_apart_by_the_colour_blind(theme, kind):
    hues = [as_seen(colours(theme)[f"concept-{place}"], kind) for place in range(1, 9)]
    for one, other in itertools.combinations(hues, 2):
        gap = (
            sum((abs(a) ** (1 / 3) - abs(b) ** (1 / 3)) ** 2 for a, b in zip(one, other, strict=True))
            ** 0.5
        )
        assert gap > 0.05


def test_no_concept_has_a_verdicts_colour():
    for theme in Theme:
        token = colours(theme)
        verdicts = {token[name] for name in VERDICTS}
        assert len(verdicts) == 4
        assert not verdicts & {token[f"concept-{place}"] for place in range(1, 9)}


def test_colours_stand_in_the_tokens_and_nowhere_else():
    for name in set(SHEETS) - {"tokens"}:
        sheet = files("andon.look").joinpath("css", f"{name}.css").read_text()
        assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(", sheet), name


def test_every_token_that_is_used_exists():
    sheet = stylesheet()
    declared = set(re.findall(r"(--[a-z0-9-]+):", sheet))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", sheet)) <= declared


def test_sheets_ask_nobody_for_anything():
    assert not re.search(r"url\(|@import|https?:", stylesheet())
    assert "</style" not in stylesheet()


def test_spaces_stand_on_the_grid_of_four_pixels():
    tokens = files("andon.look").joinpath("css", "tokens.css").read_text()
    assert all(int(space) % 4 == 0 for space in re.findall(r"--space-\d+: (\d+)px", tokens))


def test_pages_can_be_drawn_on_with_colours_that_follow_the_theme():
    assert variables()["reject"] == f"var(--reject, {colours(Theme.LIGHT)['reject']})"
