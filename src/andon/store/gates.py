"""What gates found. Only ever added to; the latest gate of a recipe version counts."""

from typing import Any

from sqlalchemy import Connection, Row, Select, select

from andon.domain.gates import Gate, GateOutcome, GateRequest
from andon.domain.serial import from_json
from andon.errors import InvalidInput
from andon.store import recipes as stored_recipes
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import as_text, by_prefix, from_text
from andon.store.tables import gates, recipes
from andon.units import Digest


def add(tx: Connection, gate: Gate) -> None:
    """Record a gate.

    Raises:
        NotFound: a recipe version it names is not recorded.
        InvalidInput: a recipe is not written as ``NAME@VERSION``, or a number is not finite.
    """
    request = gate.request
    row = {
        "gate": gate.id,
        "recipe_id": stored_recipes.recipe_id(tx, *version_of(request.candidate)),
        "baseline_id": stored_recipes.recipe_id(tx, *version_of(request.baseline))
        if request.baseline
        else None,
        "passed": int(gate.outcome.passed),
        "request": as_text(request),
        "outcome": as_text(gate.outcome),
        "author": gate.author,
        "at": gate.at,
    }
    tx.execute(gates.insert(), row)


def version_of(text: str) -> tuple[str, int]:
    """Name and version of a recipe written as ``NAME@VERSION``.

    Raises:
        InvalidInput: it is not written so.
    """
    name, _, version = text.rpartition("@")
    if not (name and version.isascii() and version.isdecimal() and len(version) < 10):
        raise InvalidInput(f"{text[:80]!r} is no version of a recipe", "Write it as NAME@VERSION.")
    return name, int(version)


def get(tx: Connection, start: str) -> Gate:
    """The gate whose id is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return _gate(by_prefix(tx, _rows(), gates.c.gate, start, "gate"))


def find(tx: Connection, gate: str) -> Gate | None:
    """The gate with exactly this id; None where there is none."""
    row = tx.execute(_rows().where(gates.c.gate == gate)).one_or_none()
    return None if row is None else _gate(row)


def latest_of(tx: Connection, recipe: str, version: int) -> Gate | None:
    """The gate that counts for a recipe version; None where it has not been through one."""
    of = _rows().where(recipes.c.name == recipe, recipes.c.version == version)
    row = tx.execute(of.order_by(gates.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _gate(row)


def has_any(tx: Connection, recipe: str, version: int) -> bool:
    """Whether a recipe version has been through a gate; nothing of it is read."""
    of = select(gates.c.id).join(recipes, recipes.c.id == gates.c.recipe_id)
    found = of.where(recipes.c.name == recipe, recipes.c.version == version).limit(1)
    return tx.execute(found).scalar() is not None


def latest_of_package(tx: Connection, package: Digest) -> tuple[Gate, ...]:
    """The gates that count of a package, newest first: of each recipe version the latest against each
    baseline."""
    found = tx.execute(_rows().where(recipes.c.package == package).order_by(gates.c.id.desc()))
    latest: dict[tuple[int, int | None], Row[Any]] = {}
    for row in found:
        latest.setdefault((row.recipe_id, row.baseline_id), row)
    return tuple(_gate(row) for row in latest.values())


def page(tx: Connection, after: int | None, limit: int, passed: bool | None = None) -> Page[Gate]:
    """Gates, newest first; only those that passed, or were refused, where ``passed`` says so."""
    query = _rows()
    if passed is not None:
        query = query.where(gates.c.passed == int(passed))
    return newest_first(tx, query, gates, Cut(after, limit), _gate)


def _rows() -> Select[Any]:
    joined = gates.join(recipes, recipes.c.id == gates.c.recipe_id)
    return select(gates, recipes.c.package).select_from(joined)


def _gate(row: Row[Any]) -> Gate:
    return Gate(
        id=row.gate,
        request=from_json(GateRequest, from_text(row.request)),
        package=Digest(row.package),
        outcome=from_json(GateOutcome, from_text(row.outcome)),
        author=row.author,
        at=row.at,
    )
