"""What a station runs may be replaced by what has passed a gate against it."""

from collections.abc import Sequence

from sqlalchemy import Connection

from andon.domain.gates import Gate
from andon.domain.recipes import Recipe
from andon.domain.replacing import check_replacement
from andon.domain.stations import Station
from andon.errors import Refused
from andon.services.release_seen import runs_now
from andon.store import assignments as stored_assignments
from andon.store import gates as stored_gates
from andon.store import stations as stored_stations

TOLD = 500
"""Assignments of a station that are looked through for what ran there."""


def passed_gate(tx: Connection, recipe: Recipe, stations: Sequence[str], asked: str | None) -> Gate:
    """The gate that lets ``recipe`` go to ``stations``: it counts, it passed, and so did one against each
    other version that runs there.

    Args:
        tx: open.
        recipe: that shall run.
        stations: by name.
        asked: id of a gate, or its beginning; None: the one against what the first of them runs.

    Raises:
        NotFound: there is no such station or gate. Conflict: several gates begin so.
        Refused: there is no such gate, it did not pass, or it is of something else.
    """
    name = f"{recipe.name}@{recipe.version}"
    found = [runs_now(tx, stored_stations.get(tx, station)) for station in stations]
    runs = [f"{one.name}@{one.version}" for one in found if one is not None]
    counting = _counting(tx, recipe)
    if asked is not None:
        gate = stored_gates.get(tx, asked)
        _refuse_other(gate, name, recipe, counting)
    elif not counting:
        raise Refused(f"recipe {name} has been through no gate", f"Run `andon gates run {name}`.")
    else:
        gate = next((one for one in counting if one.request.baseline in runs), counting[0])
    check_replacement(name, [gate.request.baseline or "", *runs], counting)
    return gate


def _refuse_other(gate: Gate, name: str, recipe: Recipe, counting: Sequence[Gate]) -> None:
    if gate.request.candidate != name or gate.package != recipe.package:
        raise Refused(
            f"gate {gate.id} is of {gate.request.candidate} with model {gate.package[:12]}, not of {name}",
            f"Name a gate of {name}, or none for its last one.",
        )
    later = next(one for one in counting if one.request.baseline == gate.request.baseline)
    if later.id != gate.id:
        raise Refused(
            f"gate {gate.id} of {name} does not count any more: gate {later.id} asked the same later",
            "Name that one, or none.",
        )


def _counting(tx: Connection, recipe: Recipe) -> list[Gate]:
    """The latest gate of a recipe version against each baseline, newest first."""
    name = f"{recipe.name}@{recipe.version}"
    gates = stored_gates.latest_of_package(tx, recipe.package)
    return [gate for gate in gates if gate.request.candidate == name]


def refuse_ungated(tx: Connection, recipe: Recipe, station: Station) -> None:
    """Return where a person may tell a station by hand to run ``recipe``.

    Another version of the recipe that runs there has passed a gate against that one.  What the station was
    told before is a way back, and another recipe is another product: a person decides on those.

    Raises:
        Refused: it has not passed such a gate.
    """
    runs = runs_now(tx, station)
    if runs is None or runs.name != recipe.name or runs.version == recipe.version:
        return
    told = stored_assignments.history(tx, station.name, TOLD)
    if any((one.recipe.name, one.recipe.version) == (recipe.name, recipe.version) for one in told):
        return
    check_replacement(
        f"{recipe.name}@{recipe.version}", [f"{runs.name}@{runs.version}"], _counting(tx, recipe)
    )
