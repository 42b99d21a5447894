"""Versions of recipes and of calibrations on both databases."""

from dataclasses import replace

import pytest
from simulators.stored_rows import ME, T0, package, recipe
from sqlalchemy import Connection

from andon.domain.calibrations import Calibration
from andon.domain.models import Cuts
from andon.errors import NotFound
from andon.store import calibrations, models, recipes


def test_calibrations(tx: Connection) -> None:
    for version, scale in ((1, 8.0), (2, 8.25)):
        assert calibrations.next_version(tx, "s1", "top") == version
        calibrations.add(tx, Calibration("s1", "top", version, scale, "target", ME, T0))
    side = Calibration("s1", "side", 1, 3.0, "target", ME, T0)
    calibrations.add(tx, side)
    assert calibrations.latest(tx, "s1", "top").pixels_per_mm == 8.25
    assert [c.view for c in calibrations.in_force(tx)] == ["side", "top"]
    assert calibrations.in_force(tx)[1].version == 2
    with pytest.raises(NotFound, match="no calibration"):
        calibrations.latest(tx, "s2", "top")


def test_recipe_versions(tx: Connection) -> None:
    with pytest.raises(NotFound, match="no model"):
        recipes.add_version(tx, recipe(package()))
    models.add(tx, package(), ME, T0)
    first = recipes.add_version(tx, recipe(package()))
    second = recipes.add_version(tx, replace(first, cuts={"dent": Cuts(0.3, 0.6)}))
    assert (first.version, second.version) == (1, 2)
    assert recipes.latest(tx, "tiles") == second
    assert recipes.get(tx, "tiles", 1) == first
    assert recipes.page(tx, None, 1).rows == (second,)
    for missing in (lambda: recipes.latest(tx, "cogs"), lambda: recipes.get(tx, "tiles", 3)):
        with pytest.raises(NotFound):
            missing()
