"""The style sheets as text, and the tokens' colours for everything that is drawn outside of a browser."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from andon.errors import BugError

SHEETS = ("tokens", "page", "card", "table", "verdict", "rate", "gallery", "confusion", "paper")
"""Of reports, in the order in which they are joined."""

PAGES_SHEETS = (
    *SHEETS,
    "shell",
    "button",
    "form",
    "tabs",
    "empty",
    "notice",
    "dialog",
    "progress",
    "strip",
    "lamp",
    "overview",
    "tile",
    "canvas",
    "label",
    "selection",
    "cuts",
    "browse",
    "concept",
    "panel",
    "drop",
    "work",
    "found",
    "feedback",
    "station",
    "quality",
    "release",
    "signal",
    "gate",
)
"""Of pages: those of reports, and the components that only pages have. A new component adds its line."""

STATION_SHEETS = ("tokens", "page", "verdict", "button", "dialog", "operator")
"""Of the station's own page."""

_DECLARATION = re.compile(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6});")
_DARK = "@media (prefers-color-scheme: dark)"


class Theme(StrEnum):
    """Which of the two sets of colours."""

    LIGHT = "light"
    DARK = "dark"


@cache
def stylesheet() -> str:
    """The style sheets of reports, joined; safe to stand inside a ``style`` element."""
    return "\n".join(_sheet(name) for name in SHEETS)


@cache
def pages_stylesheet() -> str:
    """The style sheets of pages, joined."""
    return "\n".join(_sheet(name) for name in PAGES_SHEETS)


@cache
def station_stylesheet() -> str:
    """The style sheets of the station's page, joined."""
    return "\n".join(_sheet(name) for name in STATION_SHEETS)


def colours(theme: Theme) -> Mapping[str, str]:
    """Token name (without dashes in front) -> ``#rrggbb``.

    Raises:
        BugError: the two themes of the token sheet do not name the same colours.
    """
    light, _, dark = _sheet("tokens").partition(_DARK)
    themes = {Theme.LIGHT: dict(_DECLARATION.findall(light)), Theme.DARK: dict(_DECLARATION.findall(dark))}
    if themes[Theme.LIGHT].keys() != themes[Theme.DARK].keys():
        raise BugError("the light and the dark tokens do not name the same colours")
    return themes[theme]


def variables() -> Mapping[str, str]:
    """Token name -> ``var(--name, #rrggbb)``, for SVG that stands in a page and follows its theme."""
    return {name: f"var(--{name}, {value})" for name, value in colours(Theme.LIGHT).items()}


@cache
def _sheet(name: str) -> str:
    return files("andon.look").joinpath("css", f"{name}.css").read_text(encoding="utf-8")
