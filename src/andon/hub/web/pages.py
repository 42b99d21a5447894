"""Renders a page inside the shell: navigation on the left, in the order of the loop."""

from dataclasses import dataclass
from functools import cache
from itertools import groupby

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from andon.look.pages import environment


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation; ``group`` is empty for the first one, ``hotkey`` opens it."""

    key: str
    name: str
    path: str
    group: str
    hotkey: str


SECTIONS = (
    Section("overview", "Overview", "/", "", "1"),
    Section("images", "Images", "/images", "Build", "2"),
    Section("label", "Label", "/label", "Build", "L"),
    Section("datasets", "Data sets", "/datasets", "Build", "3"),
    Section("runs", "Runs", "/runs", "Build", "4"),
    Section("models", "Models", "/models", "Measure", "5"),
    Section("recipes", "Recipes", "/recipes", "Measure", "6"),
    Section("gates", "Gates", "/gates", "Measure", "G"),
    Section("releases", "Releases", "/releases", "Measure", "R"),
    Section("stations", "Stations", "/stations", "Measure", "7"),
    Section("inspections", "Inspections", "/inspections", "Measure", "8"),
    Section("quality", "Quality", "/quality", "Measure", "Q"),
    Section("feedback", "Feedback", "/feedback", "Learn", "F"),
    Section("selections", "Selections", "/selections", "Learn", "E"),
    Section("signals", "Signals", "/signals", "Learn", "S"),
    Section("jobs", "Jobs", "/jobs", "Work", "9"),
)
"""In the order of the loop, so that the menu explains the system. What has no page yet is not shown."""


def page(request: Request, template: str, view: object, title: str, section: str) -> HTMLResponse:
    """The page ``templates/<template>.html.j2`` of ``view``; every text in the view is escaped.

    ``title`` stands in the browser's tab and in the heading; ``section`` is the key of the navigation's
    entry that the page belongs to, and may be empty.
    """
    found = _environment().get_template(f"{template}.html.j2")
    shown = menu(request.app)
    return HTMLResponse(found.render(view=view, title=title, section=section, menu=shown, request=request))


def menu(app: FastAPI) -> tuple[tuple[str, tuple[Section, ...]], ...]:
    """Groups with those entries whose page exists in ``app``."""
    existing: frozenset[str] = app.state.paths
    shown = [section for section in SECTIONS if section.path in existing]
    return tuple((group, tuple(entries)) for group, entries in groupby(shown, lambda entry: entry.group))


@cache
def _environment() -> Environment:
    return environment("andon.hub.web")
