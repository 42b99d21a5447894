"""Recipes, version by version; a version never changes."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from andon.domain.recipes import Recipe
from andon.domain.serial import from_json
from andon.errors import NotFound
from andon.store import models
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import as_text, from_text, matching, next_version
from andon.store.tables import recipes
from andon.units import Digest


def add_version(tx: Connection, draft: Recipe) -> Recipe:
    """Put ``draft`` in force as the next version of its name; its own version number does not matter.

    Raises:
        NotFound: its package is not recorded.
    """
    models.package_id(tx, draft.package)
    recipe = replace(draft, version=next_version(tx, recipes, name=draft.name))
    names = ("name", "version", "part_type", "package", "author", "at")
    values = {name: getattr(recipe, name) for name in names}
    tx.execute(recipes.insert(), values | {"body": as_text(recipe)})
    return recipe


def latest(tx: Connection, name: str) -> Recipe:
    """The version of a recipe that is in force.

    Raises:
        NotFound: there is no such recipe.
    """
    statement = select(recipes).where(recipes.c.name == name).order_by(recipes.c.version.desc()).limit(1)
    row = tx.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"there is no recipe {name!r}", "Make one with `andon recipes make`.")
    return _recipe(row)


def get(tx: Connection, name: str, version: int) -> Recipe:
    """One version of a recipe.

    Raises:
        NotFound: there is no such version.
    """
    return _recipe(_row(tx, name, version))


def newest_of(tx: Connection, package: Digest) -> Recipe | None:
    """The version that was made last with a package, of any name; None: there is none."""
    statement = select(recipes).where(recipes.c.package == package).order_by(recipes.c.id.desc()).limit(1)
    row = tx.execute(statement).one_or_none()
    return None if row is None else _recipe(row)


def page(tx: Connection, after: int | None, limit: int) -> Page[Recipe]:
    """Recipe versions, newest first."""
    return newest_first(tx, select(recipes), recipes, Cut(after, limit), _recipe)


def names(tx: Connection) -> tuple[str, ...]:
    """Names of all recipes, sorted."""
    return tuple(tx.execute(select(recipes.c.name).distinct().order_by(recipes.c.name)).scalars())


def recipe_id(tx: Connection, name: str, version: int) -> int:
    """Row id of a recipe version, for other tables of this floor.

    Raises:
        NotFound: there is no such version.
    """
    return int(_row(tx, name, version).id)


def ids(tx: Connection, versions: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Row ids of those of ``versions`` (name, version) that are stored; for other tables of this floor."""
    statement = select(recipes.c.id, recipes.c.name, recipes.c.version)
    found = matching(tx, statement, recipes.c.name, sorted({name for name, _ in versions}))
    return {key: row.id for row in found if (key := (row.name, row.version)) in versions}


def _row(tx: Connection, name: str, version: int) -> Row[Any]:
    statement = select(recipes).where(recipes.c.name == name, recipes.c.version == version)
    row = tx.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"there is no recipe {name!r} of version {version}")
    return row


def _recipe(row: Row[Any]) -> Recipe:
    return from_json(Recipe, from_text(row.body))
