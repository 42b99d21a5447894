"""What the page says of models: what judges beside, and what the station can go back to."""

from dataclasses import dataclass

from andon.domain.recipes import Recipe
from andon.look.words import Words
from andon.station.state.line import LineState


@dataclass(frozen=True, slots=True)
class BackView:
    """The way back: the counter of the assignment that is left, and in words what is left for what."""

    counter: int
    now: str
    to: str


def back_view(state: LineState, words: Words) -> BackView | None:
    """What one touch goes back to; None where there is nothing, or it was done."""
    runs = state.assignment
    if runs is None or runs.fallback is None:
        return None
    return BackView(runs.counter, recipe_text(runs.recipe, words), recipe_text(runs.fallback.recipe, words))


def recipe_text(recipe: Recipe, words: Words) -> str:
    """A recipe version as people name it."""
    return words("page.recipe.version", recipe=recipe.name, version=recipe.version)


def shadow_text(state: LineState, words: Words) -> str:
    """How the model does that judges beside; empty without one."""
    count = state.shadow
    if count is None:
        return ""
    named = {"recipe": count.recipe, "version": count.recipe_version}
    if count.note:
        return words("page.shadow.note", note=count.note, **named)
    judged, dropped = words.number(count.judged), words.number(count.dropped)
    return words("page.shadow", judged=judged, dropped=dropped, **named)
