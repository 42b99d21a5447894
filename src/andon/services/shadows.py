"""What second models said at stations, taken in by ingest: recorded once, or refused by name."""

import math
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from andon.domain.inspections import Shadow
from andon.errors import InvalidInput
from andon.services.arrivals import MAX_TEXT, Arrived, check_form, check_texts
from andon.store import inspections as stored_inspections
from andon.store import recipes as stored_recipes
from andon.store import shadows as stored_shadows
from andon.units import Digest
from andon.wire.deliveries import Refusal, shadow_id


def take_shadows(
    tx: Connection, shadows: Sequence[Shadow], station: str, refused_records: Collection[str]
) -> Arrived:
    """Record what a second model of ``station`` said; one whose inspection has not come yet is in neither
    list, and what is recorded already is accepted again.

    Args:
        tx: the transaction of the whole delivery.
        shadows: at most one of each part and recipe version.
        station: that hands over.
        refused_records: inspections that were refused in the same delivery.
    """
    versions = stored_recipes.ids(tx, {(one.recipe, one.recipe_version) for one in shadows})
    places = stored_inspections.places(tx, [one.inspection for one in shadows])
    packages = {version: stored_recipes.get(tx, *version).package for version in versions}
    refused: list[Refusal] = []
    possible: list[Shadow] = []
    for one in shadows:
        try:
            _check(one, refused_records)
            _check_recipe(one, packages)
            if places.get(one.inspection, (station,))[0] != station:
                raise InvalidInput("its part is one of another station")
            possible.append(one)
        except InvalidInput as flaw:
            refused.append(Refusal(shadow_id(one), flaw.message))
    taken = [one for one in possible if one.inspection in places]
    stored_shadows.add(tx, taken, f"station/{station}")
    return Arrived(tuple(shadow_id(one) for one in taken), tuple(refused))


def _check(one: Shadow, refused_records: Collection[str]) -> None:
    if one.inspection in refused_records:
        raise InvalidInput("the record of its part was refused")
    check_form(one.inspection, one.at)
    check_texts((one.recipe, one.variant, *(reason.detail for reason in one.decision.reasons)), MAX_TEXT)
    check_texts((*one.scores, *(found.concept for found in one.findings)), MAX_TEXT)
    if not (math.isfinite(one.milliseconds) and one.milliseconds >= 0):
        raise InvalidInput(f"{one.milliseconds} milliseconds are not possible")
    if not all(math.isfinite(score) for score in one.scores.values()):
        raise InvalidInput("a score of it is no number")


def _check_recipe(one: Shadow, packages: Mapping[tuple[str, int], Digest]) -> None:
    package = packages.get((one.recipe, one.recipe_version))
    if package is None:
        raise InvalidInput(f"there is no recipe {one.recipe!r} of version {one.recipe_version}")
    if package != one.package:
        raise InvalidInput(f"recipe {one.recipe}@{one.recipe_version} has another model than this")
